//! What holds for the types of errors.

use std::error::Error;

use tcss_export::{
    core::wait::{self, StartError},
    driver::TransportErrorKind,
    wait::Fault,
};

#[test]
fn errors_of_waiting_cross_threads_and_are_small() {
    fn crosses_threads<T: Error + Send + Sync + 'static>() {}
    crosses_threads::<wait::Error>();
    crosses_threads::<StartError>();
    crosses_threads::<TransportErrorKind>();
    crosses_threads::<Fault>();
    assert!(size_of::<wait::Error>() <= 176, "{}", size_of::<wait::Error>());
}
