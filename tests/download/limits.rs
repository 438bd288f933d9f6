//! Limits of time and size.

use std::{error::Error, time::Duration};

use tcss_export::{
    core::{
        ClockOffset, Mono, Now,
        download::{Download, Opening, Received, Step},
    },
    download::{ErrorKind, EventKind, Fault, Policy},
    driver::TransportErrorKind,
    wait::Backoff,
};

use crate::{
    run::{Due, Run, assert_complete, download, run},
    server::{Answer, Reply, digits, xml},
    with::with,
};

const MILLI: Duration = Duration::from_millis(1);

/// Starts a download and its request at the origin of time.
fn started(policy: &Policy) -> Download {
    let mut download = download(policy);
    download.start(Now::default(), ClockOffset::default()).unwrap();
    download
}

fn at(since_origin: Duration) -> Mono {
    Mono::from_origin(since_origin)
}

/// Returns the fault by which the download has ended at a moment.
fn fault_at(download: &mut Download, moment: Duration) -> Fault {
    match download.step(at(moment)) {
        Step::Done(Err(error)) => error.report.last_fault.clone().unwrap(),
        step => panic!("{step:?}"),
    }
}

#[test]
fn no_head_within_the_stall_limit_is_a_timeout() {
    let limit = Duration::from_secs(9);
    let mut download = started(&with(Policy::default(), |p| {
        p.stall_limit = limit;
        p.max_failures = 0;
    }));
    assert_eq!(download.limit(), at(limit));
    assert_eq!(download.step(at(limit - MILLI)), Step::WaitUntil(at(limit)));
    let fault = fault_at(&mut download, limit);
    assert_eq!(fault, Fault::Transport(TransportErrorKind::Timeout));
}

#[test]
fn no_byte_within_the_stall_limit_is_a_stall_and_each_byte_restarts_the_limit() {
    let limit = Duration::from_secs(9);
    let mut download = started(&with(Policy::default(), |p| {
        p.stall_limit = limit;
        p.max_failures = 0;
    }));
    let answer = Answer::new(200, &[("content-length", "9")], "");
    download.head(at(MILLI), answer.head.as_ref().unwrap());
    assert_eq!(download.limit(), at(limit + MILLI));
    download.body(at(limit), b"1");
    assert_eq!(download.limit(), at(limit * 2));
    assert_eq!(download.body(at(limit + MILLI), b""), Received::Write(b""));
    assert_eq!(download.step(at(limit * 2 - MILLI)), Step::WaitUntil(at(limit * 2)));
    assert_eq!(fault_at(&mut download, limit * 2), Fault::Stalled);
}

#[test]
fn an_error_body_that_stops_is_parsed_as_far_as_it_came() {
    let mut download = started(&Policy::default());
    let answer = xml(404, "NoSuchBucket", "m");
    assert_eq!(download.head(at(MILLI), answer.head.as_ref().unwrap()), Opening::Read);
    assert_eq!(download.body(at(MILLI), &answer.body[..90]), Received::Nothing);
    let Step::Done(Err(error)) = download.step(at(MILLI + Policy::STALL_LIMIT)) else { panic!() };
    let ErrorKind::Refused(refusal) = &error.kind else { panic!("{error:?}") };
    assert_eq!(refusal.code.as_deref(), Some("NoSuchBucket"));
}

#[test]
fn the_whole_error_body_has_the_time_of_one_stall_limit() {
    let mut download = started(&Policy::default());
    let answer = xml(404, "NoSuchBucket", "m");
    download.head(at(MILLI), answer.head.as_ref().unwrap());
    download.body(at(Policy::STALL_LIMIT), &answer.body[..90]);
    assert_eq!(download.limit(), at(MILLI + Policy::STALL_LIMIT));
}

#[test]
fn a_slow_error_body_is_dropped_after_one_stall_limit() {
    let mut download = started(&Policy::default());
    let answer = xml(404, "NoSuchBucket", "m");
    download.head(at(MILLI), answer.head.as_ref().unwrap());
    assert_eq!(download.body(at(Policy::STALL_LIMIT), &answer.body[..90]), Received::Nothing);
    let late = at(Policy::STALL_LIMIT + MILLI);
    assert_eq!(download.body(late, &answer.body[90..91]), Received::Drop);
    assert_eq!(download.ended(late, Ok(())).kind, EventKind::Ended);
    let ErrorKind::Refused(refusal) = download.finish().unwrap_err().kind else { panic!() };
    assert_eq!(refusal.code.as_deref(), Some("NoSuchBucket"));
}

#[test]
fn an_endless_error_body_is_not_read_to_its_end() {
    let mut download = started(&Policy::default());
    let answer = Answer::new(410, &[], "");
    download.head(at(MILLI), answer.head.as_ref().unwrap());
    let piece = [b'x'; 1_000];
    let pieces = (0..100).take_while(|_| download.body(at(MILLI), &piece) == Received::Nothing);
    assert_eq!(pieces.count(), 16);
    assert_eq!(download.ended(at(MILLI), Ok(())).kind, EventKind::Ended);
}

#[test]
fn the_total_limit_ends_the_download_on_time() {
    let policy = with(Policy::default(), |p| p.total_limit = Some(Duration::from_secs(30)));
    let mut pausing = Run::new(&policy);
    pausing.serve(&digits(), Reply::Cut(3));
    let mut asking = pausing.clone();
    asking.start();
    assert_eq!(asking.download.limit(), at(Duration::from_secs(30)));
    for (mut run, requests) in [(pausing, 1), (asking, 2)] {
        let before = run.download.step(at(Duration::from_secs(30) - MILLI));
        assert!(!matches!(before, Step::Done(_)));
        run.now = Duration::from_secs(30);
        let error = run.outcome().unwrap_err();
        assert_eq!(error.kind, ErrorKind::TimedOut);
        let expected = format!(
            "the download did not finish within its time limit (requests: {requests}, 30.0 s, 3 of 9 bytes)"
        );
        assert_eq!(error.to_string(), expected);
        let source = error.source().unwrap().to_string();
        assert_eq!(source, Fault::Incomplete.to_string());
    }
}

#[test]
fn no_byte_is_accepted_after_the_total_limit() {
    for end in [Ok(()), Err(TransportErrorKind::Timeout), Err(TransportErrorKind::Truncated)] {
        let limit = Duration::from_secs(30);
        let mut download = started(&with(Policy::default(), |p| p.total_limit = Some(limit)));
        let answer = Answer::new(200, &[("content-length", "9")], "");
        download.head(at(MILLI), answer.head.as_ref().unwrap());
        assert_eq!(download.body(at(limit - MILLI), b"123"), Received::Write(b"123"));
        assert_eq!(download.body(at(limit), b"456789"), Received::Drop);
        assert_eq!(download.ended(at(limit), end).kind, EventKind::Ended);
        let error = download.finish().unwrap_err();
        assert_eq!((error.kind, error.report.bytes), (ErrorKind::TimedOut, 3));
    }
}

#[test]
fn an_answer_that_ends_after_the_total_limit_counts_if_its_bytes_came_in_time() {
    let limit = Duration::from_secs(30);
    let mut download = started(&with(Policy::default(), |p| p.total_limit = Some(limit)));
    let answer = Answer::new(200, &[("content-length", "9")], "");
    download.head(at(MILLI), answer.head.as_ref().unwrap());
    download.body(at(limit - MILLI), b"123456789");
    let mut with_fault = download.clone();
    download.ended(at(limit), Ok(()));
    assert_eq!(download.finish().unwrap().bytes, 9);
    with_fault.ended(at(limit), Err(TransportErrorKind::Timeout));
    assert_eq!(with_fault.finish().unwrap().bytes, 9);
}

#[test]
fn a_timeout_at_the_total_limit_is_not_a_stall() {
    let limit = Duration::from_secs(30);
    let mut download = started(&with(Policy::default(), |p| p.total_limit = Some(limit)));
    let answer = Answer::new(200, &[("content-length", "9")], "");
    download.head(at(MILLI), answer.head.as_ref().unwrap());
    download.body(at(MILLI), b"123");
    let event = download.ended(at(limit), Err(TransportErrorKind::Timeout));
    assert_eq!(event.kind, EventKind::Ended);
    let error = download.finish().unwrap_err();
    assert_eq!((error.kind, error.report.last_fault), (ErrorKind::TimedOut, None));
}

#[test]
fn a_file_complete_at_the_total_limit_counts() {
    let limit = Duration::from_secs(30);
    let mut download = started(&with(Policy::default(), |p| {
        p.total_limit = Some(limit);
        p.stall_limit = Duration::from_secs(9);
    }));
    let answer = Answer::new(200, &[("content-length", "9")], "");
    download.head(at(MILLI), answer.head.as_ref().unwrap());
    download.body(at(MILLI), b"123456789");
    assert!(
        matches!(download.step(at(limit)), Step::Done(Ok(downloaded)) if downloaded.bytes == 9)
    );
}

#[test]
fn an_abandoned_request_is_due_again_at_once_with_the_same_range() {
    let mut run = run();
    run.serve(&digits(), Reply::Cut(3));
    let first = run.start();
    run.download.abandon();
    assert_eq!(run.download.step(run.mono()), Step::Request);
    let second = run.start();
    assert_eq!(first.headers().get("range"), second.headers().get("range"));
    run.download.abandon();
    run.serve(&digits(), Reply::Correct);
    run.download.abandon();
    assert_complete(&mut run, &digits());
}

#[test]
fn at_the_total_limit_a_missing_new_url_is_reported_as_a_timeout() {
    let limit = Duration::from_secs(30);
    let policy = with(Policy::default(), |p| p.total_limit = Some(limit));
    let mut run = Run::of(download(&policy).with_new_urls());
    run.serve(&digits(), Reply::Expired);
    assert_eq!(run.download.no_new_url(at(limit)).kind, EventKind::Ended);
    assert_eq!(run.outcome().unwrap_err().kind, ErrorKind::TimedOut);
}

#[test]
fn no_pause_exceeds_the_total_limit() {
    let hour = Duration::from_secs(3_600);
    let policy = with(Policy::default(), |p| {
        p.total_limit = Some(Duration::from_secs(30));
        p.retry = Backoff::new(hour, hour, hour);
    });
    let mut run = Run::new(&policy);
    run.serve(&digits(), Reply::Cut(3));
    assert_eq!(run.download.step(run.mono()), Step::WaitUntil(at(Duration::from_secs(30))));
    assert_eq!(run.wait_until_due(), Due::Nothing);
    assert_eq!(run.kind(), ErrorKind::TimedOut);
}

#[test]
fn the_total_limit_applies_while_a_new_url_is_requested() {
    let policy = with(Policy::default(), |p| p.total_limit = Some(Duration::from_secs(30)));
    let mut run = Run::of(download(&policy).with_new_urls());
    run.serve(&digits(), Reply::Expired);
    assert_eq!(run.download.limit(), at(Duration::from_secs(30)));
    run.now = Duration::from_secs(30);
    assert_eq!(run.kind(), ErrorKind::TimedOut);
}

#[test]
fn a_declared_length_above_the_size_limit_is_refused_before_any_byte() {
    for reply in [Reply::Correct, Reply::ShortRange(3)] {
        let mut run = Run::new(&with(Policy::default(), |p| p.size_limit = Some(8)));
        run.serve(&digits(), reply);
        assert_eq!(run.exchanges[0].opening, Some(Opening::Drop));
        let error = run.outcome().unwrap_err();
        assert_eq!(error.kind, ErrorKind::TooLarge { limit: 8 });
        assert!(error.to_string().starts_with("the file is larger than the limit of 8 bytes ("));
        assert_eq!(run.sink, b"");
    }
}

#[test]
fn a_file_of_unknown_length_ends_at_the_size_limit() {
    for piece in [1, 4, 9] {
        let mut run =
            Run { piece, ..Run::new(&with(Policy::default(), |p| p.size_limit = Some(8))) };
        run.serve(&digits(), Reply::Chunked);
        assert_eq!(run.kind(), ErrorKind::TooLarge { limit: 8 });
        assert!(run.sink.len() <= 8, "more bytes were written than the limit");
    }
    let mut run = Run::new(&with(Policy::default(), |p| p.size_limit = Some(8)));
    run.serve_all(&digits(), &[Reply::ChunkedCut(3), Reply::Correct]);
    assert_eq!(run.kind(), ErrorKind::TooLarge { limit: 8 });
}

#[test]
fn a_file_may_be_as_large_as_the_size_limit() {
    for reply in [Reply::Correct, Reply::Chunked] {
        let mut run = Run::new(&with(Policy::default(), |p| p.size_limit = Some(9)));
        run.serve(&digits(), reply);
        assert_eq!(run.outcome().unwrap().bytes, 9);
    }
}

#[test]
fn a_slow_download_is_not_a_stall() {
    let mut download = download(&Policy::default());
    let at = |seconds| Mono::from_origin(Duration::from_secs(seconds));
    download.start(Now::default(), ClockOffset::default()).unwrap();
    let length = (600 * 1_024).to_string();
    let answer = Answer::new(200, &[("content-length", &length)], "");
    download.head(at(0), answer.head.as_ref().unwrap());
    for second in 1..=600 {
        let limit = Step::WaitUntil(at(second - 1 + Policy::STALL_LIMIT.as_secs()));
        assert_eq!(download.step(at(second)), limit);
        assert_eq!(download.body(at(second), &[0; 1_024]), Received::Write(&[0; 1_024]));
    }
    assert_eq!(download.ended(at(600), Ok(())).kind, EventKind::Ended);
    assert_eq!(download.finish().unwrap().report.elapsed, Duration::from_secs(600));
}

#[test]
fn a_stall_is_reported_with_its_time_and_bytes() {
    let policy = with(Policy::default(), |p| p.max_failures = 0);
    let mut run = Run::new(&policy);
    run.serve(&digits(), Reply::Stall(3));
    assert_eq!(run.now, Policy::STALL_LIMIT + Duration::from_millis(40));
    let error = run.outcome().unwrap_err();
    assert_eq!(error.kind, ErrorKind::Fault(Fault::Stalled));
    assert_eq!(error.to_string(), "downloading failed (requests: 1, 60.0 s, 3 of 9 bytes)");
    let source = error.source().unwrap();
    assert_eq!(source.to_string(), "no byte came within the stall limit");
}

#[test]
fn by_default_a_download_has_no_total_limit() {
    assert_eq!(Policy::default().total_limit, None);
    let mut run = Run { now: Duration::from_secs(86_400 * 365), ..run() };
    run.serve(&digits(), Reply::Correct);
    assert_eq!(run.outcome().unwrap().bytes, 9);
}
