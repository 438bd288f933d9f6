//! What ends a download: limits of time and size, failures in a row, and statuses that are no file.

use std::{error::Error, time::Duration};

use tcss_export::{
    Backoff, ClockOffset, Mono, Now, SendFault,
    download::{
        Download, ErrorKind, Event, EventKind, Fault, Opening, Policy, Received, Refusal, Step,
    },
};

use crate::{
    server::{Answer, CRC64, End, File, Play, xml},
    trial::{Due, Trial, URL, download, url},
};

const MILLI: Duration = Duration::from_millis(1);

fn digits() -> File {
    File::new("123456789")
}

fn trial() -> Trial {
    Trial::new(&Policy::default())
}

#[track_caller]
fn kind(trial: &mut Trial) -> ErrorKind {
    trial.outcome().unwrap_err().kind
}

/// Returns the pause and its fault.
#[track_caller]
fn retry(event: &Event) -> (&Fault, Duration) {
    let EventKind::Retrying { fault, delay } = &event.kind else { panic!("{event:?}") };
    (fault, *delay)
}

/// Starts a download at the origin of time, so far as to its answer's head.
fn started(policy: &Policy) -> Download {
    let mut download = download(policy);
    download.start(Now::default(), ClockOffset::default()).unwrap();
    download
}

fn at(since_origin: Duration) -> Mono {
    Mono::from_origin(since_origin)
}

fn fault_after(download: &mut Download, moment: Duration) -> Fault {
    match download.step(at(moment)) {
        Step::Done(Err(error)) => error.report.last_fault.clone().unwrap(),
        step => panic!("{step:?}"),
    }
}

#[test]
fn no_head_within_the_stall_limit_is_a_timeout() {
    let limit = Duration::from_secs(9);
    let mut download = started(&Policy::default().with_stall_limit(limit).with_max_failures(0));
    assert_eq!(download.limit(), at(limit));
    assert_eq!(download.step(at(limit - MILLI)), Step::WaitUntil(at(limit)));
    let fault = fault_after(&mut download, limit);
    assert_eq!(fault, Fault::Send(SendFault::Timeout));
}

#[test]
fn no_byte_within_the_stall_limit_is_a_stall_and_each_byte_begins_it_anew() {
    let limit = Duration::from_secs(9);
    let mut download = started(&Policy::default().with_stall_limit(limit).with_max_failures(0));
    let answer = Answer::new(200, &[("content-length", "9")], "");
    download.head(at(MILLI), answer.head.as_ref().unwrap());
    assert_eq!(download.limit(), at(limit + MILLI));
    download.body(at(limit), b"1");
    assert_eq!(download.limit(), at(limit * 2));
    assert_eq!(download.body(at(limit + MILLI), b""), Received::Write(b""));
    assert_eq!(download.step(at(limit * 2 - MILLI)), Step::WaitUntil(at(limit * 2)));
    assert_eq!(fault_after(&mut download, limit * 2), Fault::Stalled);
}

#[test]
fn an_error_that_stops_in_its_body_is_read_as_far_as_it_came() {
    let mut download = started(&Policy::default());
    let answer = xml(404, "NoSuchKey", "m");
    assert_eq!(download.head(at(MILLI), answer.head.as_ref().unwrap()), Opening::Read);
    assert_eq!(download.body(at(MILLI), &answer.body[..90]), Received::Nothing);
    let Step::Done(Err(error)) = download.step(at(MILLI + Policy::STALL_LIMIT)) else { panic!() };
    let ErrorKind::Refused(refusal) = &error.kind else { panic!("{error:?}") };
    assert_eq!(refusal.code.as_deref(), Some("NoSuchKey"));
}

#[test]
fn all_of_an_error_has_the_time_of_one_stall() {
    let mut download = started(&Policy::default());
    let answer = xml(404, "NoSuchKey", "m");
    download.head(at(MILLI), answer.head.as_ref().unwrap());
    download.body(at(Policy::STALL_LIMIT), &answer.body[..90]);
    assert_eq!(download.limit(), at(MILLI + Policy::STALL_LIMIT));
}

#[test]
fn an_endless_error_is_not_read_to_its_end() {
    let mut download = started(&Policy::default());
    let answer = Answer::new(404, &[], "");
    download.head(at(MILLI), answer.head.as_ref().unwrap());
    let piece = [b'x'; 1_000];
    let pieces = (0..100).take_while(|_| download.body(at(MILLI), &piece) == Received::Nothing);
    assert_eq!(pieces.count(), 16);
    assert_eq!(download.ended(at(MILLI), Ok(())).kind, EventKind::Ended);
}

#[test]
fn the_limit_of_the_whole_download_ends_it_at_its_moment() {
    let policy = Policy::default().with_total_limit(Duration::from_secs(30));
    let mut pausing = Trial::new(&policy);
    pausing.serve(&digits(), Play::Cut(3));
    let mut asking = pausing.clone();
    asking.start();
    assert_eq!(asking.download.limit(), at(Duration::from_secs(30)));
    for (mut trial, requests) in [(pausing, 1), (asking, 2)] {
        let before = trial.download.step(at(Duration::from_secs(30) - MILLI));
        assert!(!matches!(before, Step::Done(_)));
        trial.now = Duration::from_secs(30);
        let error = trial.outcome().unwrap_err();
        assert_eq!(error.kind, ErrorKind::TimedOut);
        let expected = format!(
            "the file was not there within the limit (requests: {requests}, 30.0 s, 3 of 9 bytes)"
        );
        assert_eq!(error.to_string(), expected);
        let source = error.source().unwrap().to_string();
        assert_eq!(source, Fault::Incomplete.to_string());
    }
}

#[test]
fn no_pause_goes_beyond_the_limit_of_the_whole_download() {
    let hour = Duration::from_secs(3_600);
    let policy = Policy::default()
        .with_total_limit(Duration::from_secs(30))
        .with_retry(Backoff::new(hour, hour, hour));
    let mut trial = Trial::new(&policy);
    trial.serve(&digits(), Play::Cut(3));
    assert_eq!(trial.download.step(trial.mono()), Step::WaitUntil(at(Duration::from_secs(30))));
    assert_eq!(trial.rest(), Due::Nothing);
    assert_eq!(kind(&mut trial), ErrorKind::TimedOut);
}

#[test]
fn the_limit_of_the_whole_download_holds_while_a_url_is_asked_for() {
    let policy = Policy::default().with_total_limit(Duration::from_secs(30));
    let mut trial = Trial::of(download(&policy).with_new_urls());
    trial.serve(&digits(), Play::Expired);
    assert_eq!(trial.download.limit(), at(Duration::from_secs(30)));
    trial.now = Duration::from_secs(30);
    assert_eq!(kind(&mut trial), ErrorKind::TimedOut);
}

#[test]
fn a_declared_length_above_the_size_limit_is_refused_before_a_byte() {
    for play in [Play::Well, Play::Less(3)] {
        let mut trial = Trial::new(&Policy::default().with_size_limit(8));
        trial.serve(&digits(), play);
        assert_eq!(trial.past[0].opening, Some(Opening::Drop));
        let error = trial.outcome().unwrap_err();
        assert_eq!(error.kind, ErrorKind::TooLarge { limit: 8 });
        assert!(error.to_string().starts_with("the file is larger than the limit of 8 bytes ("));
        assert_eq!(trial.sink, b"");
    }
}

#[test]
fn a_length_that_is_found_out_ends_above_the_size_limit() {
    for piece in [1, 4, 9] {
        let mut trial = Trial { piece, ..Trial::new(&Policy::default().with_size_limit(8)) };
        trial.serve(&digits(), Play::Chunked);
        assert_eq!(kind(&mut trial), ErrorKind::TooLarge { limit: 8 });
        assert!(trial.sink.len() <= 8, "never more than the limit is written");
    }
    let mut trial = Trial::new(&Policy::default().with_size_limit(8));
    trial.play(&digits(), &[Play::ChunkedCut(3), Play::Well]);
    assert_eq!(kind(&mut trial), ErrorKind::TooLarge { limit: 8 });
}

#[test]
fn a_file_may_be_as_large_as_the_size_limit() {
    for play in [Play::Well, Play::Chunked] {
        let mut trial = Trial::new(&Policy::default().with_size_limit(9));
        trial.serve(&digits(), play);
        assert_eq!(trial.outcome().unwrap().bytes, 9);
    }
}

#[test]
fn a_redirect_is_never_followed_and_its_host_named() {
    let mut trial = trial();
    trial.serve(&digits(), Play::Redirect);
    let error = trial.outcome().unwrap_err();
    let host = Some("other.example".into());
    let status = http::StatusCode::FOUND;
    assert_eq!(error.kind, ErrorKind::Redirect { status, host });
    assert_eq!(
        error.to_string(),
        "unexpected redirect to other.example (HTTP status 302) (requests: 1, 0.0 s)"
    );
}

#[test]
fn a_redirect_to_nowhere_is_one_too() {
    for status in [300, 301, 303, 307, 308] {
        let mut trial = trial();
        trial.answer(&Answer::new(status, &[("location", "/b.csv")], ""));
        let error = kind(&mut trial);
        assert!(matches!(error, ErrorKind::Redirect { host: None, .. }), "{status}: {error:?}");
    }
}

#[test]
fn a_status_that_is_no_file_is_named() {
    for status in [201_u16, 203, 204, 205, 207, 304] {
        let mut trial = trial();
        trial.answer(&Answer::new(status, &[], ""));
        let error = trial.outcome().unwrap_err();
        assert_eq!(error.kind, ErrorKind::Status(status.try_into().unwrap()));
        assert!(
            error
                .to_string()
                .starts_with(&format!("expected a file, got the HTTP status {status} ("))
        );
    }
}

#[test]
fn what_will_not_pass_ends_it_at_once() {
    for answer in [
        xml(404, "NoSuchKey", "m"),
        xml(403, "InvalidObjectState", "m"),
        xml(400, "InvalidArgument", "m"),
        xml(412, "PreconditionFailed", "m"),
        Answer::new(410, &[], ""),
    ] {
        let mut trial = Trial::of(download(&Policy::default()).with_new_urls());
        trial.answer(&answer);
        assert!(matches!(kind(&mut trial), ErrorKind::Refused(_)), "{answer:?}");
    }
    let mut trial = trial();
    trial.serve(&digits(), Play::Unsent(SendFault::Permanent));
    assert_eq!(kind(&mut trial), ErrorKind::Fault(Fault::Send(SendFault::Permanent)));
    assert_eq!(
        trial.outcome().unwrap_err().source().unwrap().to_string(),
        "the request cannot be sent"
    );
}

#[test]
fn what_will_not_pass_ends_it_within_a_body_too() {
    let mut trial = trial();
    let request = trial.start();
    let mut answer = digits().answer(&request, Play::Cut(3));
    answer.end = End::Broken(SendFault::Permanent);
    trial.take(request, &answer);
    assert_eq!(kind(&mut trial), ErrorKind::Fault(Fault::Send(SendFault::Permanent)));
}

#[test]
fn a_request_id_may_stand_in_the_head_alone() {
    let mut trial = trial();
    trial.answer(&Answer::new(404, &[("x-cos-request-id", "x-2")], ""));
    let ErrorKind::Refused(refusal) = kind(&mut trial) else { panic!() };
    assert_eq!(refusal.request_id.as_deref(), Some("x-2"));
}

#[test]
fn what_may_pass_is_tried_again() {
    for answer in [
        xml(400, "RequestTimeOut", "m"),
        xml(500, "InternalError", "m"),
        xml(503, "SlowDown", "m"),
        xml(503, "ServiceUnavailable", "m"),
        Answer::new(502, &[], "<html> a page </html>"),
        Answer::new(408, &[], ""),
        Answer::new(429, &[], ""),
    ] {
        let mut trial = trial();
        let (fault, _) = retry(trial.answer(&answer));
        assert!(matches!(fault, Fault::Refused(_)), "{fault:?}");
        trial.serve(&digits(), Play::Well);
        assert_eq!(trial.outcome().unwrap().bytes, 9);
    }
}

#[test]
fn a_page_is_quoted_from() {
    let mut trial = Trial::new(&Policy::default().with_max_failures(0));
    trial.serve(&digits(), Play::Status(502));
    let ErrorKind::Fault(Fault::Refused(refusal)) = kind(&mut trial) else { panic!() };
    let Refusal { status, snippet, .. } = &*refusal;
    assert_eq!((status.as_u16(), snippet.as_deref()), (502, Some("<html> a page </html>")));
}

/// All ways in which an exchange may fail and pass.
fn failures() -> [Play; 8] {
    [
        Play::Unsent(SendFault::Connection),
        Play::Unsent(SendFault::Timeout),
        Play::Unsent(SendFault::Truncated),
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
        assert!(matches!(kind(&mut trial), ErrorKind::Fault(_)), "{play:?}");
    }
}

#[test]
fn every_delay_is_within_the_bounds_of_its_kind() {
    for (play, backoff) in [
        (Play::Cut(0), Backoff::RETRY),
        (Play::Status(500), Backoff::RETRY),
        (Play::Unsent(SendFault::Timeout), Backoff::RETRY),
        (Play::Status(503), Backoff::THROTTLE),
        (Play::Status(429), Backoff::THROTTLE),
    ] {
        let (mut trial, mut longest) = (trial(), Duration::ZERO);
        for n in 0..Policy::MAX_FAILURES {
            let (_, delay) = retry(trial.serve(&digits(), play));
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
    let broken = Play::Unsent(SendFault::Connection);
    assert_eq!(retry(trial.serve(&digits(), broken)).1, Duration::ZERO);
    assert!(retry(trial.serve(&digits(), broken)).1 >= Backoff::RETRY.bounds(1).0);
}

#[test]
fn one_seed_gives_one_list_of_delays_and_another_seed_another() {
    let delays = |seed| {
        let mut trial =
            Trial::of(Download::new(url(URL), &Policy::default(), seed, Mono::default()).unwrap());
        let delay = |_| retry(trial.serve(&digits(), Play::Cut(0))).1;
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
        let (_, delay) = retry(trial.answer(&answer));
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
    assert_eq!(kind(&mut trial), ErrorKind::Fault(Fault::Incomplete));
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
    assert!(matches!(kind(&mut trial), ErrorKind::Fault(_) | ErrorKind::Mismatch { .. }));
}

#[test]
fn a_download_that_is_cancelled_says_so_and_stays_ended() {
    let mut trial = trial();
    trial.serve(&digits(), Play::Cut(3));
    trial.download.cancel();
    let error = trial.outcome().unwrap_err();
    assert_eq!(error.kind, ErrorKind::Cancelled);
    assert!(error.to_string().starts_with("the download was cancelled ("));
    trial.now += Duration::from_secs(86_400);
    assert_eq!(trial.rest(), Due::Nothing);
    assert!(trial.download.start(trial.now(), ClockOffset::default()).is_err());
    assert_eq!(trial.download.finish().unwrap_err(), error);
}

#[test]
fn finishing_what_has_not_ended_cancels_it() {
    assert_eq!(trial().download.finish().unwrap_err().kind, ErrorKind::Cancelled);
}

#[test]
fn one_request_is_under_way_at_a_time() {
    let mut trial = trial();
    trial.start();
    let again = trial.download.start(trial.now(), ClockOffset::default());
    assert_eq!(again.unwrap_err().kind, EventKind::Ignored);
}
