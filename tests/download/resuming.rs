//! How a download goes on behind what is there, and when it starts over.

use std::time::Duration;

use http::{HeaderValue, Version};
use tcss_export::{
    Backoff, SendFault,
    download::{ErrorKind, EventKind, Fault, Opening, Policy, Received},
};

use crate::{
    server::{Answer, CRC64, End, File, Play, crc64, xml},
    trial::{Due, Trial, download},
};

fn digits() -> File {
    File::new("123456789")
}

fn trial() -> Trial {
    Trial::new(&Policy::default())
}

/// A trial that has the first three bytes of `123456789`.
fn cut() -> Trial {
    let mut trial = trial();
    trial.serve(&digits(), Play::Cut(3));
    trial
}

#[track_caller]
fn assert_retries(trial: &Trial, expected: &Fault) {
    let event = &trial.past.last().unwrap().event;
    let EventKind::Retrying { fault, .. } = &event.kind else { panic!("{event:?}") };
    assert_eq!(fault, expected);
}

/// The download has thrown away what was there, and gets all of the file in its next exchange.
#[track_caller]
fn assert_starts_over(trial: &mut Trial, file: &File, fault: &Fault) {
    assert_retries(trial, fault);
    assert_eq!(trial.download.bytes(), 0);
    trial.serve(file, Play::Well);
    let last = trial.past.last().unwrap();
    assert_eq!(last.request.headers().get("range"), None);
    assert_eq!(last.opening, Some(Opening::StartOver));
    assert_whole(trial, file);
}

#[track_caller]
fn assert_whole(trial: &mut Trial, file: &File) {
    let downloaded = trial.outcome().unwrap();
    assert_eq!(trial.sink, file.bytes);
    assert_eq!(downloaded.bytes, file.bytes.len() as u64);
    assert_eq!(downloaded.crc64, crc64(&file.bytes));
    assert_eq!(downloaded.verified, file.names_crc);
}

#[test]
fn every_cut_is_resumed_where_it_was() {
    for at in 1..9 {
        for cut in [Play::Cut(at), Play::Stall(at), Play::ChunkedCut(at)] {
            let mut trial = trial();
            trial.play(&digits(), &[cut, Play::Well]);
            let headers = trial.past[1].request.headers();
            assert_eq!(headers["range"], format!("bytes={at}-"));
            assert_eq!(headers["if-range"], "\"v1\"");
            assert_eq!(trial.past[1].opening, Some(Opening::Append));
            assert_whole(&mut trial, &digits());
            assert_eq!(trial.outcome().unwrap().report.resumes, 1);
        }
    }
}

#[test]
fn a_cut_before_the_first_byte_is_no_resume() {
    let mut trial = trial();
    trial.play(&digits(), &[Play::Cut(0), Play::Well]);
    assert_eq!(trial.past[1].request.headers().get("range"), None);
    assert_whole(&mut trial, &digits());
    let report = trial.outcome().unwrap().report;
    assert_eq!((report.resumes, report.restarts, report.requests), (0, 0, 2));
}

#[test]
fn an_end_that_comes_as_a_fault_after_the_last_byte_is_an_end() {
    let mut trial = trial();
    let mut answer = Answer::new(200, &[("content-length", "3")], "abc");
    answer.end = End::Broken(SendFault::Connection);
    trial.answer(&answer);
    assert_eq!(trial.outcome().unwrap().bytes, 3);
}

#[test]
fn a_part_that_covers_less_is_continued_at_once() {
    for play in [Play::Less(2), Play::LessOfUnknown(2)] {
        let mut trial = cut();
        assert_eq!(trial.serve(&digits(), play).kind, EventKind::Continuing);
        let then = trial.now;
        assert_eq!(trial.rest(), Due::Request);
        assert_eq!(trial.now, then);
        trial.serve(&digits(), Play::Well);
        assert_eq!(trial.past[2].request.headers()["range"], "bytes=5-");
        assert_whole(&mut trial, &digits());
    }
}

#[test]
fn a_part_of_what_was_asked_for_whole_is_continued() {
    let mut trial = trial();
    trial.play(&digits(), &[Play::Less(4), Play::Less(4), Play::Well]);
    assert_eq!(trial.past[0].opening, Some(Opening::StartOver));
    assert_eq!(trial.past[0].event.total, Some(9));
    assert_whole(&mut trial, &digits());
    assert_eq!(trial.outcome().unwrap().report.resumes, 2);
}

#[test]
fn parts_that_cover_little_again_and_again_are_not_continued_at_once() {
    let mut trial = trial();
    assert_eq!(trial.answer(&one_more(0)).kind, EventKind::Continuing);
    for _ in 0..2 * Policy::MAX_FAILURES {
        assert_eq!(trial.rest(), Due::Request);
        let event = trial.answer(&one_more(trial.download.bytes()));
        let EventKind::Retrying { fault: Fault::Less, delay } = &event.kind else {
            panic!("{event:?}")
        };
        assert!(*delay >= Backoff::RETRY.bounds(0).0, "{delay:?}");
    }
}

/// A part of one byte, of a file whose length is not told.
fn one_more(at: u64) -> Answer {
    let range = format!("bytes {at}-{at}/*");
    Answer::new(206, &[("content-range", &range), ("etag", "\"v1\"")], "x")
}

#[test]
fn large_parts_are_continued_at_once() {
    let large = File::new(vec![b'x'; 200_000]);
    let mut trial = trial();
    for _ in 0..3 {
        assert_eq!(trial.serve(&large, Play::Less(65_536)).kind, EventKind::Continuing);
    }
    trial.serve(&large, Play::Well);
    assert_whole(&mut trial, &large);
}

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

/// Without a strong tag the rest cannot be asked for, and asking for all again may never end.
#[test]
fn a_part_that_cannot_be_continued_is_incomplete_and_counts() {
    for file in [digits().without_etag(), digits().with_etag("W/\"v1\"")] {
        let mut trial = trial();
        trial.serve(&file, Play::Less(3));
        assert_retries(&trial, &Fault::Incomplete);
        for _ in 0..Policy::MAX_FAILURES {
            assert_eq!(trial.rest(), Due::Request);
            trial.serve(&file, Play::Less(3));
        }
        let kind = trial.outcome().unwrap_err().kind;
        assert_eq!(kind, ErrorKind::Fault(Fault::Incomplete));
    }
}

#[test]
fn parts_of_a_file_whose_length_is_never_named_end_with_nothing_left() {
    let mut trial = trial();
    trial.play(&digits(), &[Play::LessOfUnknown(4), Play::LessOfUnknown(4)]);
    let rest = Answer::new(206, &[("content-range", "bytes 8-8/*"), ("etag", "\"v1\"")], "9");
    trial.answer(&rest);
    assert_eq!(trial.download.total(), None);
    trial.serve(&digits(), Play::Well);
    assert_eq!(trial.past[3].request.headers()["range"], "bytes=9-");
    assert_eq!(trial.past[3].opening, Some(Opening::Drop));
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
fn nothing_left_of_an_unknown_length_must_name_the_bytes_that_are_there() {
    for range in ["bytes */2", "bytes */4", "bytes *", "items */3", "bytes */", "bytes 3-3/3"] {
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
fn nothing_left_of_bytes_that_do_not_fit_their_checksum_starts_over() {
    let mut trial = trial();
    trial.serve(&digits(), Play::ChunkedCut(3));
    trial.answer(&xml(416, "InvalidRange", "m").with("content-range", "bytes */3"));
    assert_starts_over(&mut trial, &digits(), &Fault::Mismatch);
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

#[test]
fn a_length_that_is_none_is_incomplete() {
    for length in ["", "x", "-1", "+9", "9, 9", "18446744073709551616"] {
        let mut trial = trial();
        trial.answer(&Answer::new(200, &[("content-length", length)], "123456789"));
        assert_eq!(trial.past[0].opening, Some(Opening::Drop));
        assert_retries(&trial, &Fault::Incomplete);
    }
    let mut trial = trial();
    let mut answer = Answer::new(200, &[("content-length", "9")], "123456789");
    answer.head.as_mut().unwrap().headers.append("content-length", "9".parse().unwrap());
    trial.answer(&answer);
    assert_retries(&trial, &Fault::Incomplete);
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
fn without_a_strong_tag_nothing_is_resumed() {
    for file in [
        digits().without_etag(),
        digits().with_etag("W/\"v1\""),
        digits().with_etag("v1"),
        digits().with_etag("\""),
        digits().with_etag("\"a\"b\""),
        digits().with_etag(&format!("\"{}\"", "a".repeat(2_000))),
    ] {
        let mut trial = trial();
        trial.play(&file, &[Play::Cut(3), Play::Well]);
        let headers = trial.past[1].request.headers();
        assert_eq!((headers.get("range"), headers.get("if-range")), (None, None));
        assert_whole(&mut trial, &file);
        assert_eq!(trial.outcome().unwrap().report.restarts, 1);
    }
}

#[test]
fn bytes_that_cannot_be_resumed_do_not_count_from_the_next_request_on() {
    let mut trial = trial();
    trial.serve(&digits().without_etag(), Play::Cut(3));
    assert_eq!(trial.download.bytes(), 3);
    trial.start();
    assert_eq!(trial.download.bytes(), 0);
}

#[test]
fn two_tags_are_none() {
    let mut trial = trial();
    let request = trial.start();
    let mut answer = digits().answer(&request, Play::Cut(3));
    answer.head.as_mut().unwrap().headers.append("etag", "\"v2\"".parse().unwrap());
    trial.take(request, &answer);
    assert_eq!(trial.start().headers().get("range"), None);
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

#[test]
fn a_refusal_that_passes_does_not_touch_what_is_there() {
    let mut trial = cut();
    trial.play(&digits(), &[Play::Status(502), Play::Status(503), Play::Well]);
    assert_eq!(trial.past[3].request.headers()["range"], "bytes=3-");
    assert_whole(&mut trial, &digits());
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

#[test]
fn what_comes_when_nothing_is_under_way_is_left_aside() {
    let mut trial = cut();
    let event = trial.download.ended(trial.mono(), Ok(()));
    assert_eq!(event.kind, EventKind::Ignored);
    let answer = digits().answer(&trial.past[0].request, Play::Well);
    let opening = trial.download.head(trial.mono(), answer.head.as_ref().unwrap());
    assert_eq!(opening, Opening::Drop);
    let received = trial.download.body(trial.mono(), b"x");
    assert_eq!(received, Received::Drop);
    assert_eq!(trial.download.bytes(), 3);
    trial.now += Duration::from_secs(1);
    trial.serve(&digits(), Play::Well);
    assert_whole(&mut trial, &digits());
}
