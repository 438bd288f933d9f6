//! The texts of failed waits, and which of them may succeed later.

use tcss_export::{
    driver::TransportErrorKind::{Connection, Permanent, Timeout, TooLarge, Truncated},
    wait::{ErrorKind, Policy},
};

use crate::{
    common::JOB,
    harness::{Exchange, Harness, answer, api, fault, members, run, run_under, running, secs},
    with::with,
};

/// Returns the text of a wait that the first fault ends.
#[track_caller]
fn text_after(exchange: Exchange) -> String {
    let policy = with(Policy::default(), |policy| policy.max_failures = 0);
    Harness::new(&policy, 7).run([running(), exchange]).error().to_string()
}

#[test]
fn the_text_names_job_last_status_and_code() {
    let expected = |fault: &str| {
        format!(
            "polling failed (job {JOB}, polls: 2, 2.0 s, last status \"RUNNING\" at 42 %, \
             last fault: {fault})"
        )
    };
    let code = "AuthFailure.SecretIdNotFound";
    assert_eq!(text_after(api(code)), expected(code));
    assert_eq!(text_after(api("InternalError")), expected("InternalError"));
    let page = answer(502, "<html>");
    assert_eq!(text_after(page), expected("HTTP status 502 without a result"));
    assert_eq!(text_after(api("")), expected("HTTP status 200 without a result"));
    assert_eq!(text_after(fault(Connection)), expected("the connection failed"));
    assert_eq!(text_after(fault(Permanent)), expected("the request cannot be sent"));
}

#[test]
fn the_text_of_a_failed_job_has_its_reason() {
    let run = run([members(r#""ExportStatus":"FAILURE","FailureMsg":"disk is full""#)]);
    let expected = format!(
        "the job has failed (disk is full) (job {JOB}, polls: 1, 0.0 s, last status \"FAILURE\")"
    );
    assert_eq!(run.error().to_string(), expected);
    assert_eq!(run.error().report.job.as_str(), JOB);
}

#[test]
fn the_text_of_a_missed_deadline_names_the_last_fault() {
    let failing = [running()].into_iter().chain(std::iter::repeat(api("RequestLimitExceeded")));
    let text = run_under(secs(3), failing).error().to_string();
    assert!(text.starts_with("the job was not done before the deadline (job "), "{text}");
    assert!(text.ends_with("at 42 %, last fault: RequestLimitExceeded)"), "{text}");
}

#[test]
fn debug_shows_a_fault_once() {
    let text = format!("{:?}", run([api("AuthFailure.SecretIdNotFound")]).error());
    assert_eq!(text.matches("ErrorCode(").count(), 1, "{text}");
    let head = format!("Error {{ kind: Fault(..), report: Report {{ job: JobId(\"{JOB}\"), ");
    assert!(text.starts_with(&head), "{text}");
    let text = format!("{:?}", run([members(r#""ExportStatus":"FAILURE""#)]).error());
    assert!(text.contains("kind: JobFailed { message: None }, report: "), "{text}");
}

/// Returns whether another wait may succeed after one that this exchange ended.
#[track_caller]
fn is_transient_after(exchange: Exchange) -> bool {
    let policy = with(Policy::default(), |policy| policy.max_failures = 0);
    let run = Harness::new(&policy, 7).run([exchange]);
    assert!(matches!(run.kind(), ErrorKind::Fault(_)), "{:?}", run.kind());
    run.error().is_transient()
}

#[test]
fn another_wait_may_succeed_after_a_fault_that_passes() {
    for kind in [Connection, Timeout, Truncated] {
        assert!(is_transient_after(fault(kind)), "{kind:?}");
    }
    assert!(is_transient_after(api("InternalError")));
    assert!(is_transient_after(answer(502, "<html>")));
    for kind in [TooLarge, Permanent] {
        assert!(!is_transient_after(fault(kind)), "{kind:?}");
    }
    assert!(!is_transient_after(api("AuthFailure.SecretIdNotFound")));
}

#[test]
fn another_wait_may_succeed_after_the_deadline_but_not_after_the_end_of_the_job() {
    assert!(run_under(secs(0), []).error().is_transient());
    assert!(!run([members(r#""ExportStatus":"FAILURE""#)]).error().is_transient());
    let cancelled = Harness::new(&Policy::default(), 7).waiter.finish().unwrap_err();
    assert!(!cancelled.is_transient());
}
