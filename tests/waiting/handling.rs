//! What a driver may do besides the plain loop.

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
    wait::{self, Correction, EventKind, Fault, Policy},
};

use crate::{
    common::{HOST, header, job, session},
    exchange::{api, fault, running, success},
    rig::{Rig, ZERO, mono, ms, run, secs},
    with::with,
};

fn rig() -> Rig {
    Rig::new(&Policy::default(), 7)
}

fn in_flight() -> Rig {
    let mut rig = rig();
    rig.start().unwrap();
    rig
}

fn waiting() -> Rig {
    let mut rig = in_flight();
    rig.answer(running());
    rig
}

fn done() -> Rig {
    let mut rig = in_flight();
    rig.answer(success());
    rig
}

#[test]
fn first_poll_is_due_at_once() {
    assert_eq!(rig().step(), Step::Poll { fresh_credentials: false });
}

#[test]
fn step_that_is_asked_many_times_changes_nothing() {
    for mut rig in [rig(), in_flight(), waiting(), done()] {
        let first = format!("{:?}", rig.step());
        for _ in 0..1_000 {
            assert_eq!(format!("{:?}", rig.step()), first);
        }
    }
}

#[test]
fn steps_in_between_change_no_outcome() {
    let script = || {
        [
            running(),
            api("InternalError"),
            fault(TransportErrorKind::Connection),
            running(),
            success(),
        ]
    };
    let quiet = rig().run(script());
    let mut asked = rig();
    let mut script = script().into_iter();
    let mut starts = Vec::new();
    while let Some(_fresh) = asked.sleep() {
        starts.push(asked.now);
        asked.start().unwrap();
        for _ in 0..10 {
            asked.step();
        }
        asked.answer(script.next().unwrap());
        asked.now += ms(1);
        asked.step();
    }
    let shifts: Vec<_> =
        starts.iter().zip(quiet.starts()).map(|(a, b)| a.saturating_sub(b)).collect();
    assert!(shifts.iter().all(|shift| *shift <= ms(5)), "{shifts:?}");
    assert_eq!(starts.len(), quiet.polls.len());
}

#[test]
fn request_under_way_is_waited_for_up_to_the_exchange_limit() {
    assert_eq!(in_flight().step(), Step::WaitUntil(mono(secs(30))));
}

#[test]
fn exchange_past_its_limit_counts_as_a_timeout() {
    let mut rig = in_flight();
    assert!(rig.sleep().is_some());
    assert!(rig.now >= secs(30) + ms(100), "{:?}", rig.now);
    let late = rig.answer(success());
    assert_eq!(late.kind, EventKind::Ignored);
}

#[test]
fn exchange_limit_is_a_setting() {
    let mut rig = Rig::new(&with(Policy::default(), |p| p.exchange_limit = secs(3)), 7);
    rig.start().unwrap();
    assert_eq!(rig.step(), Step::WaitUntil(mono(secs(3))));
}

#[test]
fn start_before_a_poll_is_due_changes_nothing() {
    for mut rig in [in_flight(), waiting(), done()] {
        let before = format!("{:?}", rig.step());
        let polls = rig.waiter.poll_count();
        assert_eq!(rig.start().err(), Some(StartError::NotDue));
        assert_eq!(format!("{:?}", rig.step()), before);
        assert_eq!(rig.waiter.poll_count(), polls);
    }
    assert_eq!(StartError::NotDue.to_string(), "no poll is due");
}

#[test]
fn answer_without_a_request_under_way_is_ignored() {
    for mut rig in [rig(), waiting(), done()] {
        let before = format!("{:?}", rig.step());
        let event = rig.answer(api("InvalidParameter").dated("Wed, 15 Nov 2023 00:09:50 GMT"));
        assert_eq!(event.kind, EventKind::Ignored);
        assert_eq!(format!("{:?}", rig.step()), before);
        assert_eq!(rig.session.clock_offset(), ClockOffset::default());
    }
}

#[test]
fn abandoned_request_is_due_again() {
    let mut rig = in_flight();
    rig.waiter.abandon();
    assert_eq!(rig.step(), Step::Poll { fresh_credentials: false });
    let run = rig.run([success()]);
    assert_eq!(run.outcome.unwrap().report.polls, 2);
}

#[test]
fn abandon_without_a_request_under_way_changes_nothing() {
    for mut rig in [rig(), waiting(), done()] {
        let before = format!("{:?}", rig.step());
        rig.waiter.abandon();
        assert_eq!(format!("{:?}", rig.step()), before);
    }
}

#[test]
fn answer_to_an_abandoned_request_is_ignored() {
    let mut rig = in_flight();
    rig.waiter.abandon();
    assert_eq!(rig.answer(success()).kind, EventKind::Ignored);
}

#[test]
fn cancelled_wait_sends_nothing_more() {
    for mut rig in [rig(), in_flight(), waiting()] {
        rig.waiter.cancel();
        assert_eq!(rig.start().err(), Some(StartError::NotDue));
        assert_eq!(rig.answer(success()).kind, EventKind::Ignored);
        assert_eq!(rig.waiter.finish().unwrap_err().kind, wait::ErrorKind::Cancelled);
    }
}

#[test]
fn cancelled_wait_keeps_what_it_saw() {
    let mut rig = waiting();
    rig.now = secs(1);
    rig.step();
    rig.waiter.cancel();
    let error = rig.waiter.finish().unwrap_err();
    assert_eq!(error.last_status(), Some(&ExportStatus::Running));
    assert_eq!((error.report.polls, error.report.elapsed), (1, secs(1)));
    assert_eq!(
        error.to_string(),
        "the wait was cancelled (polls: 1, 1.0 s, last status \"RUNNING\" at 42 %)"
    );
    assert!(error.source().is_none());
}

#[test]
fn cancel_after_the_end_changes_no_outcome() {
    let mut rig = done();
    rig.waiter.cancel();
    assert!(rig.waiter.finish().is_ok());
}

#[test]
fn finish_before_the_end_is_a_cancellation() {
    for (rig, polls) in [(rig(), 0), (in_flight(), 1), (waiting(), 1)] {
        let error = rig.waiter.finish().unwrap_err();
        assert_eq!((error.kind, error.report.polls), (wait::ErrorKind::Cancelled, polls));
    }
}

#[test]
fn poll_that_cannot_be_started_counts_as_a_failure() {
    let mut rig = rig();
    let event = rig.waiter.cannot_start(mono(ZERO), TransportErrorKind::Timeout);
    let EventKind::Retrying { fault, remedy, delay } = event.kind else { panic!("{event:?}") };
    assert_eq!((fault, remedy), (Fault::Transport(TransportErrorKind::Timeout), Correction::Retry));
    assert!(delay >= ms(100));
    assert_eq!((event.poll, rig.waiter.poll_count()), (0, 0));
}

#[test]
fn poll_that_can_never_be_started_ends_the_wait() {
    let mut rig = rig();
    let event = rig.waiter.cannot_start(mono(ZERO), TransportErrorKind::Permanent);
    assert_eq!(event.kind, EventKind::Ended);
    let fault = Fault::Transport(TransportErrorKind::Permanent);
    assert_eq!(rig.waiter.finish().unwrap_err().kind, wait::ErrorKind::Fault(fault));
}

#[test]
fn poll_that_cannot_be_started_ends_the_wait_after_eight_more() {
    let mut rig = rig();
    for _ in 0..9 {
        assert!(rig.sleep().is_some());
        rig.waiter.cannot_start(mono(rig.now), TransportErrorKind::Timeout);
    }
    assert_eq!(rig.sleep(), None);
}

#[test]
fn poll_that_is_not_due_cannot_fail_to_start() {
    for mut rig in [in_flight(), waiting(), done()] {
        let before = format!("{:?}", rig.step());
        let event = rig.waiter.cannot_start(mono(ZERO), TransportErrorKind::Permanent);
        assert_eq!(event.kind, EventKind::Ignored);
        assert_eq!(format!("{:?}", rig.step()), before);
    }
}

#[test]
fn session_of_another_site_ends_the_wait() {
    let mut rig = waiting();
    assert!(rig.sleep().is_some());
    rig.session = Session::new(Endpoint::mainland());
    let Err(StartError::Build(error)) = rig.start() else { panic!("signed") };
    assert_eq!((error.field(), error.reason()), (Field::Prepared, Reason::OtherEndpoint));
    assert_eq!(rig.waiter.finish().unwrap_err().kind, wait::ErrorKind::Build(error));
}

#[test]
fn session_may_change_within_a_site() {
    let mut rig = waiting();
    assert!(rig.sleep().is_some());
    rig.session = session().with_region("ap-guangzhou").unwrap();
    let request = rig.start().unwrap();
    assert_eq!((header(&request, "host"), header(&request, "x-tc-region")), (HOST, "ap-guangzhou"));
}

#[test]
fn events_count_the_polls_from_one() {
    let run = run([running(), api("InternalError"), running(), success()]);
    let polls: Vec<_> = run.events.iter().map(|event| event.poll).collect();
    assert_eq!(polls, [1, 2, 3, 4]);
}

#[test]
fn events_tell_status_progress_and_delay() {
    let run = run([running(), success()]);
    let (status, progress) = (ExportStatus::Running, Some(42.0));
    assert_eq!(run.events[0].kind, EventKind::Waiting { status, progress, delay: secs(2) });
}

#[test]
fn waiter_names_its_job() {
    assert_eq!(rig().waiter.job(), &job());
}

#[test]
fn clone_of_a_waiter_goes_on_alike() {
    let script = || [running(), api("RequestLimitExceeded"), api("InternalError"), success()];
    let rig = waiting();
    let other = Rig { waiter: rig.waiter.clone(), ..Rig::new(&Policy::default(), 99) };
    let (one, two) = (rig.run(script()), other.run(script()));
    assert_eq!(one.starts(), two.starts());
}
