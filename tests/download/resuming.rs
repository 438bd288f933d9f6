//! How a download resumes after the bytes it has.

use tcss_export::{
    core::download::Opening,
    download::{ErrorKind, EventKind, Fault, Policy},
    wait::Backoff,
};

use crate::{
    run::{Due, assert_complete, assert_retries, cut_after_3, run},
    server::{Answer, File, Reply, digits},
};

#[test]
fn every_cut_is_resumed_at_its_position() {
    for at in 1..9 {
        // If the length is unknown, the last byte is requested again.
        for (cut, first) in
            [(Reply::Cut(at), at), (Reply::Stall(at), at), (Reply::ChunkedCut(at), at - 1)]
        {
            let mut run = run();
            run.serve_all(&digits(), &[cut, Reply::Correct]);
            let headers = run.exchanges[1].request.headers();
            assert_eq!(headers["range"], format!("bytes={first}-"));
            assert_eq!(headers["if-range"], "\"v1\"");
            assert_eq!(run.exchanges[1].opening, Some(Opening::Append));
            assert_complete(&mut run, &digits());
            assert_eq!(run.outcome().unwrap().report.resumes, 1);
        }
    }
}

#[test]
fn a_cut_before_the_first_byte_does_not_count_as_a_resume() {
    let mut run = run();
    run.serve_all(&digits(), &[Reply::Cut(0), Reply::Correct]);
    assert_eq!(run.exchanges[1].request.headers().get("range"), None);
    assert_complete(&mut run, &digits());
    let report = run.outcome().unwrap().report;
    assert_eq!((report.resumes, report.restarts, report.requests), (0, 0, 2));
}

#[test]
fn a_short_range_is_continued_at_once() {
    for reply in [Reply::ShortRange(2), Reply::ShortRangeNoTotal(2)] {
        let mut run = cut_after_3();
        assert_eq!(run.serve(&digits(), reply).kind, EventKind::Continuing);
        let then = run.now;
        assert_eq!(run.wait_until_due(), Due::Request);
        assert_eq!(run.now, then);
        run.serve(&digits(), Reply::Correct);
        assert_eq!(run.exchanges[2].request.headers()["range"], "bytes=5-");
        assert_complete(&mut run, &digits());
    }
}

#[test]
fn a_range_in_answer_to_a_request_for_the_whole_file_is_continued() {
    let mut run = run();
    run.serve_all(&digits(), &[Reply::ShortRange(4), Reply::ShortRange(4), Reply::Correct]);
    assert_eq!(run.exchanges[0].opening, Some(Opening::StartOver));
    assert_eq!(run.exchanges[0].event.total, Some(9));
    assert_complete(&mut run, &digits());
    assert_eq!(run.outcome().unwrap().report.resumes, 2);
}

#[test]
fn repeated_tiny_ranges_are_continued_after_a_delay() {
    let mut run = run();
    assert_eq!(run.answer(&part("bytes 0-0/*", "x")).kind, EventKind::Continuing);
    for _ in 0..2 * Policy::MAX_FAILURES {
        assert_eq!(run.wait_until_due(), Due::Request);
        // The last byte again, and one more.
        let at = run.download.bytes();
        let event = run.answer(&part(&format!("bytes {}-{at}/*", at - 1), "xx"));
        let EventKind::Retrying { fault: Fault::ShortRanges, delay } = &event.kind else {
            panic!("{event:?}")
        };
        assert!(*delay >= Backoff::RETRY.bounds(0).0, "{delay:?}");
    }
}

fn part(range: &str, bytes: &'static str) -> Answer {
    Answer::new(206, &[("content-range", range), ("etag", "\"v1\"")], bytes)
}

#[test]
fn large_ranges_are_continued_at_once() {
    let large = File::new(vec![b'x'; 200_000]);
    let mut run = run();
    for _ in 0..3 {
        assert_eq!(run.serve(&large, Reply::ShortRange(65_536)).kind, EventKind::Continuing);
    }
    run.serve(&large, Reply::Correct);
    assert_complete(&mut run, &large);
}

/// The range repeats the last byte to check that the file has not changed.
#[test]
fn a_range_of_the_last_byte_without_that_byte_is_incomplete() {
    let file = File::new("123").without_crc();
    let mut run = run();
    run.serve(&file, Reply::ChunkedCut(3));
    run.answer(&part("bytes 2-2/3", ""));
    assert_eq!(run.exchanges[1].request.headers()["range"], "bytes=2-");
    assert_retries(&run, &Fault::Incomplete);
    run.serve(&file, Reply::Correct);
    assert_complete(&mut run, &file);
}

#[test]
fn ranges_of_less_than_64_kib_are_continued_after_a_delay() {
    let large = File::new(vec![b'x'; 200_000]);
    let mut run = run();
    assert_eq!(run.serve(&large, Reply::ShortRange(65_535)).kind, EventKind::Continuing);
    run.serve(&large, Reply::ShortRange(65_535));
    assert_retries(&run, &Fault::ShortRanges);
}

/// Without a strong tag the rest cannot be requested, and requesting it all again may never end.
#[test]
fn a_short_range_without_a_strong_tag_counts_as_a_failure() {
    for file in [digits().without_etag(), digits().with_etag("W/\"v1\"")] {
        let mut run = run();
        run.serve(&file, Reply::ShortRange(3));
        assert_retries(&run, &Fault::Incomplete);
        for _ in 0..Policy::MAX_FAILURES {
            assert_eq!(run.wait_until_due(), Due::Request);
            run.serve(&file, Reply::ShortRange(3));
        }
        let kind = run.outcome().unwrap_err().kind;
        assert_eq!(kind, ErrorKind::Fault(Fault::Incomplete));
    }
}

#[test]
fn without_a_strong_tag_a_cut_starts_over() {
    for file in [
        digits().without_etag(),
        digits().with_etag("W/\"v1\""),
        digits().with_etag("v1"),
        digits().with_etag("\""),
        digits().with_etag("\"a\"b\""),
        digits().with_etag(&format!("\"{}\"", "a".repeat(2_000))),
    ] {
        let mut run = run();
        run.serve_all(&file, &[Reply::Cut(3), Reply::Correct]);
        let headers = run.exchanges[1].request.headers();
        assert_eq!((headers.get("range"), headers.get("if-range")), (None, None));
        assert_complete(&mut run, &file);
        assert_eq!(run.outcome().unwrap().report.restarts, 1);
    }
}

#[test]
fn bytes_that_cannot_be_resumed_count_until_the_next_request() {
    let mut run = run();
    run.serve(&digits().without_etag(), Reply::Cut(3));
    assert_eq!(run.download.bytes(), 3);
    run.start();
    assert_eq!(run.download.bytes(), 0);
}

#[test]
fn two_tags_count_as_none() {
    let mut run = run();
    let request = run.start();
    let mut answer = digits().answer(&request, Reply::Cut(3));
    answer.head.as_mut().unwrap().headers.append("etag", "\"v2\"".parse().unwrap());
    run.process(request, &answer);
    assert_eq!(run.start().headers().get("range"), None);
}

#[test]
fn a_temporary_refusal_keeps_the_bytes() {
    let mut run = cut_after_3();
    run.serve_all(&digits(), &[Reply::Status(502), Reply::Status(503), Reply::Correct]);
    assert_eq!(run.exchanges[3].request.headers()["range"], "bytes=3-");
    assert_complete(&mut run, &digits());
}

#[test]
fn a_whole_answer_to_a_range_request_starts_over() {
    let mut run = run();
    run.serve(&File::new(vec![b'a'; 200]), Reply::Cut(100));
    assert_eq!(run.sink, [b'a'; 100]);
    run.serve(&File::new(vec![b'b'; 250]), Reply::Whole);
    assert_eq!(run.exchanges[1].request.headers()["range"], "bytes=100-");
    assert_eq!(run.exchanges[1].opening, Some(Opening::StartOver));
    assert_eq!(run.sink, [b'b'; 250]);
    let downloaded = run.outcome().unwrap();
    assert_eq!((downloaded.bytes, downloaded.report.restarts), (250, 1));
    assert_eq!(downloaded.report.resumes, 0);
}
