//! A file that does not exist yet: a job may succeed some seconds before its file exists.

use std::time::Duration;

use tcss_export::{
    core::download::Opening,
    download::{ErrorKind, EventKind, Fault, Policy},
    driver::TransportErrorKind,
    wait::Backoff,
};

use crate::{
    run::{Due, Run, assert_complete, cut_after_3, download, run, url},
    server::{Answer, Reply, digits, xml},
    with::with,
};

const MAX: usize = Policy::MAX_NOT_FOUND as usize;

/// The answers that may mean that the file does not exist yet.
fn not_found() -> [Answer; 4] {
    [
        xml(404, "NoSuchKey", "The specified key does not exist."),
        Answer::new(404, &[], ""),
        Answer::new(404, &[("content-type", "text/html")], "<html> a page </html>"),
        Answer::new(404, &[], "<Error><Code>\u{fffd}</Code></Error>"),
    ]
}

/// Checks that the last exchange is retried because of a 404, and returns the delay.
#[track_caller]
fn delay(run: &Run) -> Duration {
    let event = &run.exchanges.last().unwrap().event;
    let EventKind::Retrying { fault: Fault::Refused(refusal), delay } = &event.kind else {
        panic!("{event:?}")
    };
    assert_eq!(refusal.status.as_u16(), 404);
    *delay
}

#[test]
fn a_file_that_does_not_exist_yet_is_requested_again() {
    for answer in not_found() {
        for times in 1..=MAX {
            let mut run = run();
            for _ in 0..times {
                run.answer(&answer);
                delay(&run);
            }
            run.serve(&digits(), Reply::Correct);
            assert_complete(&mut run, &digits());
            assert_eq!(run.outcome().unwrap().report.requests as usize, times + 1);
        }
    }
}

#[test]
fn the_delays_of_throttling_apply() {
    let mut run = run();
    for n in 0..Policy::MAX_NOT_FOUND {
        run.serve(&digits(), Reply::Gone);
        let (shortest, longest) = Backoff::THROTTLE.bounds(n);
        assert!((shortest..=longest).contains(&delay(&run)), "{n}");
    }
}

#[test]
fn retry_after_raises_a_delay_up_to_its_cap() {
    for (seconds, expected) in [("9", 9), ("3600", 15)] {
        let mut run = run();
        run.answer(&xml(404, "NoSuchKey", "m").with("retry-after", seconds));
        assert_eq!(delay(&run), Duration::from_secs(expected));
    }
}

#[test]
fn a_file_that_stays_missing_is_a_refusal() {
    for answer in not_found() {
        let mut run = run();
        for _ in 0..MAX {
            run.answer(&answer);
        }
        assert_eq!(run.answer(&answer).kind, EventKind::Ended);
        let error = run.outcome().unwrap_err();
        let ErrorKind::Refused(refusal) = &error.kind else { panic!("{error:?}") };
        assert_eq!((refusal.status.as_u16(), error.report.requests as usize), (404, MAX + 1));
        let limits = Duration::from_secs(2)..Duration::from_secs(16);
        assert!(limits.contains(&error.report.elapsed), "{:?}", error.report.elapsed);
        assert!(!error.is_transient());
    }
}

/// A new URL would not help: the job has no other file.
#[test]
fn no_new_url_is_requested() {
    let mut run = Run::of(download(&Policy::default()).with_new_urls());
    run.serve_all(&digits(), &[Reply::Gone; MAX + 1]);
    assert!(matches!(run.kind(), ErrorKind::Refused(_)));
}

#[test]
fn another_code_or_status_ends_the_download_at_once() {
    for answer in [
        xml(404, "NoSuchBucket", "m"),
        xml(404, "NoSuchUpload", "m"),
        xml(410, "NoSuchKey", "m"),
        Answer::new(410, &[], ""),
    ] {
        let mut run = run();
        assert_eq!(run.answer(&answer).kind, EventKind::Ended, "{answer:?}");
        assert!(matches!(run.kind(), ErrorKind::Refused(_)), "{answer:?}");
    }
}

#[test]
fn the_policy_sets_how_often_the_file_is_requested_again() {
    for most in [0, 1, 7] {
        let mut run = Run::new(&with(Policy::default(), |p| p.max_not_found = most));
        for _ in 0..most {
            run.serve(&digits(), Reply::Gone);
            delay(&run);
        }
        assert_eq!(run.serve(&digits(), Reply::Gone).kind, EventKind::Ended);
    }
}

#[test]
fn not_found_and_failures_have_separate_counts() {
    let mut run =
        Run::new(&with(Policy::default(), |p| (p.max_failures, p.max_not_found) = (2, 2)));
    let failure = Reply::NoAnswer(TransportErrorKind::Timeout);
    run.serve_all(&digits(), &[Reply::Gone, failure, Reply::Gone, failure]);
    run.serve(&digits(), Reply::Correct);
    assert_complete(&mut run, &digits());
}

#[test]
fn a_new_byte_resets_the_count() {
    let mut run = Run::new(&with(Policy::default(), |p| p.max_not_found = 1));
    run.serve_all(&digits(), &[Reply::Gone, Reply::Cut(3), Reply::Gone, Reply::Correct]);
    assert_complete(&mut run, &digits());
}

/// Some machines of the store may not have the file yet.
#[test]
fn a_file_that_disappears_in_between_is_resumed() {
    let mut run = cut_after_3();
    run.serve_all(&digits(), &[Reply::Gone, Reply::Correct]);
    assert_eq!(run.exchanges[2].request.headers()["range"], "bytes=3-");
    assert_eq!(run.exchanges[2].opening, Some(Opening::Append));
    assert_complete(&mut run, &digits());
}

#[test]
fn a_file_that_disappears_for_good_leaves_its_part() {
    let mut run = cut_after_3();
    run.serve_all(&digits(), &[Reply::Gone; MAX + 1]);
    let error = run.outcome().unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Refused(_)) && !error.spoils_part());
    assert_eq!((run.sink.as_slice(), error.report.bytes), (&b"123"[..], 3));
}

#[test]
fn a_new_url_does_not_reset_the_count() {
    let policy = with(Policy::default(), |p| p.max_not_found = 1);
    let mut run = Run::of(download(&policy).with_new_urls());
    run.serve_all(&digits(), &[Reply::Gone, Reply::Expired]);
    assert_eq!(run.wait_until_due(), Due::NewUrl);
    let renewed = url("https://h.example/a.csv?q-signature=EXAMPLE0002");
    run.download.new_url(run.mono(), renewed);
    assert_eq!(run.serve(&digits(), Reply::Gone).kind, EventKind::Ended);
    assert!(matches!(run.kind(), ErrorKind::Refused(_)));
}

#[test]
fn the_time_limit_of_the_download_ends_the_retries() {
    let policy = with(Policy::default(), |p| p.total_limit = Some(Duration::from_millis(300)));
    let mut run = Run::new(&policy);
    run.serve(&digits(), Reply::Gone);
    assert_eq!(run.wait_until_due(), Due::Nothing);
    assert_eq!(run.now, Duration::from_millis(300));
    let error = run.outcome().unwrap_err();
    assert_eq!((&error.kind, error.code()), (&ErrorKind::TimedOut, Some("NoSuchKey")));
}
