//! What holds for the types of errors.

use std::error::Error;

use tcss_export::{Fault, SendFault, StartError, WaitError};

#[test]
fn errors_of_waiting_cross_threads_and_are_small() {
    fn crosses_threads<T: Error + Send + Sync + 'static>() {}
    crosses_threads::<WaitError>();
    crosses_threads::<StartError>();
    crosses_threads::<SendFault>();
    crosses_threads::<Fault>();
    assert!(size_of::<WaitError>() <= 176, "{}", size_of::<WaitError>());
}
