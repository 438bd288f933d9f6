//! Ranges that are not what was asked for, or of which nothing is left.

use tcss_export::download::{ErrorKind, Fault};

use crate::{
    checks::{assert_retries, assert_starts_over, assert_whole},
    server::{Answer, CRC64, File, Play, crc64, digits, xml},
    trial::{cut, trial},
};

#[test]
fn parts_of_a_file_whose_length_is_never_named_are_no_whole_file() {
    let mut trial = trial();
    trial.serve(&digits().without_crc(), Play::ChunkedCut(5));
    let part =
        |range, bytes| Answer::new(206, &[("content-range", range), ("etag", "\"v1\"")], bytes);
    trial.answer(&part("bytes 4-8/*", "56789"));
    assert_eq!((trial.download.bytes(), trial.download.total()), (9, None));
    trial.answer(&part("bytes 8-8/*", "9"));
    let ranges = [1, 2].map(|n| trial.past[n].request.headers()["range"].clone());
    assert_eq!(ranges, ["bytes=4-", "bytes=8-"]);
    assert_starts_over(&mut trial, &digits().without_crc(), &Fault::ShortRanges);
}

#[test]
fn parts_of_a_file_whose_length_is_never_named_end_with_its_checksum() {
    let mut trial = trial();
    trial.serve(&digits(), Play::LessOfUnknown(5));
    let headers = [
        ("content-range", "bytes 4-8/*"),
        ("etag", "\"v1\""),
        (CRC64, &*crc64(b"123456789").to_string()),
    ]
    .map(|(name, value)| (name, value.to_owned()));
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, &**value)).collect();
    trial.answer(&Answer::new(206, &headers, "56789"));
    assert_whole(&mut trial, &digits());
}

#[test]
fn nothing_left_is_no_end_where_the_length_is_another() {
    for bytes in ["12345", "123"] {
        let short = File::new(bytes);
        let mut trial = cut();
        trial.serve(&short, Play::Unsatisfied);
        assert_starts_over(&mut trial, &short, &Fault::Changed);
    }
}

#[test]
fn nothing_left_of_an_unknown_length_is_no_end() {
    for range in ["bytes */3", "bytes */4", "bytes *", "items */3", "bytes */", "bytes 3-3/3"] {
        let mut trial = trial();
        trial.serve(&digits(), Play::ChunkedCut(3));
        trial.answer(&xml(416, "InvalidRange", "m").with("content-range", range));
        assert_starts_over(&mut trial, &digits(), &Fault::WrongRange);
    }
    let mut trial = trial();
    trial.serve(&digits(), Play::ChunkedCut(3));
    trial.answer(&xml(416, "InvalidRange", "m"));
    assert_starts_over(&mut trial, &digits(), &Fault::WrongRange);
}

#[test]
fn nothing_left_of_a_shorter_file_is_a_change() {
    let mut trial = trial();
    trial.serve(&digits(), Play::ChunkedCut(3));
    trial.answer(&xml(416, "InvalidRange", "m").with("content-range", "bytes */2"));
    assert_starts_over(&mut trial, &digits(), &Fault::Changed);
}

#[test]
fn nothing_left_of_another_file_is_no_end() {
    let mut trial = trial();
    trial.serve(&digits().without_crc(), Play::ChunkedCut(3));
    let other = File::new("abc").with_etag("\"v2\"").without_crc();
    let answer = other.answer(&trial.past[0].request, Play::Unsatisfied).with("etag", "\"v2\"");
    trial.answer(&answer);
    assert_starts_over(&mut trial, &other, &Fault::Changed);
}

#[test]
fn nothing_left_of_the_first_request_is_a_refusal() {
    let mut trial = trial();
    trial.serve(&digits(), Play::Unsatisfied);
    assert!(matches!(trial.outcome().unwrap_err().kind, ErrorKind::Refused(_)));
}

#[test]
fn a_range_that_begins_elsewhere_starts_over() {
    let mut trial = cut();
    trial.serve(&digits(), Play::Elsewhere);
    assert_starts_over(&mut trial, &digits(), &Fault::WrongRange);
}

#[test]
fn a_first_answer_that_begins_elsewhere_starts_over() {
    let mut trial = trial();
    trial.serve(&digits(), Play::Elsewhere);
    assert_starts_over(&mut trial, &digits(), &Fault::WrongRange);
}

#[test]
fn a_range_that_is_none_starts_over() {
    for range in [
        "bytes 3-8",
        "bytes 3-8/",
        "bytes 8-3/9",
        "bytes 3-9/9",
        "bytes */9",
        "bytes=3-8/9",
        "items 3-8/9",
        "bytes 3-18446744073709551615/*",
        "bytes +3-8/9",
        "",
    ] {
        let mut trial = cut();
        let answer = Answer::new(206, &[("content-range", range), ("etag", "\"v1\"")], "456789");
        trial.answer(&answer);
        assert_starts_over(&mut trial, &digits(), &Fault::WrongRange);
    }
}

#[test]
fn two_ranges_and_no_range_start_over() {
    let mut trial = cut();
    let mut answer = Answer::new(206, &[("etag", "\"v1\"")], "456789");
    trial.answer(&answer);
    assert_retries(&trial, &Fault::WrongRange);
    trial = cut();
    let headers = &mut answer.head.as_mut().unwrap().headers;
    headers.append("content-range", "bytes 3-8/9".parse().unwrap());
    headers.append("content-range", "bytes 3-8/9".parse().unwrap());
    trial.answer(&answer);
    assert_starts_over(&mut trial, &digits(), &Fault::WrongRange);
}

#[test]
fn a_range_of_another_length_than_its_body_starts_over() {
    let mut trial = cut();
    let headers = [("content-range", "bytes 3-8/9"), ("content-length", "5"), ("etag", "\"v1\"")];
    trial.answer(&Answer::new(206, &headers, "45678"));
    assert_starts_over(&mut trial, &digits(), &Fault::WrongRange);
}

#[test]
fn a_range_beyond_the_known_end_starts_over() {
    let file = digits().without_crc();
    let mut trial = trial();
    trial.serve(&file, Play::Cut(3));
    let headers = [("content-range", "bytes 3-9/*"), ("etag", "\"v1\"")];
    trial.answer(&Answer::new(206, &headers, "456789x"));
    assert_starts_over(&mut trial, &file, &Fault::WrongRange);
}

#[test]
fn more_bytes_than_were_declared_start_over() {
    let mut trial = trial();
    trial.serve(&digits(), Play::Beyond);
    assert_starts_over(&mut trial, &digits(), &Fault::WrongRange);
    let mut trial = cut();
    trial.serve(&digits(), Play::Beyond);
    assert_starts_over(&mut trial, &digits(), &Fault::WrongRange);
}
