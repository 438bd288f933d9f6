//! What a driver may do besides the plain loop.

use std::time::Duration;

use tcss_export::{
    ClockOffset,
    download::{ErrorKind, EventKind},
};

use crate::{
    server::{Play, digits},
    trial::{Due, trial},
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
