//! Requests as they are built, and the inputs that are refused before anything is sent.

mod actions;
#[path = "../common/mod.rs"]
mod common;
mod credentials;
mod endpoints;
mod headers;
mod sessions;

use std::collections::BTreeSet;

use bytes::Bytes;
use common::{TIME, action, at, credentials, session};
use http::Request;
use tcss_export::{
    Credentials, Session,
    core::Wall,
    error::{BuildError, Field, Reason},
};

fn sign(mut session: Session) -> Request<Bytes> {
    session.request(&action(), &credentials(), at(TIME)).unwrap()
}

fn names(request: &Request<Bytes>) -> BTreeSet<&str> {
    request.headers().keys().map(http::HeaderName::as_str).collect()
}

/// Asserts which field was refused and why.
#[track_caller]
fn assert_refused<T>(result: Result<T, BuildError>, field: Field, reason: Reason) {
    let error = result.err().expect("refused");
    assert_eq!((error.field(), error.reason()), (field, reason));
}

/// Declares an action without members, as a user would.
macro_rules! user_action {
    ($name:ident, $service:literal, $version:literal, $action:literal) => {
        #[derive(serde::Serialize)]
        struct $name;

        impl tcss_export::actions::Action for $name {
            const SERVICE: &'static str = $service;
            const VERSION: &'static str = $version;
            const NAME: &'static str = $action;
            type Response = serde_json::Value;
        }
    };
}

use user_action;

#[test]
fn build_errors_are_send_and_sync_and_have_no_source() {
    fn is_send_and_sync<T: std::error::Error + Send + Sync + 'static>(_: &T) {}
    let error =
        session().request(&action(), &credentials(), Wall::from_unix_millis(-1)).unwrap_err();
    is_send_and_sync(&error);
    assert_eq!(error.to_string(), "timestamp is out of range");
    assert!(std::error::Error::source(&error).is_none());
}

#[test]
fn sessions_credentials_waiters_and_budgets_are_send_and_sync() {
    fn is_send_and_sync<T: Send + Sync + 'static>() {}
    is_send_and_sync::<Session>();
    is_send_and_sync::<Credentials>();
    is_send_and_sync::<tcss_export::core::wait::Waiter>();
    is_send_and_sync::<tcss_export::core::RateBudget>();
}
