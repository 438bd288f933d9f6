//! Whether an answer belongs to the file whose bytes are there: by tags, lengths and checksums, also
//! those of earlier answers with the same strong tag.

use std::time::Duration;

use http::HeaderValue;
use tcss_export::{
    core::download::{Opening, Part},
    download::{ErrorKind, EventKind, Fault, Policy},
};

use crate::{
    run::{
        Due, Run, assert_complete, assert_retries, assert_starts_over, cut_after_3, download, run,
        url,
    },
    server::{Answer, CRC64, File, Reply, crc64, digits},
    with::with,
};

#[test]
fn a_range_with_two_tags_starts_over() {
    let mut run = run();
    let file = digits().without_crc();
    run.serve(&file, Reply::Cut(3));
    let request = run.start();
    let mut answer = file.answer(&request, Reply::Correct);
    let head = answer.head.as_mut().expect("an answer");
    head.headers.append("etag", HeaderValue::from_static("\"other\""));
    let event = run.process(request, &answer);
    assert!(matches!(event.kind, EventKind::Retrying { fault: Fault::Changed, .. }), "{event:?}");
}

#[test]
fn a_changed_file_is_downloaded_from_the_start() {
    let other = File::new("abcdefghijkl").with_etag("\"v2\"");
    let mut run = cut_after_3();
    run.serve(&other, Reply::Correct);
    assert_eq!(run.exchanges[1].opening, Some(Opening::StartOver));
    assert_complete(&mut run, &other);
}

#[test]
fn a_range_with_another_tag_starts_over() {
    for etag in ["\"v2\"", "W/\"v1\"", "v1"] {
        let other = File::new("abcdefghi").with_etag(etag).without_crc();
        let mut run = cut_after_3();
        run.serve(&other, Reply::IgnoresIfRange);
        assert_starts_over(&mut run, &other, &Fault::Changed);
    }
}

#[test]
fn a_range_of_another_length_or_checksum_starts_over() {
    for bytes in ["1234567890", "12345678x"] {
        let mut run = cut_after_3();
        run.serve(&File::new(bytes), Reply::Correct);
        assert_starts_over(&mut run, &File::new(bytes), &Fault::Changed);
    }
}

#[test]
fn a_range_without_a_tag_is_accepted_by_its_checksum() {
    let mut run = run();
    run.serve(&digits(), Reply::ChunkedCut(3));
    let request = run.start();
    let answer = digits().answer(&request, Reply::Correct).without("etag");
    run.process(request, &answer);
    assert_complete(&mut run, &digits());
}

#[test]
fn a_range_without_tag_and_checksum_starts_over() {
    let mut run = run();
    let file = digits().without_crc();
    run.serve(&file, Reply::ChunkedCut(3));
    let request = run.start();
    let answer = file.answer(&request, Reply::Correct).without("etag");
    let event = run.process(request, &answer);
    assert!(matches!(event.kind, EventKind::Retrying { fault: Fault::Changed, .. }), "{event:?}");
    run.serve(&file, Reply::Correct);
    assert_complete(&mut run, &file);
    assert_eq!(run.outcome().unwrap().report.restarts, 1);
}

#[test]
fn ranges_that_do_not_match_the_checksum_start_over_once() {
    let mut run = run();
    let request = run.start();
    let mut answer = digits().answer(&request, Reply::Cut(3));
    answer.body = "xyz".into();
    run.process(request, &answer);
    run.serve(&digits(), Reply::Correct);
    assert_starts_over(&mut run, &digits(), &Fault::Mismatch);
}

#[test]
fn a_whole_answer_that_does_not_match_its_checksum_ends_the_download() {
    let mut run = cut_after_3();
    let request = run.start();
    let answer = digits().answer(&request, Reply::Whole).with(CRC64, "7");
    run.process(request, &answer);
    let expected = ErrorKind::Mismatch { expected: 7, computed: crc64(b"123456789") };
    assert_eq!(run.outcome().unwrap_err().kind, expected);
}

#[test]
fn a_mismatch_of_a_whole_answer_ends_the_download_after_discarded_bytes_too() {
    let mut run = cut_after_3();
    run.serve(&digits(), Reply::Cut(3));
    assert_eq!(run.sink, b"123456");
    let request = run.start();
    let answer = digits().answer(&request, Reply::Whole).with(CRC64, "7");
    run.process(request, &answer);
    assert!(matches!(run.outcome().unwrap_err().kind, ErrorKind::Mismatch { .. }));
}

/// Starts a run that was cut after the first three digits, without a known checksum.
fn cut_without_crc() -> Run {
    let mut run = run();
    run.serve(&digits().without_crc(), Reply::Cut(3));
    run
}

/// Checks that the download keeps its bytes and appends the rest.
#[track_caller]
fn assert_keeps_bytes(run: &mut Run, fault: &Fault) {
    assert_retries(run, fault);
    run.serve(&digits().without_crc(), Reply::Correct);
    assert_complete(run, &digits().without_crc());
}

/// A cache may hold a truncated file.
#[test]
fn a_whole_answer_of_another_length_with_the_same_tag_is_refused() {
    let mut run = cut_without_crc();
    run.serve(&File::new("123456").without_crc(), Reply::Whole);
    assert_eq!(run.exchanges[1].opening, Some(Opening::Drop));
    assert_keeps_bytes(&mut run, &Fault::OtherLength);
}

/// A gateway may end a truncated answer properly.
#[test]
fn a_whole_answer_without_a_length_must_have_the_known_length() {
    let mut run = cut_without_crc();
    let headers = [("transfer-encoding", "chunked"), ("etag", "\"v1\"")];
    run.answer(&Answer::new(200, &headers, "123456"));
    assert_eq!(run.exchanges[1].opening, Some(Opening::StartOver));
    assert_keeps_bytes(&mut run, &Fault::Incomplete);
}

#[test]
fn a_whole_answer_with_the_content_range_of_a_part_is_refused() {
    let mut run = cut_without_crc();
    run.serve(&digits().without_crc(), Reply::RangeWithStatus200);
    assert_eq!(run.exchanges[1].opening, Some(Opening::Drop));
    assert_keeps_bytes(&mut run, &Fault::WrongRange);
}

#[test]
fn a_whole_answer_may_have_the_content_range_of_the_whole_file() {
    let mut run = run();
    let headers = [("content-length", "9"), ("content-range", "bytes 0-8/9")];
    run.answer(&Answer::new(200, &headers, "123456789"));
    assert_eq!(run.outcome().unwrap().bytes, 9);
}

#[test]
fn a_whole_answer_with_any_other_content_range_is_refused() {
    for range in ["bytes 0-8/10", "bytes 1-8/9", "bytes 0-9/10", "bytes 0-8/*"] {
        let mut run = run();
        let headers = [("content-length", "9"), ("content-range", range)];
        run.answer(&Answer::new(200, &headers, "123456789"));
        assert_eq!(run.exchanges[0].opening, Some(Opening::Drop), "{range}");
        assert_retries(&run, &Fault::WrongRange);
    }
}

#[test]
fn a_matching_checksum_proves_a_file_of_another_length_complete() {
    let other = File::new("123456");
    let mut run = cut_without_crc();
    run.serve(&other, Reply::Whole);
    assert_complete(&mut run, &other);
}

/// Other bytes with the tag of the digits, without a checksum.
fn wrong() -> File {
    File::new("12345678x").without_crc()
}

/// A chunked answer of these bytes with the tag of the digits.
fn chunked(bytes: &'static str) -> Answer {
    let headers = [("transfer-encoding", "chunked"), ("etag", "\"v1\"")];
    Answer::new(200, &headers, bytes)
}

#[track_caller]
fn assert_mismatch(run: &mut Run) {
    let computed = crc64(b"12345678x");
    let expected = ErrorKind::Mismatch { expected: crc64(b"123456789"), computed };
    assert_eq!(run.outcome().unwrap_err().kind, expected);
}

#[test]
fn a_known_checksum_is_checked_if_later_answers_omit_it() {
    let mut run = cut_after_3();
    run.serve(&wrong(), Reply::Correct);
    assert_retries(&run, &Fault::Mismatch);
    run.serve(&wrong(), Reply::Correct);
    assert_mismatch(&mut run);
}

#[test]
fn a_checksum_in_the_part_metadata_is_checked_against_a_whole_answer() {
    let first = cut_after_3();
    let mut part = Part::new(first.download.metadata().unwrap());
    part.read(b"123");
    let mut download = download(&Policy::default());
    download.resume(part);
    let mut run = Run { sink: b"123".to_vec(), ..Run::of(download) };
    run.serve(&wrong(), Reply::Whole);
    assert_mismatch(&mut run);
}

#[test]
fn a_known_checksum_is_checked_against_skipped_bytes() {
    let mut run = Run::of(download(&Policy::default()).without_restart());
    run.serve(&digits(), Reply::Cut(3));
    run.serve(&wrong(), Reply::Whole);
    assert_mismatch(&mut run);
}

#[test]
fn a_known_checksum_verifies_the_right_bytes() {
    let mut run = cut_after_3();
    run.serve(&digits().without_crc(), Reply::Whole);
    assert_complete(&mut run, &digits());
}

#[test]
fn a_required_checksum_may_come_from_an_earlier_answer() {
    let mut run = Run::new(&with(Policy::default(), |p| p.require_crc64 = true));
    run.serve(&digits(), Reply::Cut(3));
    run.serve(&digits().without_crc(), Reply::Whole);
    assert_complete(&mut run, &digits());
}

#[test]
fn a_length_is_remembered_from_an_answer_without_bytes() {
    let mut run = run();
    run.serve(&digits().without_crc(), Reply::Cut(0));
    run.answer(&chunked("1234"));
    assert_retries(&run, &Fault::Incomplete);
    run.serve(&digits().without_crc(), Reply::Correct);
    assert_complete(&mut run, &digits().without_crc());
}

#[test]
fn a_known_checksum_does_not_apply_to_another_tag_or_none() {
    for other in
        [wrong().with_etag("\"v2\""), wrong().with_etag("W/\"v1\""), wrong().without_etag()]
    {
        let mut run = cut_after_3();
        run.serve(&other, Reply::Whole);
        assert_complete(&mut run, &other);
    }
}

#[test]
fn the_latest_checksum_counts() {
    let mut run = run();
    run.serve(&digits(), Reply::Cut(0));
    let wrong = File { names_crc: true, ..wrong() };
    run.serve(&wrong, Reply::Correct);
    assert_complete(&mut run, &wrong);
}

/// Two files may have the same tag.
#[test]
fn facts_about_one_file_do_not_apply_to_another_with_the_same_tag() {
    let other = File::new("abc").without_crc();
    let mut run = Run::of(download(&Policy::default()).with_new_urls());
    run.serve_all(&digits(), &[Reply::Cut(3), Reply::Denied]);
    assert_eq!(run.wait_until_due(), Due::NewUrl);
    run.download.new_url(run.mono(), url("https://h.example/b.csv?q-signature=EXAMPLE0002"));
    run.serve(&other, Reply::Correct);
    assert_complete(&mut run, &other);
}

#[test]
fn a_range_past_the_known_length_is_a_fault() {
    let mut run = run();
    run.serve(&digits().without_crc(), Reply::Cut(0));
    let headers = [("content-range", "bytes 0-11/*"), ("etag", "\"v1\"")];
    run.answer(&Answer::new(206, &headers, "123456789abc"));
    assert_retries(&run, &Fault::WrongRange);
    run.serve(&digits().without_crc(), Reply::Correct);
    assert_complete(&mut run, &digits().without_crc());
}

#[test]
fn more_bytes_than_the_known_length_are_a_fault() {
    let mut run = run();
    run.serve(&digits(), Reply::Cut(0));
    run.answer(&chunked("123456789abc"));
    assert_retries(&run, &Fault::WrongRange);
}

#[test]
fn a_contradicted_length_makes_the_part_unusable_whatever_ended_the_download() {
    for policy in [
        with(Policy::default(), |p| p.max_failures = 1),
        with(Policy::default(), |p| p.total_limit = Some(Duration::from_millis(250))),
    ] {
        let mut run = Run::new(&policy);
        run.serve(&digits().without_crc(), Reply::Cut(3));
        while run.wait_until_due() == Due::Request {
            run.serve(&File::new("123456").without_crc(), Reply::Whole);
        }
        assert!(run.outcome().unwrap_err().spoils_part(), "{policy:?}");
    }
}
