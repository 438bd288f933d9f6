//! Waiters, their events and their outcomes.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use tcss_export::{
    Session,
    core::{
        Mono, Now,
        wait::{Outcome, Step, Waiter},
    },
    driver::TransportErrorKind,
    wait::Policy,
};

use crate::{
    URL, assert_chain_clean, assert_debug_clean, bad_answers,
    common::{TIME, at, job, response, session, with_token},
    with::with,
};

fn now(seconds: u64) -> Now {
    let mono = Mono::from_origin(Duration::from_secs(seconds));
    Now { wall: at(TIME + i64::try_from(seconds).unwrap()), mono }
}

/// A waiter and its session, searched after every call.
struct Wait {
    waiter: Waiter,
    session: Session,
}

impl Wait {
    fn new() -> Self {
        let policy = with(Policy::default(), |p| p.max_failures = 1);
        Self { waiter: Waiter::new(job(), &policy, 7, now(0).mono), session: session() }
    }

    fn start(&mut self, seconds: u64) -> Request<Bytes> {
        let request = self.waiter.start(now(seconds), &mut self.session, &with_token());
        request.expect("a poll is due")
    }

    fn answer(&mut self, seconds: u64, answer: Result<Response<Bytes>, TransportErrorKind>) {
        let event = self.waiter.answer(now(seconds), &mut self.session, answer);
        assert_debug_clean(&event);
        assert_debug_clean(&self.waiter);
        assert_debug_clean(&self.waiter.step(now(seconds).mono));
    }

    fn finish(self) -> Outcome {
        let outcome = self.waiter.finish();
        assert_debug_clean(&outcome);
        if let Err(error) = &outcome {
            assert_chain_clean(error);
        }
        outcome
    }
}

fn running() -> Response<Bytes> {
    // The service may send a URL with any status.
    let body = format!(r#"{{"Response":{{"ExportStatus":"RUNNING","DownloadURL":"{URL}"}}}}"#);
    response(200, &[], body)
}

#[test]
fn a_waiter_shows_no_secret_in_any_phase() {
    let mut wait = Wait::new();
    assert_debug_clean(&wait.waiter);
    wait.start(0);
    assert_debug_clean(&wait.waiter);
    wait.answer(0, Ok(running()));
    wait.start(2);
    let success = format!(r#"{{"Response":{{"ExportStatus":"SUCCESS","DownloadURL":"{URL}"}}}}"#);
    wait.answer(2, Ok(response(200, &[], success)));
    assert_debug_clean(&wait.session);
    assert_eq!(wait.finish().unwrap().download_url.as_str(), URL);
}

#[test]
fn events_and_outcomes_of_bad_answers_show_no_secret() {
    for bad in bad_answers() {
        let mut wait = Wait::new();
        wait.start(0);
        wait.answer(0, Ok(running()));
        wait.start(2);
        wait.answer(2, Ok(bad.clone()));
        if wait.waiter.step(now(20).mono) == (Step::Poll { fresh_credentials: false }) {
            wait.start(20);
            wait.answer(20, Ok(bad));
        }
        wait.finish().unwrap_err();
    }
}

#[test]
fn outcomes_of_transport_errors_show_no_secret() {
    for fault in [
        TransportErrorKind::Connection,
        TransportErrorKind::Timeout,
        TransportErrorKind::Truncated,
        TransportErrorKind::TooLarge,
        TransportErrorKind::Permanent,
    ] {
        let mut wait = Wait::new();
        wait.start(0);
        wait.answer(0, Err(fault));
        wait.finish().unwrap_err();
    }
}

#[test]
fn errors_of_starting_a_poll_show_no_secret() {
    let mut wait = Wait::new();
    wait.start(0);
    let not_due = wait.waiter.start(now(0), &mut wait.session, &with_token()).unwrap_err();
    assert_chain_clean(&not_due);
    let mut wait = Wait::new();
    let bad_time = Now { wall: at(-1), ..now(0) };
    let build = wait.waiter.start(bad_time, &mut wait.session, &with_token()).unwrap_err();
    assert_chain_clean(&build);
    wait.finish().unwrap_err();
}

#[test]
fn a_wait_that_timed_out_shows_no_secret() {
    let mut wait = Wait::new();
    wait.start(0);
    wait.answer(0, Ok(running()));
    assert_debug_clean(&wait.waiter.step(now(3_600).mono));
    wait.finish().unwrap_err();
}

#[test]
fn failed_and_cancelled_waits_show_no_secret() {
    let mut wait = Wait::new();
    wait.start(0);
    let failure = format!(
        r#"{{"Response":{{"ExportStatus":"FAILURE","FailureMsg":"m","DownloadURL":"{URL}"}}}}"#
    );
    wait.answer(0, Ok(response(200, &[], failure)));
    wait.finish().unwrap_err();
    let mut wait = Wait::new();
    wait.start(0);
    wait.answer(0, Ok(running()));
    wait.waiter.cancel();
    wait.finish().unwrap_err();
}
