//! What the headers of an answer say: its encoding, its request id and how long to wait.

use std::time::Duration;

use tcss_export::{
    actions::ExportStatus,
    error::{Advice, ResponseErrorKind as Kind},
};

use crate::{
    GOOD,
    common::{base64, read},
    read_ok,
};

// A RUNNING answer, compressed by another program.
const GZIP: &str = "H4sIAAAAAAACA6tWCkotLsjPK05VsqpWcq0oyC8qCS5JLCktVrJSCgr18/P0c1fSASoqLE0tLvFMAYoW6Voo1dYCAPQgeeY5AAAA";

#[test]
fn the_error_for_a_compressed_answer_names_the_encoding() {
    let error = read(200, &[("Content-Encoding", "gzip")], base64(GZIP)).unwrap_err();
    assert_eq!(*error.kind(), Kind::Encoding("gzip".into()));
    assert_eq!(error.advice(), Advice::Stop);
    assert_eq!(
        error.to_string(),
        "answer has the content encoding gzip, identity was asked for \
         (HTTP status 200, no request id)"
    );
}

#[test]
fn a_compressed_answer_without_the_header_is_an_error() {
    assert!(matches!(read_ok(base64(GZIP)).unwrap_err().kind(), Kind::Page { .. }));
}

#[test]
fn every_coding_and_every_unknown_word_is_named() {
    for coding in [
        "GZIP",
        "x-gzip",
        "br",
        "deflate",
        "zstd",
        "compress",
        "x-compress",
        "dcb",
        "base64",
        "quoted-printable",
        "chunked",
        "aws-chunked",
        "unknown",
        "utf",
        "utf-8x",
        "identity;q=1",
        "identity gzip",
        "identity, gzip",
        "gzip, identity",
        ",br",
        "utf-8,, gzip",
    ] {
        let error = read(200, &[("Content-Encoding", coding)], GOOD).unwrap_err();
        assert_eq!(*error.kind(), Kind::Encoding(coding.into()));
    }
}

#[test]
fn encoding_in_a_second_header_is_named() {
    let headers = [("Content-Encoding", "identity"), ("Content-Encoding", "br")];
    assert_eq!(*read(200, &headers, GOOD).unwrap_err().kind(), Kind::Encoding("br".into()));
}

#[test]
fn words_that_change_no_byte_count_as_no_encoding() {
    for words in [
        "identity",
        "Identity",
        "identity, identity",
        "",
        ",",
        " , identity ,\t",
        "none",
        "NONE",
        "utf-8",
        "UTF-8",
        "utf8",
        "binary",
        "8bit",
        "7bit",
        "us-ascii",
        "iso-8859-1",
        "gbk",
        "GB2312",
        "gb18030",
        "big5",
        "identity,utf-8",
    ] {
        assert!(read(200, &[("Content-Encoding", words)], GOOD).is_ok(), "{words}");
    }
    let twice = [("Content-Encoding", "identity"), ("Content-Encoding", "none")];
    assert!(read(200, &twice, GOOD).is_ok());
}

const ID_HEADER: (&str, &str) = ("X-TC-RequestId", "r-header");

fn request_id(headers: &[(&str, &str)], body: &str) -> Option<String> {
    read(200, headers, body).unwrap().request_id
}

#[test]
fn the_request_id_of_the_body_comes_first() {
    let body = r#"{"Response":{"RequestId":"r-body"}}"#;
    assert_eq!(request_id(&[ID_HEADER], body).as_deref(), Some("r-body"));
}

#[test]
fn the_request_id_of_the_header_is_used_if_the_body_has_none() {
    for id in ["null", r#""""#, "5", "{}"] {
        let body = format!(r#"{{"Response":{{"RequestId":{id}}}}}"#);
        assert_eq!(request_id(&[ID_HEADER], &body).as_deref(), Some("r-header"), "{body}");
    }
    assert_eq!(request_id(&[ID_HEADER], r#"{"Response":{}}"#).as_deref(), Some("r-header"));
}

#[test]
fn an_answer_without_a_request_id_is_read() {
    let answer = read_ok(r#"{"Response":{"ExportStatus":"RUNNING"}}"#).unwrap();
    assert_eq!(answer.request_id, None);
    assert_eq!(answer.response.status, ExportStatus::Running);
}

#[test]
fn a_page_has_the_request_id_of_its_header() {
    assert_eq!(read(502, &[ID_HEADER], "<html>").unwrap_err().request_id(), Some("r-header"));
}

#[test]
fn an_empty_or_unreadable_request_id_header_counts_as_absent() {
    assert_eq!(request_id(&[("X-TC-RequestId", "")], r#"{"Response":{}}"#), None);
    assert_eq!(request_id(&[("X-TC-RequestId", "导")], r#"{"Response":{}}"#), None);
}

const DATE: (&str, &str) = ("Date", "Wed, 15 Nov 2023 00:09:50 GMT");

fn retry_after(headers: &[(&str, &str)]) -> Option<Duration> {
    read(503, headers, "busy").unwrap_err().retry_after()
}

fn seconds(seconds: u64) -> Option<Duration> {
    Some(Duration::from_secs(seconds))
}

#[test]
fn retry_after_in_seconds_is_read() {
    assert_eq!(retry_after(&[("Retry-After", "7")]), seconds(7));
    assert_eq!(retry_after(&[("Retry-After", "0")]), seconds(0));
    assert_eq!(retry_after(&[("Retry-After", " 120 ")]), seconds(120));
}

#[test]
fn a_retry_after_date_counts_from_the_date_of_the_answer() {
    let until = ("Retry-After", "Wed, 15 Nov 2023 00:10:20 GMT");
    assert_eq!(retry_after(&[until, DATE]), seconds(30));
}

#[test]
fn a_retry_after_date_and_the_date_of_the_answer_may_have_an_obsolete_form() {
    let until = [
        "Wed, 15 Nov 2023 00:10:20 GMT",
        "Wednesday, 15-Nov-23 00:10:20 GMT",
        "Wed Nov 15 00:10:20 2023",
    ];
    let sent = [
        "Wed, 15 Nov 2023 00:09:50 GMT",
        "Wednesday, 15-Nov-23 00:09:50 GMT",
        "Wed Nov 15 00:09:50 2023",
    ];
    for (until, sent) in until.iter().flat_map(|until| sent.map(|sent| (until, sent))) {
        let read = retry_after(&[("Retry-After", until), ("Date", sent)]);
        assert_eq!(read, seconds(30), "{until}, {sent}");
    }
}

/// It is at most 50 years after the date of the answer.
#[test]
fn a_two_digit_year_of_a_retry_after_date_counts_from_the_date_of_the_answer() {
    let fifty_years = ("Retry-After", "Wednesday, 15-Nov-73 00:09:50 GMT");
    assert_eq!(retry_after(&[fifty_years, DATE]), seconds(1_577_923_200));
    let in_the_past = ("Retry-After", "Thursday, 15-Nov-73 00:09:51 GMT");
    assert_eq!(retry_after(&[in_the_past, DATE]), seconds(0));
}

#[test]
fn a_retry_after_date_in_the_past_means_no_delay() {
    let until = ("Retry-After", "Wed, 15 Nov 2023 00:00:00 GMT");
    assert_eq!(retry_after(&[until, DATE]), seconds(0));
}

#[test]
fn a_retry_after_date_is_ignored_if_the_answer_has_no_date() {
    let until = ("Retry-After", "Wed, 15 Nov 2023 00:10:20 GMT");
    assert_eq!(retry_after(&[until]), None);
}

#[test]
fn an_unreadable_or_absent_retry_after_reads_as_none() {
    for value in ["", "soon", "-1", "1.5", "1e3", "99999999999999999999999", "导", "GMT"] {
        assert_eq!(retry_after(&[("Retry-After", value), DATE]), None, "{value}");
    }
    assert_eq!(retry_after(&[DATE]), None);
}

#[test]
fn the_largest_retry_after_does_not_overflow() {
    let value = u64::MAX.to_string();
    assert_eq!(retry_after(&[("Retry-After", &value)]), seconds(u64::MAX));
}
