//! Requests that a session makes, and refusals.

use std::collections::BTreeSet;

use bytes::Bytes;
use http::Request;
use tcss_export::{
    Session,
    error::{BuildError, Field, Reason},
};

use crate::common::{TIME, action, at, credentials};

pub(crate) fn sign(mut session: Session) -> Request<Bytes> {
    session.request(&action(), &credentials(), at(TIME)).unwrap()
}

pub(crate) fn names(request: &Request<Bytes>) -> BTreeSet<&str> {
    request.headers().keys().map(http::HeaderName::as_str).collect()
}

/// Asserts what a value was refused for, and that the error does not show it.
#[track_caller]
pub(crate) fn refused<T>(result: Result<T, BuildError>, field: Field, reason: Reason) {
    let error = result.err().expect("refused");
    assert_eq!((error.field(), error.reason()), (field, reason));
}

/// An action of a user's own, without members.
macro_rules! own_action {
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

pub(crate) use own_action;
