//! How each job status continues or ends a wait.

use tcss_export::{
    actions::ExportStatus,
    wait::{self, EventKind, Policy},
};

use crate::{
    harness::{Exchange, Harness, URL, ZERO, members, run, run_under, running, secs, success},
    with::with,
};

#[test]
fn success_with_a_url_ends_the_wait_with_that_url() {
    let run = run([success()]);
    run.assert_url(1);
    assert_eq!(run.events.last().map(|event| &event.kind), Some(&EventKind::Ended));
    let report = &run.outcome.as_ref().unwrap().report;
    assert_eq!(report.request_id.as_deref(), Some("r-success"));
    assert_eq!((report.retries, report.elapsed, &report.last_fault), (0, ZERO, &None));
}

#[test]
fn failure_ends_the_wait_with_its_message() {
    let run = run([running(), members(r#""ExportStatus":"FAILURE","FailureMsg":"no\u001b disk""#)]);
    let message = Some("no\u{1b} disk".to_owned());
    assert_eq!(*run.kind(), wait::ErrorKind::JobFailed { message });
    assert!(run.error().to_string().starts_with("the job has failed (no\u{fffd} disk)"));
}

#[test]
fn failure_without_a_message_ends_the_wait() {
    let run = run([members(r#""ExportStatus":"FAILURE","FailureMsg":"","DownloadURL":"u""#)]);
    assert_eq!(*run.kind(), wait::ErrorKind::JobFailed { message: None });
}

// The service's own example has a message beside SUCCESS.
#[test]
fn a_message_beside_success_is_not_a_failure() {
    let both =
        members(&format!(r#""ExportStatus":"SUCCESS","FailureMsg":"m","DownloadURL":"{URL}""#));
    run([both]).assert_url(1);
}

#[test]
fn an_unknown_status_is_polled_again() {
    let script =
        [members(r#""ExportStatus":"PENDING""#), members(r#""ExportStatus":null"#), success()];
    run(script).assert_url(3);
}

#[test]
fn the_error_for_a_timeout_has_the_last_status_as_sent() {
    let run = run_under(secs(1), [members(r#""ExportStatus":"PENDING""#)]);
    assert_eq!(run.error().last_status().map(ExportStatus::as_str), Some("PENDING"));
    assert!(run.error().to_string().contains("last status \"PENDING\""));
}

fn without_url() -> Exchange {
    members(r#""ExportStatus":"SUCCESS","DownloadURL":null"#)
}

#[test]
fn success_without_a_url_is_polled_again() {
    let empty = members(r#""ExportStatus":"SUCCESS","DownloadURL":"""#);
    run([without_url(), empty, success()]).assert_url(3);
}

#[test]
fn success_without_a_url_ends_the_wait_after_three_more_polls() {
    let run = run(std::iter::repeat_n(without_url(), 4));
    assert_eq!(*run.kind(), wait::ErrorKind::WithoutUrl);
    assert_eq!(run.polls.len(), 4);
    assert_eq!(run.error().last_status(), Some(&ExportStatus::Success));
    assert!(run.error().to_string().starts_with("the job has finished without a URL"));
}

#[test]
fn polls_without_a_url_are_counted_over_the_whole_wait() {
    let policy = with(Policy::default(), |p| p.polls_without_url = 1);
    let run = Harness::new(&policy, 7).run([without_url(), running(), without_url()]);
    assert_eq!(*run.kind(), wait::ErrorKind::WithoutUrl);
}

#[test]
fn success_without_a_url_ends_the_wait_at_once_if_the_limit_is_zero() {
    let policy = with(Policy::default(), |p| p.polls_without_url = 0);
    let run = Harness::new(&policy, 7).run([without_url()]);
    assert_eq!(*run.kind(), wait::ErrorKind::WithoutUrl);
}
