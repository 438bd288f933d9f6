//! The end of a wait that no answer brings.

use std::time::Duration;

use tcss_export::{
    actions::ExportStatus,
    core::wait::{StartError, Step},
    driver::TransportErrorKind,
    wait::{self, Fault, Policy},
};

use crate::{
    exchange::{api, running, success},
    rig::{Rig, ZERO, chain, mono, ms, run, run_under, secs},
    with::with,
};

// Polls at 0, 2, 5, 9.5, 16.25 and 26.375 s, then 38 more up to 596.375 s.
#[test]
fn job_that_runs_for_ever_ends_in_a_timeout() {
    let run = run_under(secs(600), std::iter::repeat(running()));
    let error = run.error();
    assert_eq!(error.kind, wait::ErrorKind::TimedOut);
    assert_eq!(error.last_status(), Some(&ExportStatus::Running));
    assert_eq!(error.report.last.as_ref().and_then(|last| last.progress), Some(42.0));
    assert_eq!((error.report.polls, run.polls.len()), (44, 44));
    assert_eq!(error.report.elapsed, secs(600));
    assert_eq!(error.request_id(), Some("r-running"));
    assert_eq!(
        error.to_string(),
        "the job was not done before the deadline \
         (polls: 44, 600.0 s, last status \"RUNNING\" at 42 %)"
    );
}

#[test]
fn default_deadline_is_30_minutes() {
    let run = run(std::iter::repeat(running()));
    assert_eq!(run.error().report.elapsed, secs(1_800));
}

#[test]
fn nothing_starts_at_the_deadline() {
    let mut rig = Rig::new(&with(Policy::default(), |p| p.max_wait = secs(60)), 7);
    rig.now = secs(60);
    assert_eq!(rig.start().err(), Some(StartError::NotDue));
    assert!(
        matches!(rig.step(), Step::Done(Err(error)) if error.kind == wait::ErrorKind::TimedOut)
    );
}

#[test]
fn poll_just_before_the_deadline_starts() {
    let mut rig = Rig::new(&with(Policy::default(), |p| p.max_wait = secs(60)), 7);
    rig.now = secs(60) - ms(1);
    assert!(rig.start().is_ok());
}

#[test]
fn deadline_counts_from_the_creation() {
    let mut rig = Rig::new(&with(Policy::default(), |p| p.max_wait = secs(60)), 7);
    assert_eq!(rig.waiter.deadline(), mono(secs(60)));
    rig.now = secs(50);
    rig.start().unwrap();
    rig.answer(running());
    assert_eq!(rig.waiter.deadline(), mono(secs(60)));
}

#[test]
fn answer_to_a_poll_begun_in_time_counts_after_the_deadline() {
    let mut rig = Rig::new(&with(Policy::default(), |p| p.max_wait = secs(60)), 7);
    rig.now = secs(60) - ms(1);
    let run = rig.run([success().taking(secs(29))]);
    run.assert_url(1);
}

#[test]
fn running_job_whose_answer_comes_after_the_deadline_has_timed_out() {
    let mut rig = Rig::new(&with(Policy::default(), |p| p.max_wait = secs(60)), 7);
    rig.now = secs(59);
    let run = rig.run([running().taking(secs(20))]);
    assert_eq!(*run.kind(), wait::ErrorKind::TimedOut);
    assert_eq!(run.error().report.elapsed, secs(79));
}

#[test]
fn wait_ends_one_exchange_limit_after_the_deadline_at_most() {
    let mut rig = Rig::new(&with(Policy::default(), |p| p.max_wait = secs(60)), 7);
    rig.now = secs(60) - ms(1);
    rig.start().unwrap();
    assert_eq!(rig.sleep(), None);
    assert_eq!(rig.now, secs(90) - ms(1));
    let error = rig.waiter.finish().unwrap_err();
    assert_eq!(error.kind, wait::ErrorKind::TimedOut);
    assert_eq!(error.report.last_fault, Some(Fault::Transport(TransportErrorKind::Timeout)));
}

#[test]
fn timeout_after_failures_names_the_last_one_as_its_source() {
    let policy = with(Policy::default(), |p| {
        p.max_wait = secs(60);
        p.max_failures = u32::MAX;
    });
    let run = Rig::new(&policy, 7).run(std::iter::repeat(api("InternalError")));
    assert_eq!(*run.kind(), wait::ErrorKind::TimedOut);
    assert!(chain(run.error()).contains("the service answered InternalError: m"));
}

#[test]
fn pause_is_cut_at_the_deadline() {
    let mut rig = Rig::new(&with(Policy::default(), |p| p.max_wait = secs(1)), 7);
    rig.start().unwrap();
    rig.answer(running());
    assert_eq!(rig.step(), Step::WaitUntil(mono(secs(1))));
}

#[test]
fn wait_of_no_time_polls_not_once() {
    let run = run_under(ZERO, []);
    assert_eq!(*run.kind(), wait::ErrorKind::TimedOut);
    assert_eq!(run.error().report.polls, 0);
}

#[test]
fn longest_wait_does_not_overflow() {
    run_under(Duration::MAX, [running(), success()]).assert_url(2);
}
