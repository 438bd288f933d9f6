//! What a driver may do besides the plain loop.

use std::time::Duration;

use tcss_export::{
    ClockOffset,
    download::{ErrorKind, EventKind, Opening, Received},
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
