//! Failures in a row, broken connections, and errors that end a wait at once.

use std::error::Error;

use tcss_export::{
    core::wait::StartError,
    driver::TransportErrorKind,
    error::ResponseErrorKind,
    wait::{self, Backoff, Fault, Policy, Remedy},
};

use crate::{
    common::{BODY, JOB, SIGNATURE, signature},
    harness::{
        Exchange, Harness, ZERO, answer, api, chain, fault, ms, run, running, secs, success,
    },
    with::with,
};

#[test]
fn a_single_failure_is_retried() {
    let run = run([running(), api("InternalError"), running(), success()]);
    run.assert_url(4);
    assert_eq!(run.remedies(), [Remedy::Retry]);
    assert_eq!(run.outcome.unwrap().report.retries, 1);
}

#[test]
fn eight_failures_in_a_row_are_retried() {
    run(std::iter::repeat_n(api("InternalError"), 8).chain([success()])).assert_url(9);
}

#[test]
fn the_ninth_failure_in_a_row_ends_the_wait_with_its_code_and_request_id() {
    let run = run(std::iter::repeat_n(api("InternalError"), 9));
    let error = run.error();
    assert!(matches!(error.kind, wait::ErrorKind::Fault(Fault::Answer(_))));
    assert_eq!(run.code(), Some("InternalError"));
    assert_eq!(error.request_id(), Some("r-InternalError"));
    assert_eq!((error.report.polls, error.report.retries), (9, 8));
    let expected = "the service answered InternalError: m \
                    (HTTP status 200, request id r-InternalError)";
    assert!(chain(error).ends_with(expected), "{}", chain(error));
}

#[test]
fn a_good_answer_resets_the_count() {
    let eight = || std::iter::repeat_n(api("InternalError"), 8);
    run(eight().chain([running()]).chain(eight()).chain([success()])).assert_url(18);
}

#[test]
fn failures_of_every_kind_count_together() {
    let script = [
        api("InternalError"),
        answer(502, "<html>"),
        answer(200, "<!DOCTYPE html>"),
        answer(200, ""),
        answer(200, r#"{"Response":{"ExportStatus":"SUCC"#),
        answer(200, "{!}"),
        fault(TransportErrorKind::Connection),
        fault(TransportErrorKind::Timeout),
        fault(TransportErrorKind::Truncated),
    ];
    let run = run(script);
    assert_eq!(
        *run.kind(),
        wait::ErrorKind::Fault(Fault::Transport(TransportErrorKind::Truncated))
    );
    assert_eq!(run.remedies(), [Remedy::Retry; 8]);
}

#[test]
fn no_failure_is_retried_if_the_limit_is_zero() {
    let policy = with(Policy::default(), |p| p.max_failures = 0);
    let run = Harness::new(&policy, 7).run([fault(TransportErrorKind::Connection)]);
    assert_eq!(
        *run.kind(),
        wait::ErrorKind::Fault(Fault::Transport(TransportErrorKind::Connection))
    );
}

/// One test for each exchange that ends a wait at its first poll.
macro_rules! ends {
    ($($name:ident: $exchange:expr;)*) => {$(
        #[test]
        fn $name() {
            let run = run([$exchange]);
            assert!(matches!(run.kind(), wait::ErrorKind::Fault(_)), "{:?}", run.kind());
        }
    )*};
}

ends! {
    an_answer_that_is_too_large_ends_the_wait: fault(TransportErrorKind::TooLarge);
    a_permanent_transport_error_ends_the_wait: fault(TransportErrorKind::Permanent);
    a_redirect_ends_the_wait: answer(302, "").with_header("location", "https://other.example/");
    an_encoded_answer_ends_the_wait: success().with_header("content-encoding", "gzip");
    json_without_a_response_ends_the_wait: answer(200, "{}");
    a_good_answer_with_http_status_400_ends_the_wait:
        answer(400, r#"{"Response":{"ExportStatus":"SUCCESS","DownloadURL":"u"}}"#);
    an_old_flat_error_ends_the_wait: answer(200, r#"{"code":4100,"codeDesc":"AuthFailure"}"#);
}

#[test]
fn the_error_for_a_redirect_has_its_status_and_host() {
    let run = run([answer(302, "").with_header("location", "https://other.example/")]);
    let wait::ErrorKind::Fault(Fault::Answer(error)) = run.kind() else { panic!() };
    assert_eq!(error.status().as_u16(), 302);
    let host = Some("other.example".to_owned());
    assert_eq!(*error.kind(), ResponseErrorKind::Redirect { host });
}

// The service closes idle connections after 60 s, so broken connections are normal.

fn broken() -> Exchange {
    fault(TransportErrorKind::Connection)
}

#[test]
fn the_first_broken_connection_is_retried_at_once() {
    let run = run([running(), broken(), success()]);
    run.assert_url(3);
    assert_eq!(run.starts(), [ZERO, secs(2), secs(2)]);
}

#[test]
fn further_broken_connections_in_a_row_back_off() {
    let run = run([broken(), broken(), broken(), success()]);
    let delays = run.delays();
    assert_eq!(delays[0], ZERO);
    for (n, delay) in (1..).zip(&delays[1..]) {
        let (shortest, longest) = Backoff::RETRY.bounds(n);
        assert!(shortest <= *delay && *delay <= longest, "failure {n}: {delay:?}");
    }
}

#[test]
fn the_first_broken_connection_after_a_good_answer_is_retried_at_once_again() {
    let run = run([broken(), running(), broken(), success()]);
    assert_eq!(run.delays(), [ZERO, secs(2), ZERO]);
}

#[test]
fn other_transport_errors_are_not_retried_at_once() {
    for other in [TransportErrorKind::Timeout, TransportErrorKind::Truncated] {
        let run = run([fault(other), success()]);
        assert!(run.delays()[0] >= ms(100), "{other:?}");
    }
}

// The second signature was computed by an independent script.
#[test]
fn every_attempt_is_signed_again() {
    let run = run([broken().then_wall_jumps(400), success()]);
    assert_eq!(run.timestamps(), ["1699979400", "1699979800"]);
    assert_eq!(signature(&run.polls[0].request), SIGNATURE);
    assert_eq!(
        signature(&run.polls[1].request),
        "a73ed268582a861b6611468afd4628eaa29afe05f0d410bc469ca5338494f31c"
    );
}

#[test]
fn the_final_error_names_the_transport_error() {
    let run = run(std::iter::repeat_n(broken().then_wall_jumps(400), 9));
    let text = chain(run.error());
    assert!(text.starts_with(&format!("polling failed (job {JOB}, polls: 9")), "{text}");
    assert!(text.ends_with("the connection failed"), "{text}");
}

#[test]
fn the_body_is_the_same_in_all_attempts() {
    let run = run([broken(), api("InternalError"), running(), success()]);
    assert!(run.polls.iter().all(|poll| poll.request.body() == BODY));
}

#[test]
fn errors_of_waiting_are_send_sync_and_small() {
    fn is_send_and_sync<T: Error + Send + Sync + 'static>() {}
    is_send_and_sync::<tcss_export::core::wait::Error>();
    is_send_and_sync::<StartError>();
    is_send_and_sync::<TransportErrorKind>();
    is_send_and_sync::<Fault>();
    assert!(
        size_of::<tcss_export::core::wait::Error>() <= 176,
        "{}",
        size_of::<tcss_export::core::wait::Error>()
    );
}
