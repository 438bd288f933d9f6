//! Failures in a row, the delays after them, and what counts as progress.

use std::time::Duration;

use tcss_export::{
    core::{Mono, download::Download},
    download::{ErrorKind, Event, EventKind, Fault, Policy},
    driver::TransportErrorKind,
    wait::Backoff,
};

use crate::{
    run::{Due, Run, URL, run, url},
    server::{CRC64, File, Reply, digits, xml},
};

/// Returns the delay after a failure.
#[track_caller]
fn delay(event: &Event) -> Duration {
    let EventKind::Retrying { delay, .. } = event.kind else { panic!("{event:?}") };
    delay
}

/// All kinds of temporary failure.
fn failures() -> [Reply; 8] {
    [
        Reply::NoAnswer(TransportErrorKind::Connection),
        Reply::NoAnswer(TransportErrorKind::Timeout),
        Reply::NoAnswer(TransportErrorKind::Truncated),
        Reply::Hang,
        Reply::Cut(0),
        Reply::Stall(0),
        Reply::Status(500),
        Reply::WrongRange,
    ]
}

#[test]
fn the_policy_sets_how_many_failures_in_a_row_are_survived() {
    for reply in failures() {
        let mut run = run();
        run.serve_all(&digits(), &[reply; Policy::MAX_FAILURES as usize]);
        run.serve(&digits(), Reply::Correct);
        assert_eq!(run.outcome().unwrap().report.requests, Policy::MAX_FAILURES + 1);

        let mut run = self::run();
        run.serve_all(&digits(), &[reply; Policy::MAX_FAILURES as usize + 1]);
        assert!(matches!(run.kind(), ErrorKind::Fault(_)), "{reply:?}");
    }
}

#[test]
fn each_delay_is_within_the_bounds_of_its_backoff() {
    for (reply, backoff) in [
        (Reply::Cut(0), Backoff::RETRY),
        (Reply::Status(500), Backoff::RETRY),
        (Reply::NoAnswer(TransportErrorKind::Timeout), Backoff::RETRY),
        (Reply::Status(503), Backoff::THROTTLE),
        (Reply::Status(429), Backoff::THROTTLE),
    ] {
        let (mut run, mut longest) = (run(), Duration::ZERO);
        for n in 0..Policy::MAX_FAILURES {
            let delay = delay(run.serve(&digits(), reply));
            let (least, most) = backoff.bounds(n);
            assert!(least <= delay && delay <= most, "{reply:?} {n}: {delay:?}");
            let ended = run.now;
            assert_eq!(run.wait_until_due(), Due::Request);
            assert_eq!(run.now - ended, delay);
            longest = longest.max(delay);
        }
        assert!(longest > backoff.bounds(0).1, "{reply:?}: the delays do not grow");
    }
}

#[test]
fn the_first_broken_connection_is_retried_at_once() {
    let mut run = run();
    let broken = Reply::NoAnswer(TransportErrorKind::Connection);
    assert_eq!(delay(run.serve(&digits(), broken)), Duration::ZERO);
    assert!(delay(run.serve(&digits(), broken)) >= Backoff::RETRY.bounds(1).0);
}

#[test]
fn the_same_seed_yields_the_same_delays_and_another_seed_others() {
    let delays = |seed| {
        let mut run =
            Run::of(Download::new(url(URL), &Policy::default(), seed, Mono::default()).unwrap());
        let delay = |_| delay(run.serve(&digits(), Reply::Cut(0)));
        (0..5).map(delay).collect::<Vec<_>>()
    };
    assert_eq!(delays(1), delays(1));
    assert_ne!(delays(1), delays(2));
}

#[test]
fn retry_after_lengthens_the_delay_up_to_the_cap() {
    for (asked, least) in [("3", 3), ("15", 15), ("86400", 15)] {
        let mut run = run();
        let answer = xml(503, "SlowDown", "m").with("retry-after", asked);
        let delay = delay(run.answer(&answer));
        assert_eq!(delay, Duration::from_secs(least));
    }
}

#[test]
fn one_new_byte_per_request_never_reaches_the_limit_of_failures() {
    let file = File::new(vec![b'x'; 100]);
    let mut run = run();
    run.serve_all(&file, &[Reply::Cut(1); 99]);
    run.serve(&file, Reply::Correct);
    assert_eq!(run.sink, file.bytes);
    assert_eq!(run.outcome().unwrap().report.requests, 100);
}

#[test]
fn repeated_bytes_do_not_reset_the_count_of_failures() {
    let file = File::new(vec![b'x'; 200]);
    let mut run = run();
    let mut exchanges = 0;
    while run.wait_until_due() == Due::Request {
        // Answers of the whole file, cut at the same byte each time.
        let request = run.start();
        let mut answer = file.answer(&request, Reply::Whole);
        answer.body.truncate(100);
        run.process(request, &answer);
        exchanges += 1;
    }
    assert_eq!(exchanges, Policy::MAX_FAILURES + 1);
    assert_eq!(run.kind(), ErrorKind::Fault(Fault::Incomplete));
}

#[test]
fn a_file_that_keeps_changing_ends_the_download() {
    let mut run = run();
    let mut exchanges = 0;
    while run.wait_until_due() == Due::Request {
        exchanges += 1;
        let file = digits().with_etag(&format!("\"v{exchanges}\""));
        run.serve(&file, Reply::Cut(5));
    }
    assert_eq!(exchanges, Policy::MAX_FAILURES + 1);
}

#[test]
fn a_checksum_that_never_matches_ends_the_download() {
    let mut run = run();
    let mut exchanges = 0;
    while run.wait_until_due() == Due::Request {
        exchanges += 1;
        let request = run.start();
        let reply =
            if request.headers().contains_key("range") { Reply::Correct } else { Reply::Cut(5) };
        let answer = digits().answer(&request, reply).with(CRC64, "1");
        run.process(request, &answer);
    }
    assert!(exchanges <= 2 * (Policy::MAX_FAILURES + 1), "{exchanges} exchanges");
    assert!(matches!(run.kind(), ErrorKind::Fault(_) | ErrorKind::Mismatch { .. }));
}
