//! Ranges other than requested, and status 416.

use tcss_export::download::{ErrorKind, Fault};

use crate::{
    run::{assert_complete, assert_retries, assert_starts_over, cut_after_3, run},
    server::{Answer, CRC64, File, Reply, crc64, digits, xml},
};

#[test]
fn ranges_without_a_total_length_do_not_complete_a_file() {
    let mut run = run();
    run.serve(&digits().without_crc(), Reply::ChunkedCut(5));
    let part =
        |range, bytes| Answer::new(206, &[("content-range", range), ("etag", "\"v1\"")], bytes);
    run.answer(&part("bytes 4-8/*", "56789"));
    assert_eq!((run.download.bytes(), run.download.total()), (9, None));
    run.answer(&part("bytes 8-8/*", "9"));
    let ranges = [1, 2].map(|n| run.exchanges[n].request.headers()["range"].clone());
    assert_eq!(ranges, ["bytes=4-", "bytes=8-"]);
    assert_starts_over(&mut run, &digits().without_crc(), &Fault::ShortRanges);
}

#[test]
fn ranges_without_a_total_length_are_complete_at_the_checksum() {
    let mut run = run();
    run.serve(&digits(), Reply::ShortRangeNoTotal(5));
    let headers = [
        ("content-range", "bytes 4-8/*"),
        ("etag", "\"v1\""),
        (CRC64, &*crc64(b"123456789").to_string()),
    ]
    .map(|(name, value)| (name, value.to_owned()));
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, &**value)).collect();
    run.answer(&Answer::new(206, &headers, "56789"));
    assert_complete(&mut run, &digits());
}

#[test]
fn status_416_of_a_file_of_another_length_starts_over() {
    for bytes in ["12345", "123"] {
        let short = File::new(bytes);
        let mut run = cut_after_3();
        run.serve(&short, Reply::NotSatisfiable);
        assert_starts_over(&mut run, &short, &Fault::Changed);
    }
}

#[test]
fn status_416_never_completes_a_file_of_unknown_length() {
    for range in ["bytes */3", "bytes */4", "bytes *", "items */3", "bytes */", "bytes 3-3/3"] {
        let mut run = run();
        run.serve(&digits(), Reply::ChunkedCut(3));
        run.answer(&xml(416, "InvalidRange", "m").with("content-range", range));
        assert_starts_over(&mut run, &digits(), &Fault::WrongRange);
    }
    let mut run = run();
    run.serve(&digits(), Reply::ChunkedCut(3));
    run.answer(&xml(416, "InvalidRange", "m"));
    assert_starts_over(&mut run, &digits(), &Fault::WrongRange);
}

#[test]
fn status_416_of_a_shorter_file_is_a_change() {
    let mut run = run();
    run.serve(&digits(), Reply::ChunkedCut(3));
    run.answer(&xml(416, "InvalidRange", "m").with("content-range", "bytes */2"));
    assert_starts_over(&mut run, &digits(), &Fault::Changed);
}

#[test]
fn status_416_of_another_file_is_a_change() {
    let mut run = run();
    run.serve(&digits().without_crc(), Reply::ChunkedCut(3));
    let other = File::new("abc").with_etag("\"v2\"").without_crc();
    let answer =
        other.answer(&run.exchanges[0].request, Reply::NotSatisfiable).with("etag", "\"v2\"");
    run.answer(&answer);
    assert_starts_over(&mut run, &other, &Fault::Changed);
}

#[test]
fn status_416_without_a_range_request_is_a_refusal() {
    let mut run = run();
    run.serve(&digits(), Reply::NotSatisfiable);
    assert!(matches!(run.outcome().unwrap_err().kind, ErrorKind::Refused(_)));
}

#[test]
fn a_range_with_another_start_starts_over() {
    let mut run = cut_after_3();
    run.serve(&digits(), Reply::WrongRange);
    assert_starts_over(&mut run, &digits(), &Fault::WrongRange);
}

#[test]
fn a_first_answer_that_skips_bytes_starts_over() {
    let mut run = run();
    run.serve(&digits(), Reply::WrongRange);
    assert_starts_over(&mut run, &digits(), &Fault::WrongRange);
}

#[test]
fn an_invalid_content_range_starts_over() {
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
        let mut run = cut_after_3();
        let answer = Answer::new(206, &[("content-range", range), ("etag", "\"v1\"")], "456789");
        run.answer(&answer);
        assert_starts_over(&mut run, &digits(), &Fault::WrongRange);
    }
}

#[test]
fn a_missing_or_repeated_content_range_starts_over() {
    let mut run = cut_after_3();
    let mut answer = Answer::new(206, &[("etag", "\"v1\"")], "456789");
    run.answer(&answer);
    assert_retries(&run, &Fault::WrongRange);
    run = cut_after_3();
    let headers = &mut answer.head.as_mut().unwrap().headers;
    headers.append("content-range", "bytes 3-8/9".parse().unwrap());
    headers.append("content-range", "bytes 3-8/9".parse().unwrap());
    run.answer(&answer);
    assert_starts_over(&mut run, &digits(), &Fault::WrongRange);
}

#[test]
fn a_range_whose_length_differs_from_content_length_starts_over() {
    let mut run = cut_after_3();
    let headers = [("content-range", "bytes 3-8/9"), ("content-length", "5"), ("etag", "\"v1\"")];
    run.answer(&Answer::new(206, &headers, "45678"));
    assert_starts_over(&mut run, &digits(), &Fault::WrongRange);
}

#[test]
fn a_range_past_the_known_end_starts_over() {
    let file = digits().without_crc();
    let mut run = run();
    run.serve(&file, Reply::Cut(3));
    let headers = [("content-range", "bytes 3-9/*"), ("etag", "\"v1\"")];
    run.answer(&Answer::new(206, &headers, "456789x"));
    assert_starts_over(&mut run, &file, &Fault::WrongRange);
}

#[test]
fn more_bytes_than_declared_start_over() {
    let mut run = run();
    run.serve(&digits(), Reply::ExtraByte);
    assert_starts_over(&mut run, &digits(), &Fault::WrongRange);
    let mut run = cut_after_3();
    run.serve(&digits(), Reply::ExtraByte);
    assert_starts_over(&mut run, &digits(), &Fault::WrongRange);
}
