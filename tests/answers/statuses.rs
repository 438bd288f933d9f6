//! HTTP statuses beside their bodies.

use tcss_export::error::{Advice, ResponseErrorKind as Kind};

use crate::{common::read, reading::GOOD};

// Field case P12: a result only with 2xx.
#[test]
fn p12_good_answer_counts_with_every_status_of_success() {
    for status in [200, 201, 202, 203, 206, 299] {
        assert!(read(status, &[], GOOD).is_ok(), "{status}");
    }
}

#[test]
fn p12_good_answer_with_another_status_is_no_result() {
    for status in [100, 199, 400, 401, 403, 404, 408, 429, 500, 502, 503, 504, 599, 999] {
        let error = read(status, &[], GOOD).unwrap_err();
        assert_eq!(*error.kind(), Kind::Status, "{status}");
        assert_eq!(error.request_id(), Some("r-1"), "{status}");
    }
}

#[test]
fn advice_about_a_good_answer_with_another_status_goes_by_the_status() {
    for (status, advice) in [
        (400, Advice::Stop),
        (404, Advice::Stop),
        (408, Advice::Retry),
        (429, Advice::BackOff),
        (500, Advice::Retry),
        (503, Advice::Retry),
    ] {
        assert_eq!(read(status, &[], GOOD).unwrap_err().advice(), advice, "{status}");
    }
}

#[test]
fn page_with_status_429_is_throttling() {
    assert!(read(429, &[], "slow down").unwrap_err().is_throttled());
    assert!(read(429, &[], "").unwrap_err().is_throttled());
}
