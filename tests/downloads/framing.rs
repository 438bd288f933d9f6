//! What frames a body is none of its bytes: however much of it comes, the limits of time hold.

use std::time::Duration;

use tcss_export::download::{ErrorKind, Fault, Policy};
use tcss_export_testkit::wire::WireAnswer;

use crate::{
    clients::{LIBRARIES, Setup},
    setup::{Trial, strict},
    with::with,
};

/// So long that no busy machine is taken for a stall.
const STALL_LIMIT: Duration = Duration::from_secs(1);
const TOTAL_LIMIT: Duration = Duration::from_millis(600);
/// How many bytes come at a time, so that the head and the first chunk are among the first.
const PIECE: usize = 100;
const PAUSE: Duration = Duration::from_millis(250);
/// So many that the server goes on for half a minute.
const PIECES: usize = 120;

/// A chunk of five bytes, and then the beginning of something that does not end.
fn endless(beginning: &str) -> WireAnswer {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n";
    let rest = "x".repeat(PIECE * PIECES);
    WireAnswer::raw([head, beginning, &rest].concat()).slowly(PIECE, PAUSE)
}

fn framings() -> [WireAnswer; 2] {
    let (extension, trailer) = ("5;", "0\r\nX-Trailer: ");
    [endless(extension), endless(trailer)]
}

#[track_caller]
fn assert_ended(trial: &Trial, kind: &ErrorKind) {
    assert_eq!(trial.kind(), kind);
    let report = &trial.end.as_ref().unwrap_err().download_error().unwrap().report;
    assert!(report.elapsed < Duration::from_secs(20), "{:?}", report.elapsed);
    assert_eq!(report.requests, 1);
}

pub(crate) fn framing_without_an_end_does_not_hold_up_the_limit_of_the_whole(setup: &Setup) {
    let policy = with(Policy::default(), |p| p.total_limit = Some(TOTAL_LIMIT));
    for framing in framings() {
        assert_ended(&setup.trial_by(policy.clone(), [framing]), &ErrorKind::TimedOut);
    }
}

/// Of an agent of the user's own, ureq counts each piece for itself.
#[test]
fn framing_without_an_end_is_a_stall() {
    for library in LIBRARIES {
        let policy = with(strict(), |p| p.stall_limit = STALL_LIMIT);
        for framing in framings() {
            let trial = Setup::own(*library).trial_by(policy.clone(), [framing]);
            assert_ended(&trial, &ErrorKind::Fault(Fault::Stalled));
        }
    }
}
