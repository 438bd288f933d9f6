//! Failures in a row, the pauses after them, and what counts as progress.

use std::time::Duration;

use tcss_export::{
    core::{Mono, download::Download},
    download::{ErrorKind, Event, EventKind, Fault, Policy},
    driver::TransportErrorKind,
    wait::Backoff,
};

use crate::{
    server::{CRC64, File, Play, digits, xml},
    trial::{Due, Trial, URL, trial, url},
};

/// Returns the pause after a failure.
#[track_caller]
fn pause(event: &Event) -> Duration {
    let EventKind::Retrying { delay, .. } = event.kind else { panic!("{event:?}") };
    delay
}

/// All ways in which an exchange may fail and pass.
fn failures() -> [Play; 8] {
    [
        Play::Unsent(TransportErrorKind::Connection),
        Play::Unsent(TransportErrorKind::Timeout),
        Play::Unsent(TransportErrorKind::Truncated),
        Play::Silence,
        Play::Cut(0),
        Play::Stall(0),
        Play::Status(500),
        Play::Elsewhere,
    ]
}

#[test]
fn as_many_failures_in_a_row_are_survived_as_the_policy_says() {
    for play in failures() {
        let mut trial = trial();
        trial.play(&digits(), &[play; Policy::MAX_FAILURES as usize]);
        trial.serve(&digits(), Play::Well);
        assert_eq!(trial.outcome().unwrap().report.requests, Policy::MAX_FAILURES + 1);

        let mut trial = self::trial();
        trial.play(&digits(), &[play; Policy::MAX_FAILURES as usize + 1]);
        assert!(matches!(trial.kind(), ErrorKind::Fault(_)), "{play:?}");
    }
}

#[test]
fn every_delay_is_within_the_bounds_of_its_kind() {
    for (play, backoff) in [
        (Play::Cut(0), Backoff::RETRY),
        (Play::Status(500), Backoff::RETRY),
        (Play::Unsent(TransportErrorKind::Timeout), Backoff::RETRY),
        (Play::Status(503), Backoff::THROTTLE),
        (Play::Status(429), Backoff::THROTTLE),
    ] {
        let (mut trial, mut longest) = (trial(), Duration::ZERO);
        for n in 0..Policy::MAX_FAILURES {
            let delay = pause(trial.serve(&digits(), play));
            let (least, most) = backoff.bounds(n);
            assert!(least <= delay && delay <= most, "{play:?} {n}: {delay:?}");
            let ended = trial.now;
            assert_eq!(trial.rest(), Due::Request);
            assert_eq!(trial.now - ended, delay);
            longest = longest.max(delay);
        }
        assert!(longest > backoff.bounds(0).1, "{play:?}: delays grow");
    }
}

#[test]
fn the_first_broken_connection_is_repeated_at_once() {
    let mut trial = trial();
    let broken = Play::Unsent(TransportErrorKind::Connection);
    assert_eq!(pause(trial.serve(&digits(), broken)), Duration::ZERO);
    assert!(pause(trial.serve(&digits(), broken)) >= Backoff::RETRY.bounds(1).0);
}

#[test]
fn one_seed_gives_one_list_of_delays_and_another_seed_another() {
    let delays = |seed| {
        let mut trial =
            Trial::of(Download::new(url(URL), &Policy::default(), seed, Mono::default()).unwrap());
        let delay = |_| pause(trial.serve(&digits(), Play::Cut(0)));
        (0..5).map(delay).collect::<Vec<_>>()
    };
    assert_eq!(delays(1), delays(1));
    assert_ne!(delays(1), delays(2));
}

#[test]
fn a_server_may_ask_for_a_longer_pause_within_the_cap() {
    for (asked, least) in [("3", 3), ("15", 15), ("86400", 15)] {
        let mut trial = trial();
        let answer = xml(503, "SlowDown", "m").with("retry-after", asked);
        let delay = pause(trial.answer(&answer));
        assert_eq!(delay, Duration::from_secs(least));
    }
}

#[test]
fn one_new_byte_each_time_never_ends_by_the_bound() {
    let file = File::new(vec![b'x'; 100]);
    let mut trial = trial();
    trial.play(&file, &[Play::Cut(1); 99]);
    trial.serve(&file, Play::Well);
    assert_eq!(trial.sink, file.bytes);
    assert_eq!(trial.outcome().unwrap().report.requests, 100);
}

#[test]
fn bytes_that_were_there_before_do_not_end_a_row_of_failures() {
    let file = File::new(vec![b'x'; 200]);
    let mut trial = trial();
    let mut exchanges = 0;
    while trial.rest() == Due::Request {
        // Whole answers, cut at the same byte each time.
        let request = trial.start();
        let mut answer = file.answer(&request, Play::Whole);
        answer.body.truncate(100);
        trial.take(request, &answer);
        exchanges += 1;
    }
    assert_eq!(exchanges, Policy::MAX_FAILURES + 1);
    assert_eq!(trial.kind(), ErrorKind::Fault(Fault::Incomplete));
}

#[test]
fn a_file_that_changes_all_the_time_comes_to_an_end() {
    let mut trial = trial();
    let mut exchanges = 0;
    while trial.rest() == Due::Request {
        exchanges += 1;
        let file = digits().with_etag(&format!("\"v{exchanges}\""));
        trial.serve(&file, Play::Cut(5));
    }
    assert_eq!(exchanges, Policy::MAX_FAILURES + 1);
}

#[test]
fn a_checksum_that_no_parts_fit_comes_to_an_end() {
    let mut trial = trial();
    let mut exchanges = 0;
    while trial.rest() == Due::Request {
        exchanges += 1;
        let request = trial.start();
        let play = if request.headers().contains_key("range") { Play::Well } else { Play::Cut(5) };
        let answer = digits().answer(&request, play).with(CRC64, "1");
        trial.take(request, &answer);
    }
    assert!(exchanges <= 2 * (Policy::MAX_FAILURES + 1), "{exchanges} exchanges");
    assert!(matches!(trial.kind(), ErrorKind::Fault(_) | ErrorKind::Mismatch { .. }));
}
