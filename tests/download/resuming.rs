//! How a download goes on behind what is there.

use tcss_export::{
    core::download::Opening,
    download::{ErrorKind, EventKind, Fault, Policy},
    wait::Backoff,
};

use crate::{
    checks::{assert_retries, assert_whole},
    server::{Answer, File, Play, digits},
    trial::{Due, cut, trial},
};

#[test]
fn every_cut_is_resumed_where_it_was() {
    for at in 1..9 {
        // Of a file whose length is not known the last byte is asked for again.
        for (cut, first) in
            [(Play::Cut(at), at), (Play::Stall(at), at), (Play::ChunkedCut(at), at - 1)]
        {
            let mut trial = trial();
            trial.play(&digits(), &[cut, Play::Well]);
            let headers = trial.past[1].request.headers();
            assert_eq!(headers["range"], format!("bytes={first}-"));
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
    assert_eq!(trial.answer(&part("bytes 0-0/*", "x")).kind, EventKind::Continuing);
    for _ in 0..2 * Policy::MAX_FAILURES {
        assert_eq!(trial.rest(), Due::Request);
        // The last byte that is there, and one more.
        let at = trial.download.bytes();
        let event = trial.answer(&part(&format!("bytes {}-{at}/*", at - 1), "xx"));
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
fn large_parts_are_continued_at_once() {
    let large = File::new(vec![b'x'; 200_000]);
    let mut trial = trial();
    for _ in 0..3 {
        assert_eq!(trial.serve(&large, Play::Less(65_536)).kind, EventKind::Continuing);
    }
    trial.serve(&large, Play::Well);
    assert_whole(&mut trial, &large);
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
fn a_refusal_that_passes_does_not_touch_what_is_there() {
    let mut trial = cut();
    trial.play(&digits(), &[Play::Status(502), Play::Status(503), Play::Well]);
    assert_eq!(trial.past[3].request.headers()["range"], "bytes=3-");
    assert_whole(&mut trial, &digits());
}
