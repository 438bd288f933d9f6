//! Calls of a driver in any order: repeated, early, late, abandoned or cancelled.

use std::error::Error;

use tcss_export::{
    Endpoint, Session,
    actions::ExportStatus,
    core::{
        ClockOffset,
        wait::{StartError, Step},
    },
    driver::TransportErrorKind,
    error::{Field, Reason},
    wait::{self, DelayReason, EventKind, Fault, Policy, Remedy},
};

use crate::{
    common::{HOST, JOB, header, job, session},
    harness::{Harness, ZERO, api, fault, mono, ms, run, running, secs, success},
    with::with,
};

fn new() -> Harness {
    Harness::new(&Policy::default(), 7)
}

fn in_flight() -> Harness {
    let mut wait = new();
    wait.start().unwrap();
    wait
}

fn waiting() -> Harness {
    let mut wait = in_flight();
    wait.answer(running());
    wait
}

fn done() -> Harness {
    let mut wait = in_flight();
    wait.answer(success());
    wait
}

#[test]
fn the_first_poll_is_due_at_once() {
    assert_eq!(new().step(), Step::Poll { fresh_credentials: false });
}

#[test]
fn debug_text_names_the_job() {
    let shown = format!("{:?}", waiting().waiter);
    assert!(shown.contains(job().as_str()), "{shown}");
}

#[test]
fn repeated_steps_change_nothing() {
    for mut wait in [new(), in_flight(), waiting(), done()] {
        let first = format!("{:?}", wait.step());
        for _ in 0..1_000 {
            assert_eq!(format!("{:?}", wait.step()), first);
        }
    }
}

#[test]
fn extra_steps_change_neither_the_starts_nor_the_outcome() {
    let script = || {
        [
            running(),
            api("InternalError"),
            fault(TransportErrorKind::Connection),
            running(),
            success(),
        ]
    };
    let plain = new().run(script());
    let mut stepped = new();
    let mut script = script().into_iter();
    let mut starts = Vec::new();
    while let Some(_fresh) = stepped.sleep() {
        starts.push(stepped.now);
        stepped.start().unwrap();
        for _ in 0..10 {
            stepped.step();
        }
        stepped.answer(script.next().unwrap());
        stepped.now += ms(1);
        stepped.step();
    }
    let shifts: Vec<_> =
        starts.iter().zip(plain.starts()).map(|(a, b)| a.saturating_sub(b)).collect();
    assert!(shifts.iter().all(|shift| *shift <= ms(5)), "{shifts:?}");
    assert_eq!(starts.len(), plain.polls.len());
}

#[test]
fn a_request_in_flight_is_awaited_up_to_the_exchange_limit() {
    assert_eq!(in_flight().step(), Step::WaitUntil(mono(secs(30))));
}

#[test]
fn an_exchange_past_its_limit_counts_as_a_timeout() {
    let mut wait = in_flight();
    assert!(wait.sleep().is_some());
    assert!(wait.now >= secs(30) + ms(100), "{:?}", wait.now);
    let late = wait.answer(success());
    assert_eq!(late.kind, EventKind::Ignored);
}

#[test]
fn the_exchange_limit_is_a_setting() {
    let mut wait = Harness::new(&with(Policy::default(), |p| p.exchange_limit = secs(3)), 7);
    wait.start().unwrap();
    assert_eq!(wait.step(), Step::WaitUntil(mono(secs(3))));
}

#[test]
fn starting_before_a_poll_is_due_changes_nothing() {
    for mut wait in [in_flight(), waiting(), done()] {
        let before = format!("{:?}", wait.step());
        let polls = wait.waiter.poll_count();
        assert_eq!(wait.start().err(), Some(StartError::NotDue));
        assert_eq!(format!("{:?}", wait.step()), before);
        assert_eq!(wait.waiter.poll_count(), polls);
    }
    assert_eq!(StartError::NotDue.to_string(), "no poll is due");
}

#[test]
fn an_answer_without_a_request_in_flight_is_ignored() {
    for mut wait in [new(), waiting(), done()] {
        let before = format!("{:?}", wait.step());
        let event = wait.answer(api("InvalidParameter").dated("Wed, 15 Nov 2023 00:09:50 GMT"));
        assert_eq!(event.kind, EventKind::Ignored);
        assert_eq!(format!("{:?}", wait.step()), before);
        assert_eq!(wait.session.clock_offset(), ClockOffset::default());
    }
}

#[test]
fn an_abandoned_request_is_due_again() {
    let mut wait = in_flight();
    wait.waiter.abandon();
    assert_eq!(wait.step(), Step::Poll { fresh_credentials: false });
    let run = wait.run([success()]);
    assert_eq!(run.outcome.unwrap().report.polls, 2);
}

#[test]
fn abandoning_without_a_request_in_flight_changes_nothing() {
    for mut wait in [new(), waiting(), done()] {
        let before = format!("{:?}", wait.step());
        wait.waiter.abandon();
        assert_eq!(format!("{:?}", wait.step()), before);
    }
}

#[test]
fn the_answer_to_an_abandoned_request_is_ignored() {
    let mut wait = in_flight();
    wait.waiter.abandon();
    assert_eq!(wait.answer(success()).kind, EventKind::Ignored);
}

#[test]
fn a_cancelled_wait_sends_nothing_more() {
    for mut wait in [new(), in_flight(), waiting()] {
        wait.waiter.cancel();
        assert_eq!(wait.start().err(), Some(StartError::NotDue));
        assert_eq!(wait.answer(success()).kind, EventKind::Ignored);
        assert_eq!(wait.waiter.finish().unwrap_err().kind, wait::ErrorKind::Cancelled);
    }
}

#[test]
fn the_error_of_a_cancelled_wait_has_its_last_status_and_counts() {
    let mut wait = waiting();
    wait.now = secs(1);
    wait.step();
    wait.waiter.cancel();
    let error = wait.waiter.finish().unwrap_err();
    assert_eq!(error.last_status(), Some(&ExportStatus::Running));
    assert_eq!((error.report.polls, error.report.elapsed), (1, secs(1)));
    assert_eq!(
        error.to_string(),
        format!(
            "the wait was cancelled (job {JOB}, polls: 1, 1.0 s, last status \"RUNNING\" at 42 %)"
        )
    );
    assert!(error.source().is_none());
}

#[test]
fn cancelling_after_the_end_does_not_change_the_outcome() {
    let mut wait = done();
    wait.waiter.cancel();
    assert!(wait.waiter.finish().is_ok());
}

#[test]
fn finishing_before_the_end_cancels_the_wait() {
    for (wait, polls) in [(new(), 0), (in_flight(), 1), (waiting(), 1)] {
        let error = wait.waiter.finish().unwrap_err();
        assert_eq!((error.kind, error.report.polls), (wait::ErrorKind::Cancelled, polls));
    }
}

#[test]
fn a_poll_that_cannot_start_counts_as_a_failure() {
    let mut wait = new();
    let event = wait.waiter.cannot_start(mono(ZERO), TransportErrorKind::Timeout);
    let EventKind::Retrying { fault, remedy, delay } = event.kind else { panic!("{event:?}") };
    assert_eq!((fault, remedy), (Fault::Transport(TransportErrorKind::Timeout), Remedy::Retry));
    assert!(delay >= ms(100));
    assert_eq!((event.poll, wait.waiter.poll_count()), (0, 0));
}

#[test]
fn a_poll_that_can_never_start_ends_the_wait() {
    let mut wait = new();
    let event = wait.waiter.cannot_start(mono(ZERO), TransportErrorKind::Permanent);
    assert_eq!(event.kind, EventKind::Ended);
    let fault = Fault::Transport(TransportErrorKind::Permanent);
    assert_eq!(wait.waiter.finish().unwrap_err().kind, wait::ErrorKind::Fault(fault));
}

#[test]
fn the_ninth_poll_in_a_row_that_cannot_start_ends_the_wait() {
    let mut wait = new();
    for _ in 0..9 {
        assert!(wait.sleep().is_some());
        wait.waiter.cannot_start(mono(wait.now), TransportErrorKind::Timeout);
    }
    assert_eq!(wait.sleep(), None);
}

#[test]
fn a_failed_start_is_ignored_if_no_poll_is_due() {
    for mut wait in [in_flight(), waiting(), done()] {
        let before = format!("{:?}", wait.step());
        let event = wait.waiter.cannot_start(mono(ZERO), TransportErrorKind::Permanent);
        assert_eq!(event.kind, EventKind::Ignored);
        assert_eq!(format!("{:?}", wait.step()), before);
    }
}

#[test]
fn a_session_of_another_site_ends_the_wait() {
    let mut wait = waiting();
    assert!(wait.sleep().is_some());
    wait.session = Session::new(Endpoint::mainland());
    let Err(StartError::Build(error)) = wait.start() else { panic!("the request was signed") };
    assert_eq!((error.field(), error.reason()), (Field::Prepared, Reason::OtherEndpoint));
    assert_eq!(wait.waiter.finish().unwrap_err().kind, wait::ErrorKind::Build(error));
}

#[test]
fn the_session_may_change_within_a_site() {
    let mut wait = waiting();
    assert!(wait.sleep().is_some());
    wait.session = session().with_region("ap-guangzhou").unwrap();
    let request = wait.start().unwrap();
    assert_eq!((header(&request, "host"), header(&request, "x-tc-region")), (HOST, "ap-guangzhou"));
}

#[test]
fn events_number_the_polls_from_one() {
    let run = run([running(), api("InternalError"), running(), success()]);
    let polls: Vec<_> = run.events.iter().map(|event| event.poll).collect();
    assert_eq!(polls, [1, 2, 3, 4]);
}

#[test]
fn an_event_has_status_progress_and_delay() {
    let run = run([running(), success()]);
    let (status, progress) = (ExportStatus::Running, Some(42.0));
    let (delay, reason) = (secs(2), DelayReason::Interval);
    assert_eq!(run.events[0].kind, EventKind::Waiting { status, progress, delay, reason });
}

#[test]
fn a_waiter_has_its_job_id() {
    assert_eq!(new().waiter.job(), &job());
}

#[test]
fn a_cloned_waiter_continues_the_same() {
    let script = || [running(), api("RequestLimitExceeded"), api("InternalError"), success()];
    let wait = waiting();
    let other = Harness { waiter: wait.waiter.clone(), ..Harness::new(&Policy::default(), 99) };
    let (one, two) = (wait.run(script()), other.run(script()));
    assert_eq!(one.starts(), two.starts());
}
