//! Where a body ends, and what shows it.

use http::Version;
use tcss_export::{
    core::download::Opening,
    download::{ErrorKind, Fault, Policy},
    driver::TransportErrorKind,
};

use crate::{
    checks::{assert_retries, assert_whole},
    server::{Answer, End, File, Play, digits},
    trial::{Trial, download, trial},
};

#[test]
fn an_end_that_comes_as_a_fault_after_the_last_byte_is_an_end() {
    let mut trial = trial();
    let mut answer = Answer::new(200, &[("content-length", "3")], "abc");
    answer.end = End::Broken(TransportErrorKind::Connection);
    trial.answer(&answer);
    assert_eq!(trial.outcome().unwrap().bytes, 3);
}

#[test]
fn a_length_that_cannot_be_read_is_told() {
    for length in ["", "x", "-1", "+9", "9, 9", "18446744073709551616"] {
        let mut trial = trial();
        trial.answer(&Answer::new(200, &[("content-length", length)], "123456789"));
        assert_eq!(trial.past[0].opening, Some(Opening::Drop));
        assert_retries(&trial, &Fault::BadLength);
    }
    let mut trial = trial();
    let mut answer = Answer::new(200, &[("content-length", "9")], "123456789");
    answer.head.as_mut().unwrap().headers.append("content-length", "9".parse().unwrap());
    trial.answer(&answer);
    assert_retries(&trial, &Fault::BadLength);
}

#[test]
fn an_empty_file_is_a_file() {
    let mut trial = trial();
    trial.serve(&File::new(""), Play::Well);
    assert_eq!(trial.past[0].opening, Some(Opening::StartOver));
    assert_whole(&mut trial, &File::new(""));
}

#[test]
fn a_file_in_chunks_needs_no_length() {
    let mut trial = trial();
    assert_eq!(trial.serve(&digits().without_crc(), Play::Chunked).total, Some(9));
    assert_whole(&mut trial, &digits().without_crc());
}

#[test]
fn a_body_whose_end_does_not_show_is_not_taken() {
    let mut trial = trial();
    trial.serve(&digits().without_crc(), Play::Endless);
    assert_eq!(trial.past[0].opening, Some(Opening::Drop));
    let error = trial.outcome().unwrap_err();
    assert_eq!(error.kind, ErrorKind::NoLength);
    let expected = "the answer does not show where the file ends (requests: 1, 0.0 s)";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn by_its_checksum_or_by_http_2_its_end_shows() {
    let mut trial = trial();
    trial.serve(&digits(), Play::Endless);
    assert_whole(&mut trial, &digits());
    let mut trial = Trial::of(download(&Policy::default()));
    let file = digits().without_crc();
    let request = trial.start();
    let mut answer = file.answer(&request, Play::Endless);
    answer.head.as_mut().unwrap().version = Version::HTTP_2;
    trial.take(request, &answer);
    assert_whole(&mut trial, &file);
}
