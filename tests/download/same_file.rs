//! Whether an answer is of the file whose bytes are there: by tags, lengths and checksums.

use http::HeaderValue;
use tcss_export::{
    core::download::Opening,
    download::{ErrorKind, EventKind, Fault},
};

use crate::{
    checks::{assert_retries, assert_starts_over, assert_whole},
    server::{Answer, CRC64, File, Play, crc64, digits},
    trial::{Trial, cut, trial},
};

#[test]
fn a_part_with_two_tags_starts_over() {
    let mut trial = trial();
    let file = digits().without_crc();
    trial.serve(&file, Play::Cut(3));
    let request = trial.start();
    let mut answer = file.answer(&request, Play::Well);
    let head = answer.head.as_mut().expect("an answer");
    head.headers.append("etag", HeaderValue::from_static("\"other\""));
    let event = trial.take(request, &answer);
    assert!(matches!(event.kind, EventKind::Retrying { fault: Fault::Changed, .. }), "{event:?}");
}

#[test]
fn a_file_that_changed_meanwhile_comes_whole() {
    let other = File::new("abcdefghijkl").with_etag("\"v2\"");
    let mut trial = cut();
    trial.serve(&other, Play::Well);
    assert_eq!(trial.past[1].opening, Some(Opening::StartOver));
    assert_whole(&mut trial, &other);
}

#[test]
fn a_part_of_another_file_starts_over() {
    for etag in ["\"v2\"", "W/\"v1\"", "v1"] {
        let other = File::new("abcdefghi").with_etag(etag).without_crc();
        let mut trial = cut();
        trial.serve(&other, Play::AnyFile);
        assert_starts_over(&mut trial, &other, &Fault::Changed);
    }
}

#[test]
fn a_part_of_another_length_or_checksum_starts_over() {
    for bytes in ["1234567890", "12345678x"] {
        let mut trial = cut();
        trial.serve(&File::new(bytes), Play::Well);
        assert_starts_over(&mut trial, &File::new(bytes), &Fault::Changed);
    }
}

#[test]
fn a_range_without_a_tag_is_of_the_same_file_by_its_checksum() {
    let mut trial = trial();
    trial.serve(&digits(), Play::ChunkedCut(3));
    let request = trial.start();
    let answer = digits().answer(&request, Play::Well).without("etag");
    trial.take(request, &answer);
    assert_whole(&mut trial, &digits());
}

#[test]
fn a_range_that_does_not_show_which_file_it_is_of_starts_over() {
    let mut trial = trial();
    let file = digits().without_crc();
    trial.serve(&file, Play::ChunkedCut(3));
    let request = trial.start();
    let answer = file.answer(&request, Play::Well).without("etag");
    let event = trial.take(request, &answer);
    assert!(matches!(event.kind, EventKind::Retrying { fault: Fault::Changed, .. }), "{event:?}");
    trial.serve(&file, Play::Well);
    assert_whole(&mut trial, &file);
    assert_eq!(trial.outcome().unwrap().report.restarts, 1);
}

#[test]
fn parts_that_do_not_fit_together_start_over_once() {
    let mut trial = trial();
    let request = trial.start();
    let mut answer = digits().answer(&request, Play::Cut(3));
    answer.body = "xyz".into();
    trial.take(request, &answer);
    trial.serve(&digits(), Play::Well);
    assert_starts_over(&mut trial, &digits(), &Fault::Mismatch);
}

#[test]
fn one_answer_that_does_not_fit_its_checksum_is_the_end() {
    let mut trial = cut();
    let request = trial.start();
    let answer = digits().answer(&request, Play::Whole).with(CRC64, "7");
    trial.take(request, &answer);
    let expected = ErrorKind::Mismatch { expected: 7, computed: crc64(b"123456789") };
    assert_eq!(trial.outcome().unwrap_err().kind, expected);
}

#[test]
fn one_answer_is_one_answer_also_after_parts_were_thrown_away() {
    let mut trial = cut();
    trial.serve(&digits(), Play::Cut(3));
    assert_eq!(trial.sink, b"123456");
    let request = trial.start();
    let answer = digits().answer(&request, Play::Whole).with(CRC64, "7");
    trial.take(request, &answer);
    assert!(matches!(trial.outcome().unwrap_err().kind, ErrorKind::Mismatch { .. }));
}

/// A trial that has the first three of the digits, whose checksum no server names.
fn unchecked() -> Trial {
    let mut trial = trial();
    trial.serve(&digits().without_crc(), Play::Cut(3));
    trial
}

/// The bytes that are there have stayed, and the rest is right.
#[track_caller]
fn assert_goes_on(trial: &mut Trial, fault: &Fault) {
    assert_retries(trial, fault);
    trial.serve(&digits().without_crc(), Play::Well);
    assert_whole(trial, &digits().without_crc());
}

/// A cache may have kept a cut file.
#[test]
fn a_whole_answer_of_another_length_under_the_same_tag_is_not_believed() {
    let mut trial = unchecked();
    trial.serve(&File::new("123456").without_crc(), Play::Whole);
    assert_eq!(trial.past[1].opening, Some(Opening::Drop));
    assert_goes_on(&mut trial, &Fault::OtherLength);
}

/// A gateway may end a cut answer like a whole one.
#[test]
fn a_whole_answer_without_a_length_must_have_the_one_that_its_tag_had() {
    let mut trial = unchecked();
    let headers = [("transfer-encoding", "chunked"), ("etag", "\"v1\"")];
    trial.answer(&Answer::new(200, &headers, "123456"));
    assert_eq!(trial.past[1].opening, Some(Opening::StartOver));
    assert_goes_on(&mut trial, &Fault::Incomplete);
}

#[test]
fn a_whole_answer_that_names_a_range_is_not_believed() {
    let mut trial = unchecked();
    trial.serve(&digits().without_crc(), Play::RangeAsWhole);
    assert_eq!(trial.past[1].opening, Some(Opening::Drop));
    assert_goes_on(&mut trial, &Fault::WrongRange);
}

#[test]
fn a_whole_answer_may_name_the_range_of_the_whole() {
    let mut trial = trial();
    let headers = [("content-length", "9"), ("content-range", "bytes 0-8/9")];
    trial.answer(&Answer::new(200, &headers, "123456789"));
    assert_eq!(trial.outcome().unwrap().bytes, 9);
}

#[test]
fn a_checksum_shows_that_a_file_of_another_length_is_whole() {
    let other = File::new("123456");
    let mut trial = unchecked();
    trial.serve(&other, Play::Whole);
    assert_whole(&mut trial, &other);
}
