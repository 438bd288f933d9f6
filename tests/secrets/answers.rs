//! Errors of answers.

use crate::{
    looking::{assert_chain_clean, assert_clean, assert_debug_clean},
    samples::bad_answers,
};

#[test]
fn every_error_of_an_answer() {
    for response in bad_answers() {
        let error = tcss_export::core::read_answer::<tcss_export::actions::DescribeExportJobResult>(
            &response,
        );
        let error = error.unwrap_err();
        assert_chain_clean(&error);
        assert_debug_clean(error.kind());
        assert_clean(&error.kind().to_string());
    }
}
