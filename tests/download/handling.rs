//! What a driver may do besides the plain loop.

use std::time::Duration;

use tcss_export::{
    core::{
        ClockOffset,
        download::{Opening, Received, Step},
    },
    download::{ErrorKind, EventKind},
};

use crate::{
    checks::assert_whole,
    server::{Play, digits},
    trial::{Due, cut, trial},
};

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

#[test]
fn a_request_that_was_abandoned_is_due_again_at_once() {
    let mut trial = cut();
    let request = trial.start();
    trial.download.abandon();
    assert_eq!(trial.rest(), Due::Request);
    let again = trial.start();
    assert_eq!(again.headers(), request.headers());
    trial.take(again, &digits().answer(&request, Play::Well));
    assert_whole(&mut trial, &digits());
    assert_eq!(trial.outcome().unwrap().report.requests, 3);
}

#[test]
fn a_body_that_was_abandoned_is_gone_on_with() {
    let mut trial = trial();
    let request = trial.start();
    let answer = digits().answer(&request, Play::Well);
    trial.download.head(trial.mono(), answer.head.as_ref().unwrap());
    trial.sink = b"1234".to_vec();
    trial.download.body(trial.mono(), b"1234");
    trial.download.abandon();
    trial.serve(&digits(), Play::Well);
    assert_eq!(trial.past[0].request.headers()["range"], "bytes=4-");
    assert_whole(&mut trial, &digits());
}

#[test]
fn nothing_but_a_request_under_way_is_abandoned() {
    let mut pausing = cut();
    let now = pausing.mono();
    let Step::WaitUntil(moment) = pausing.download.step(now) else { panic!("it pauses") };
    pausing.download.abandon();
    assert_eq!(pausing.download.step(now), Step::WaitUntil(moment));
    let mut ended = trial();
    ended.serve(&digits(), Play::Well);
    ended.download.abandon();
    assert_whole(&mut ended, &digits());
}

#[test]
fn an_answer_that_was_dropped_without_a_word_does_not_hold_up_the_next() {
    let mut trial = trial();
    let request = trial.start();
    let answer = digits().answer(&request, Play::Redirect);
    assert_eq!(trial.download.head(trial.mono(), answer.head.as_ref().unwrap()), Opening::Drop);
    assert_eq!(trial.rest(), Due::Nothing);
    assert!(matches!(trial.outcome().unwrap_err().kind, ErrorKind::Redirect { .. }));
}
