//! Failures in a row, and faults that end a wait at once.

use tcss_export::{
    driver::TransportErrorKind,
    error::ResponseErrorKind,
    wait::{self, Correction, Fault, Policy},
};

use crate::{
    exchange::{api, fault, running, said, success},
    rig::{Rig, chain, run},
    with::with,
};
#[test]
fn hiccup_is_survived() {
    let run = run([running(), api("InternalError"), running(), success()]);
    run.assert_url(4);
    assert_eq!(run.remedies(), [Correction::Retry]);
    assert_eq!(run.outcome.unwrap().report.retries, 1);
}

#[test]
fn eight_failures_in_a_row_are_survived() {
    run(std::iter::repeat_n(api("InternalError"), 8).chain([success()])).assert_url(9);
}

#[test]
fn ninth_failure_in_a_row_ends_the_wait_with_its_code_and_request_id() {
    let run = run(std::iter::repeat_n(api("InternalError"), 9));
    let error = run.error();
    assert!(matches!(error.kind, wait::ErrorKind::Fault(Fault::Answer(_))));
    assert_eq!(error.code().map(tcss_export::error::ErrorCode::as_str), Some("InternalError"));
    assert_eq!(error.request_id(), Some("r-InternalError"));
    assert_eq!((error.report.polls, error.report.retries), (9, 8));
    let expected = "the service answered InternalError: m \
                    (HTTP status 200, request id r-InternalError)";
    assert!(chain(error).ends_with(expected), "{}", chain(error));
}

#[test]
fn good_answer_resets_the_count() {
    let eight = || std::iter::repeat_n(api("InternalError"), 8);
    run(eight().chain([running()]).chain(eight()).chain([success()])).assert_url(18);
}

#[test]
fn failures_of_every_kind_count_together() {
    let script = [
        api("InternalError"),
        said(502, "<html>"),
        said(200, "<!DOCTYPE html>"),
        said(200, ""),
        said(200, r#"{"Response":{"ExportStatus":"SUCC"#),
        said(200, "{!}"),
        fault(TransportErrorKind::Connection),
        fault(TransportErrorKind::Timeout),
        fault(TransportErrorKind::Truncated),
    ];
    let run = run(script);
    assert_eq!(
        *run.kind(),
        wait::ErrorKind::Fault(Fault::Transport(TransportErrorKind::Truncated))
    );
    assert_eq!(run.remedies(), [Correction::Retry; 8]);
}

#[test]
fn no_failure_is_survived_when_none_may_be() {
    let policy = with(Policy::default(), |p| p.max_failures = 0);
    let run = Rig::new(&policy, 7).run([fault(TransportErrorKind::Connection)]);
    assert_eq!(
        *run.kind(),
        wait::ErrorKind::Fault(Fault::Transport(TransportErrorKind::Connection))
    );
}

/// Makes one test a fault that ends a wait at its first poll.
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
    answer_that_is_too_large_ends_the_wait: fault(TransportErrorKind::TooLarge);
    fault_that_will_not_pass_ends_the_wait: fault(TransportErrorKind::Permanent);
    redirect_ends_the_wait: said(302, "").with_header("location", "https://other.example/");
    encoded_answer_ends_the_wait: success().with_header("content-encoding", "gzip");
    json_that_is_no_answer_ends_the_wait: said(200, "{}");
    good_answer_with_a_status_of_failure_ends_the_wait:
        said(400, r#"{"Response":{"ExportStatus":"SUCCESS","DownloadURL":"u"}}"#);
    old_flat_error_ends_the_wait: said(200, r#"{"code":4100,"codeDesc":"AuthFailure"}"#);
}
#[test]
fn redirect_names_status_and_host() {
    let run = run([said(302, "").with_header("location", "https://other.example/")]);
    let wait::ErrorKind::Fault(Fault::Answer(error)) = run.kind() else { panic!() };
    assert_eq!(error.status().as_u16(), 302);
    let host = Some("other.example".to_owned());
    assert_eq!(*error.kind(), ResponseErrorKind::Redirect { host });
}
