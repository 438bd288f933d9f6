//! Answers that are no file, though their status says so.

use http::{HeaderValue, Version};
use tcss_export::download::{ErrorKind, EventKind, Fault, Policy};

use crate::{
    server::{Answer, File, Play},
    trial::{Due, Trial},
    with::with,
};

fn file() -> File {
    File::new("123456789")
}

/// Returns how a download ends by one answer.
fn ended_by(answer: &Answer) -> ErrorKind {
    let mut trial = Trial::new(&Policy::default());
    let event = trial.answer(answer);
    assert_eq!(event.kind, EventKind::Ended, "{answer:?}");
    trial.outcome().unwrap_err().kind
}

fn ok(headers: &[(&str, &str)]) -> Answer {
    Answer::new(200, headers, "123456789").without("content-length")
}

#[test]
fn a_transfer_coding_but_chunked_is_an_error_that_names_it() {
    for coding in ["identity", "gzip", "xchunked", "gzip, chunked", "chunked, chunked", ""] {
        let kind = ended_by(&ok(&[("transfer-encoding", coding), ("etag", "\"v1\"")]));
        assert_eq!(kind, ErrorKind::Coding(coding.into()));
    }
}

#[test]
fn two_transfer_codings_are_an_error() {
    let mut answer = ok(&[("transfer-encoding", "chunked")]);
    let head = answer.head.as_mut().expect("an answer");
    head.headers.append("transfer-encoding", HeaderValue::from_static("identity"));
    assert_eq!(ended_by(&answer), ErrorKind::Coding("identity".into()));
}

#[test]
fn chunks_are_no_part_of_http_1_0() {
    let mut answer = ok(&[("transfer-encoding", "chunked")]);
    answer.head.as_mut().expect("an answer").version = Version::HTTP_10;
    assert_eq!(ended_by(&answer), ErrorKind::Coding("chunked".into()));
}

#[test]
fn the_case_of_chunked_is_no_matter() {
    let mut trial = Trial::new(&Policy::default());
    trial.answer(&ok(&[("transfer-encoding", "Chunked")]));
    assert_eq!(trial.outcome().unwrap().bytes, 9);
}

#[test]
fn a_part_in_a_transfer_coding_is_an_error() {
    let headers = [("content-range", "bytes 0-8/9"), ("transfer-encoding", "gzip")];
    let answer = Answer::new(206, &headers, "123456789").without("content-length");
    assert_eq!(ended_by(&answer), ErrorKind::Coding("gzip".into()));
}

#[test]
fn p6_a_page_with_status_200_is_no_file_and_what_is_there_stays() {
    let mut trial = Trial::new(&Policy::default());
    trial.serve(&file(), Play::Cut(3));
    let page = Answer::new(200, &[("content-type", "Text/HTML; charset=utf-8")], "<html>login");
    let event = trial.answer(&page);
    assert!(matches!(event.kind, EventKind::Retrying { fault: Fault::Page, .. }), "{event:?}");
    trial.serve(&file(), Play::Well);
    assert_eq!(trial.past[2].request.headers()["range"], "bytes=3-");
    assert_eq!(trial.outcome().unwrap().bytes, 9);
}

#[test]
fn pages_in_a_row_end_the_download() {
    let mut trial = Trial::new(&Policy::default());
    let page = Answer::new(200, &[("content-type", "text/html")], "<html>login");
    for _ in 0..=Policy::MAX_FAILURES {
        assert_eq!(trial.rest(), Due::Request);
        trial.answer(&page);
    }
    assert_eq!(trial.outcome().unwrap_err().kind, ErrorKind::Fault(Fault::Page));
}

#[test]
fn a_stored_page_is_a_file() {
    for member in ["etag", "x-cos-hash-crc64ecma"] {
        let mut trial = Trial::new(&Policy::default());
        let answer = Answer::new(
            200,
            &[
                ("content-type", "text/html"),
                ("content-length", "9"),
                ("etag", "\"v1\""),
                // Of \"123456789\", as field case D7 gives it.
                ("x-cos-hash-crc64ecma", "11051210869376104954"),
            ],
            "123456789",
        );
        trial.answer(&answer.without(member));
        assert_eq!(trial.outcome().unwrap().bytes, 9, "{member}");
    }
}

#[test]
fn a_required_checksum_is_missed_before_the_bytes_come() {
    let policy = with(Policy::default(), |p| p.require_crc64 = true);
    for play in [Play::Well, Play::Less(4)] {
        let mut trial = Trial::new(&policy);
        trial.serve(&file().without_crc(), play);
        let error = trial.outcome().unwrap_err();
        assert_eq!((error.kind, error.report.bytes), (ErrorKind::NoChecksum, 0));
    }
    let mut trial = Trial::new(&policy);
    trial.serve(&file(), Play::Well);
    assert!(trial.outcome().unwrap().verified);
}

#[test]
fn d15_a_close_before_the_checksum_fits_is_an_early_one() {
    let mut trial = Trial::new(&Policy::default());
    let headers = [("x-cos-hash-crc64ecma", "11051210869376104954"), ("etag", "\"v1\"")];
    let cut = Answer::new(200, &headers, "12345").without("content-length");
    let event = trial.answer(&cut);
    assert!(matches!(event.kind, EventKind::Retrying { fault: Fault::Incomplete, .. }));
    let whole = Answer::new(200, &headers, "123456789").without("content-length");
    trial.answer(&whole);
    let downloaded = trial.outcome().unwrap();
    assert_eq!((downloaded.bytes, downloaded.verified), (9, true));
}

#[test]
fn the_request_id_of_the_last_answer_is_told() {
    let mut trial = Trial::new(&Policy::default());
    trial.answer(&Answer::new(302, &[("x-cos-request-id", "x-7")], ""));
    assert_eq!(trial.outcome().unwrap_err().report.request_id.as_deref(), Some("x-7"));
}
