//! What holds for the types of errors.

use tcss_export::error::ResponseError;

#[test]
fn errors_of_answers_cross_threads_and_are_small() {
    fn crosses_threads<T: std::error::Error + Send + Sync + 'static>() {}
    crosses_threads::<ResponseError>();
    assert!(size_of::<ResponseError>() <= 128);
}
