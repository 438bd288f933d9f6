//! What ends a download by itself: limits of time and size.

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
    server::{Answer, Play, digits, xml},
    trial::{Due, Trial, download},
    with::with,
};

const MILLI: Duration = Duration::from_millis(1);

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
    let mut download = started(&with(Policy::default(), |p| {
        p.stall_limit = limit;
        p.max_failures = 0;
    }));
    assert_eq!(download.limit(), at(limit));
    assert_eq!(download.step(at(limit - MILLI)), Step::WaitUntil(at(limit)));
    let fault = fault_after(&mut download, limit);
    assert_eq!(fault, Fault::Transport(TransportErrorKind::Timeout));
}

#[test]
fn no_byte_within_the_stall_limit_is_a_stall_and_each_byte_begins_it_anew() {
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
fn an_error_that_drips_is_not_read_past_the_time_of_one_stall() {
    let mut download = started(&Policy::default());
    let answer = xml(404, "NoSuchKey", "m");
    download.head(at(MILLI), answer.head.as_ref().unwrap());
    assert_eq!(download.body(at(Policy::STALL_LIMIT), &answer.body[..90]), Received::Nothing);
    let late = at(Policy::STALL_LIMIT + MILLI);
    assert_eq!(download.body(late, &answer.body[90..91]), Received::Drop);
    assert_eq!(download.ended(late, Ok(())).kind, EventKind::Ended);
    let ErrorKind::Refused(refusal) = download.finish().unwrap_err().kind else { panic!() };
    assert_eq!(refusal.code.as_deref(), Some("NoSuchKey"));
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
    let policy = with(Policy::default(), |p| p.total_limit = Some(Duration::from_secs(30)));
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
fn no_byte_is_taken_after_the_limit_of_the_whole_download() {
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
fn an_answer_that_ends_after_the_limit_with_all_its_bytes_in_time_counts() {
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
fn a_new_url_that_never_comes_is_not_why_a_download_ends_at_its_limit() {
    let limit = Duration::from_secs(30);
    let policy = with(Policy::default(), |p| p.total_limit = Some(limit));
    let mut trial = Trial::of(download(&policy).with_new_urls());
    trial.serve(&digits(), Play::Expired);
    assert_eq!(trial.download.no_new_url(at(limit)).kind, EventKind::Ended);
    assert_eq!(trial.outcome().unwrap_err().kind, ErrorKind::TimedOut);
}

#[test]
fn no_pause_goes_beyond_the_limit_of_the_whole_download() {
    let hour = Duration::from_secs(3_600);
    let policy = with(Policy::default(), |p| {
        p.total_limit = Some(Duration::from_secs(30));
        p.retry = Backoff::new(hour, hour, hour);
    });
    let mut trial = Trial::new(&policy);
    trial.serve(&digits(), Play::Cut(3));
    assert_eq!(trial.download.step(trial.mono()), Step::WaitUntil(at(Duration::from_secs(30))));
    assert_eq!(trial.rest(), Due::Nothing);
    assert_eq!(trial.kind(), ErrorKind::TimedOut);
}

#[test]
fn the_limit_of_the_whole_download_holds_while_a_url_is_asked_for() {
    let policy = with(Policy::default(), |p| p.total_limit = Some(Duration::from_secs(30)));
    let mut trial = Trial::of(download(&policy).with_new_urls());
    trial.serve(&digits(), Play::Expired);
    assert_eq!(trial.download.limit(), at(Duration::from_secs(30)));
    trial.now = Duration::from_secs(30);
    assert_eq!(trial.kind(), ErrorKind::TimedOut);
}

#[test]
fn a_declared_length_above_the_size_limit_is_refused_before_a_byte() {
    for play in [Play::Well, Play::Less(3)] {
        let mut trial = Trial::new(&with(Policy::default(), |p| p.size_limit = Some(8)));
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
        let mut trial =
            Trial { piece, ..Trial::new(&with(Policy::default(), |p| p.size_limit = Some(8))) };
        trial.serve(&digits(), Play::Chunked);
        assert_eq!(trial.kind(), ErrorKind::TooLarge { limit: 8 });
        assert!(trial.sink.len() <= 8, "never more than the limit is written");
    }
    let mut trial = Trial::new(&with(Policy::default(), |p| p.size_limit = Some(8)));
    trial.play(&digits(), &[Play::ChunkedCut(3), Play::Well]);
    assert_eq!(trial.kind(), ErrorKind::TooLarge { limit: 8 });
}

#[test]
fn a_file_may_be_as_large_as_the_size_limit() {
    for play in [Play::Well, Play::Chunked] {
        let mut trial = Trial::new(&with(Policy::default(), |p| p.size_limit = Some(9)));
        trial.serve(&digits(), play);
        assert_eq!(trial.outcome().unwrap().bytes, 9);
    }
}
