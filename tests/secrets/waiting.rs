//! Waiters, their events and their outcomes.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use tcss_export::{
    Session,
    core::{
        Mono, Now,
        wait::{Outcome, Waiter},
    },
    driver::TransportErrorKind,
    wait::Policy,
};

use crate::{
    common::{TIME, at, job, response, session, with_token},
    looking::{URL, assert_chain_clean, assert_debug_clean},
    samples::bad_answers,
    with::with,
};

fn now(seconds: u64) -> Now {
    let mono = Mono::from_origin(Duration::from_secs(seconds));
    Now { wall: at(TIME + i64::try_from(seconds).unwrap()), mono }
}

struct Rig {
    waiter: Waiter,
    session: Session,
}

impl Rig {
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
    // The service may give a URL with any status.
    let body = format!(r#"{{"Response":{{"ExportStatus":"RUNNING","DownloadURL":"{URL}"}}}}"#);
    response(200, &[], body)
}

#[test]
fn waiter_in_each_phase() {
    let mut rig = Rig::new();
    assert_debug_clean(&rig.waiter);
    rig.start(0);
    assert_debug_clean(&rig.waiter);
    rig.answer(0, Ok(running()));
    rig.start(2);
    let success = format!(r#"{{"Response":{{"ExportStatus":"SUCCESS","DownloadURL":"{URL}"}}}}"#);
    rig.answer(2, Ok(response(200, &[], success)));
    assert_debug_clean(&rig.session);
    assert_eq!(rig.finish().unwrap().download_url.as_str(), URL);
}

#[test]
fn events_and_outcomes_of_every_bad_answer() {
    for bad in bad_answers() {
        let mut rig = Rig::new();
        rig.start(0);
        rig.answer(0, Ok(running()));
        rig.start(2);
        rig.answer(2, Ok(bad.clone()));
        if rig.waiter.step(now(20).mono)
            == (tcss_export::core::wait::Step::Poll { fresh_credentials: false })
        {
            rig.start(20);
            rig.answer(20, Ok(bad));
        }
        rig.finish().unwrap_err();
    }
}

#[test]
fn outcomes_of_every_send_fault() {
    for fault in [
        TransportErrorKind::Connection,
        TransportErrorKind::Timeout,
        TransportErrorKind::Truncated,
        TransportErrorKind::TooLarge,
        TransportErrorKind::Permanent,
    ] {
        let mut rig = Rig::new();
        rig.start(0);
        rig.answer(0, Err(fault));
        rig.finish().unwrap_err();
    }
}

#[test]
fn errors_of_starting() {
    let mut rig = Rig::new();
    rig.start(0);
    let not_due = rig.waiter.start(now(0), &mut rig.session, &with_token()).unwrap_err();
    assert_chain_clean(&not_due);
    let mut rig = Rig::new();
    let bad_time = Now { wall: at(-1), ..now(0) };
    let build = rig.waiter.start(bad_time, &mut rig.session, &with_token()).unwrap_err();
    assert_chain_clean(&build);
    rig.finish().unwrap_err();
}

#[test]
fn wait_that_ran_out_of_time() {
    let mut rig = Rig::new();
    rig.start(0);
    rig.answer(0, Ok(running()));
    assert_debug_clean(&rig.waiter.step(now(3_600).mono));
    rig.finish().unwrap_err();
}

#[test]
fn failed_and_cancelled_waits() {
    let mut rig = Rig::new();
    rig.start(0);
    let failure = format!(
        r#"{{"Response":{{"ExportStatus":"FAILURE","FailureMsg":"m","DownloadURL":"{URL}"}}}}"#
    );
    rig.answer(0, Ok(response(200, &[], failure)));
    rig.finish().unwrap_err();
    let mut rig = Rig::new();
    rig.start(0);
    rig.answer(0, Ok(running()));
    rig.waiter.cancel();
    rig.finish().unwrap_err();
}
