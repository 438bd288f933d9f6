//! What holds for the types themselves.

use tcss_export::{Credentials, Session, core::Wall};

use crate::common::{action, credentials, session};

#[test]
fn errors_of_building_cross_threads_and_have_no_source() {
    fn crosses_threads<T: std::error::Error + Send + Sync + 'static>(_: &T) {}
    let error =
        session().request(&action(), &credentials(), Wall::from_unix_millis(-1)).unwrap_err();
    crosses_threads(&error);
    assert_eq!(error.to_string(), "timestamp is out of range");
    assert!(std::error::Error::source(&error).is_none());
}

#[test]
fn session_and_waiter_values_cross_threads() {
    fn crosses_threads<T: Send + Sync + 'static>() {}
    crosses_threads::<Session>();
    crosses_threads::<Credentials>();
    crosses_threads::<tcss_export::core::wait::Waiter>();
    crosses_threads::<tcss_export::core::RateBudget>();
}
