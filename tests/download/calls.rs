//! Calls outside the usual order: cancel, abandon, finish, and late answers.

use std::time::Duration;

use tcss_export::{
    core::{
        ClockOffset,
        download::{Opening, Received, Step},
    },
    download::{ErrorKind, EventKind},
};

use crate::{
    run::assert_complete,
    run::{Due, cut_after_3, run},
    server::{Reply, digits},
};

#[test]
fn a_cancelled_download_reports_it_and_stays_ended() {
    let mut run = run();
    run.serve(&digits(), Reply::Cut(3));
    run.download.cancel();
    let error = run.outcome().unwrap_err();
    assert_eq!(error.kind, ErrorKind::Cancelled);
    assert!(error.to_string().starts_with("the download was cancelled ("));
    run.now += Duration::from_secs(86_400);
    assert_eq!(run.wait_until_due(), Due::Nothing);
    assert!(run.download.start(run.now(), ClockOffset::default()).is_err());
    assert_eq!(run.download.finish().unwrap_err(), error);
}

#[test]
fn finish_cancels_a_download_that_has_not_ended() {
    assert_eq!(run().download.finish().unwrap_err().kind, ErrorKind::Cancelled);
}

#[test]
fn a_second_request_cannot_start_before_the_first_ends() {
    let mut run = run();
    run.start();
    let again = run.download.start(run.now(), ClockOffset::default());
    assert_eq!(again.unwrap_err().kind, EventKind::Ignored);
}

#[test]
fn answers_without_a_request_under_way_are_ignored() {
    let mut run = cut_after_3();
    let event = run.download.ended(run.mono(), Ok(()));
    assert_eq!(event.kind, EventKind::Ignored);
    let answer = digits().answer(&run.exchanges[0].request, Reply::Correct);
    let opening = run.download.head(run.mono(), answer.head.as_ref().unwrap());
    assert_eq!(opening, Opening::Drop);
    let received = run.download.body(run.mono(), b"x");
    assert_eq!(received, Received::Drop);
    assert_eq!(run.download.bytes(), 3);
    run.now += Duration::from_secs(1);
    run.serve(&digits(), Reply::Correct);
    assert_complete(&mut run, &digits());
}

#[test]
fn an_abandoned_request_is_due_again_at_once() {
    let mut run = cut_after_3();
    let request = run.start();
    run.download.abandon();
    assert_eq!(run.wait_until_due(), Due::Request);
    let again = run.start();
    assert_eq!(again.headers(), request.headers());
    run.process(again, &digits().answer(&request, Reply::Correct));
    assert_complete(&mut run, &digits());
    assert_eq!(run.outcome().unwrap().report.requests, 3);
}

#[test]
fn a_download_abandoned_within_a_body_resumes() {
    let mut run = run();
    let request = run.start();
    let answer = digits().answer(&request, Reply::Correct);
    run.download.head(run.mono(), answer.head.as_ref().unwrap());
    run.sink = b"1234".to_vec();
    run.download.body(run.mono(), b"1234");
    run.download.abandon();
    run.serve(&digits(), Reply::Correct);
    assert_eq!(run.exchanges[0].request.headers()["range"], "bytes=4-");
    assert_complete(&mut run, &digits());
}

#[test]
fn abandon_has_no_effect_unless_a_request_is_under_way() {
    let mut pausing = cut_after_3();
    let now = pausing.mono();
    let Step::WaitUntil(moment) = pausing.download.step(now) else { panic!("expected a pause") };
    pausing.download.abandon();
    assert_eq!(pausing.download.step(now), Step::WaitUntil(moment));
    let mut ended = run();
    ended.serve(&digits(), Reply::Correct);
    ended.download.abandon();
    assert_complete(&mut ended, &digits());
}

#[test]
fn a_dropped_answer_needs_no_call_of_ended() {
    let mut run = run();
    let request = run.start();
    let answer = digits().answer(&request, Reply::Redirect);
    assert_eq!(run.download.head(run.mono(), answer.head.as_ref().unwrap()), Opening::Drop);
    assert_eq!(run.wait_until_due(), Due::Nothing);
    assert!(matches!(run.outcome().unwrap_err().kind, ErrorKind::Redirect { .. }));
}
