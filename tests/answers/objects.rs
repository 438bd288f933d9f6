//! Answers that are one object, without a `Response` around it.

use serde::Deserialize;
use tcss_export::{
    core::read_object,
    error::{Advice, ResponseErrorKind as Kind},
};

use crate::common::response;

#[derive(Debug, Deserialize, PartialEq)]
struct Keys {
    id: String,
    expiry: i64,
}

/// Reads an answer with this status; the error is its kind and what to do.
#[track_caller]
fn read(status: u16, body: impl AsRef<[u8]>) -> Result<Keys, (Kind, Advice)> {
    match read_object(&response(status, &[], body)) {
        Ok(answer) => Ok(answer.response),
        Err(error) => Err((error.kind().clone(), error.advice())),
    }
}

const GOOD: &str = r#"{"id":"AKIDEXAMPLE","expiry":1700000000,"other":null}"#;

#[test]
fn an_object_is_read_with_or_without_a_byte_order_mark() {
    let expected = || Keys { id: "AKIDEXAMPLE".into(), expiry: 1_700_000_000 };
    assert_eq!(read(200, GOOD), Ok(expected()));
    assert_eq!(read(200, format!("\u{feff} {GOOD}\n")), Ok(expected()));
}

#[test]
fn every_proper_prefix_is_truncated_or_empty() {
    for end in 1..GOOD.len() {
        assert_eq!(read(200, &GOOD[..end]), Err((Kind::Truncated, Advice::Retry)), "{end}");
    }
    assert_eq!(read(200, ""), Err((Kind::Empty, Advice::Retry)));
}

#[test]
fn members_of_another_type_missing_ones_and_repeated_ones_are_unexpected() {
    for body in [r#"{"id":1,"expiry":1}"#, r#"{"id":"a"}"#, r#"{"id":"a","id":"b","expiry":1}"#] {
        assert_eq!(read(200, body), Err((Kind::Unexpected, Advice::Stop)), "{body}");
    }
}

#[test]
fn a_status_that_is_no_success_is_an_error() {
    assert_eq!(read(500, GOOD), Err((Kind::Status, Advice::Retry)));
    assert_eq!(read(404, GOOD), Err((Kind::Status, Advice::Stop)));
    assert_eq!(read(302, GOOD), Err((Kind::Redirect { host: None }, Advice::Stop)));
}

#[test]
fn a_page_and_bad_bytes_are_not_json() {
    let page = read(200, "<html>").unwrap_err();
    assert!(matches!(page, (Kind::Page { .. }, Advice::Retry)), "{page:?}");
    let bad = Kind::NotJson { line: 2, column: 2 };
    assert_eq!(read(200, b"{\n\"\xff\":1}"), Err((bad, Advice::Retry)));
}
