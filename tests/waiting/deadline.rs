//! How a wait ends at its deadline.

use std::time::Duration;

use tcss_export::{
    actions::ExportStatus,
    core::wait::{StartError, Step},
    driver::TransportErrorKind,
    wait::{self, Fault, Policy},
};

use crate::{
    common::JOB,
    harness::{Harness, ZERO, api, chain, mono, ms, run, run_under, running, secs, success},
    with::with,
};

// Expected: the polls before 600 s by the intervals of the guide, counted by Python.
#[test]
fn a_job_that_never_ends_times_out() {
    let run = run_under(secs(600), std::iter::repeat(running()));
    let error = run.error();
    assert_eq!(error.kind, wait::ErrorKind::TimedOut);
    assert_eq!(error.last_status(), Some(&ExportStatus::Running));
    assert_eq!(error.report.last.as_ref().and_then(|last| last.progress), Some(42.0));
    assert_eq!((error.report.polls, run.polls.len()), (48, 48));
    assert_eq!(error.report.elapsed, secs(600));
    assert_eq!(error.request_id(), Some("r-running"));
    assert_eq!(
        error.to_string(),
        format!(
            "the job was not done before the deadline \
             (job {JOB}, polls: 48, 600.0 s, last status \"RUNNING\" at 42 %)"
        )
    );
}

#[test]
fn the_default_deadline_is_30_minutes() {
    let run = run(std::iter::repeat(running()));
    assert_eq!(run.error().report.elapsed, secs(1_800));
}

fn of_60_s() -> Harness {
    Harness::new(&with(Policy::default(), |p| p.max_wait = secs(60)), 7)
}

#[test]
fn no_poll_starts_at_the_deadline() {
    let mut wait = of_60_s();
    wait.now = secs(60);
    assert_eq!(wait.start().err(), Some(StartError::NotDue));
    assert!(
        matches!(wait.step(), Step::Done(Err(error)) if error.kind == wait::ErrorKind::TimedOut)
    );
}

#[test]
fn a_poll_just_before_the_deadline_starts() {
    let mut wait = of_60_s();
    wait.now = secs(60) - ms(1);
    assert!(wait.start().is_ok());
}

#[test]
fn the_deadline_counts_from_the_creation_of_the_waiter() {
    let mut wait = of_60_s();
    assert_eq!(wait.waiter.deadline(), mono(secs(60)));
    wait.now = secs(50);
    wait.start().unwrap();
    wait.answer(running());
    assert_eq!(wait.waiter.deadline(), mono(secs(60)));
}

#[test]
fn an_answer_after_the_deadline_counts_if_its_poll_started_before() {
    let mut wait = of_60_s();
    wait.now = secs(60) - ms(1);
    let run = wait.run([success().taking(secs(29))]);
    run.assert_url(1);
}

#[test]
fn a_running_answer_after_the_deadline_times_out() {
    let mut wait = of_60_s();
    wait.now = secs(59);
    let run = wait.run([running().taking(secs(20))]);
    assert_eq!(*run.kind(), wait::ErrorKind::TimedOut);
    assert_eq!(run.error().report.elapsed, secs(79));
}

#[test]
fn a_wait_ends_at_most_one_exchange_limit_after_its_deadline() {
    let mut wait = of_60_s();
    wait.now = secs(60) - ms(1);
    wait.start().unwrap();
    assert_eq!(wait.sleep(), None);
    assert_eq!(wait.now, secs(90) - ms(1));
    let error = wait.waiter.finish().unwrap_err();
    assert_eq!(error.kind, wait::ErrorKind::TimedOut);
    assert_eq!(error.report.last_fault, Some(Fault::Transport(TransportErrorKind::Timeout)));
}

#[test]
fn a_timeout_after_failures_has_the_last_one_as_its_source() {
    let policy = with(Policy::default(), |p| {
        p.max_wait = secs(60);
        p.max_failures = u32::MAX;
    });
    let run = Harness::new(&policy, 7).run(std::iter::repeat(api("InternalError")));
    assert_eq!(*run.kind(), wait::ErrorKind::TimedOut);
    assert!(chain(run.error()).contains("the service answered InternalError: m"));
}

#[test]
fn a_pause_ends_at_the_deadline() {
    let mut wait = Harness::new(&with(Policy::default(), |p| p.max_wait = secs(1)), 7);
    wait.start().unwrap();
    wait.answer(running());
    assert_eq!(wait.step(), Step::WaitUntil(mono(secs(1))));
}

#[test]
fn a_wait_with_zero_time_never_polls() {
    let run = run_under(ZERO, []);
    assert_eq!(*run.kind(), wait::ErrorKind::TimedOut);
    assert_eq!(run.error().report.polls, 0);
}

#[test]
fn the_longest_wait_does_not_overflow() {
    run_under(Duration::MAX, [running(), success()]).assert_url(2);
}
