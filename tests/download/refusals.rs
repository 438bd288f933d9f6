//! Redirects, statuses that are no file, and refusals that pass or do not.

use std::error::Error;

use tcss_export::{
    download::{ErrorKind, EventKind, Fault, Policy, Refusal},
    driver::TransportErrorKind,
};

use crate::{
    server::{Answer, End, Play, digits, xml},
    trial::{Trial, download, trial},
    with::with,
};

#[test]
fn a_redirect_is_never_followed_and_its_host_named() {
    let mut trial = trial();
    trial.serve(&digits(), Play::Redirect);
    let error = trial.outcome().unwrap_err();
    let host = Some("other.example".into());
    let status = http::StatusCode::FOUND;
    assert_eq!(error.kind, ErrorKind::Redirect { status, host });
    assert_eq!(
        error.to_string(),
        "unexpected redirect to other.example (HTTP status 302) (requests: 1, 0.0 s)"
    );
}

#[test]
fn a_redirect_to_nowhere_is_one_too() {
    for status in [300, 301, 303, 307, 308] {
        let mut trial = trial();
        trial.answer(&Answer::new(status, &[("location", "/b.csv")], ""));
        let error = trial.kind();
        assert!(matches!(error, ErrorKind::Redirect { host: None, .. }), "{status}: {error:?}");
    }
}

#[test]
fn a_status_that_is_no_file_is_named() {
    for status in [201_u16, 203, 204, 205, 207, 304] {
        let mut trial = trial();
        trial.answer(&Answer::new(status, &[], ""));
        let error = trial.outcome().unwrap_err();
        assert_eq!(error.kind, ErrorKind::Status(status.try_into().unwrap()));
        assert!(
            error
                .to_string()
                .starts_with(&format!("expected a file, got the HTTP status {status} ("))
        );
    }
}

#[test]
fn what_will_not_pass_ends_it_at_once() {
    for answer in [
        xml(404, "NoSuchKey", "m"),
        xml(403, "InvalidObjectState", "m"),
        xml(400, "InvalidArgument", "m"),
        xml(412, "PreconditionFailed", "m"),
        Answer::new(410, &[], ""),
    ] {
        let mut trial = Trial::of(download(&Policy::default()).with_new_urls());
        trial.answer(&answer);
        assert!(matches!(trial.kind(), ErrorKind::Refused(_)), "{answer:?}");
    }
    let mut trial = trial();
    trial.serve(&digits(), Play::Unsent(TransportErrorKind::Permanent));
    assert_eq!(trial.kind(), ErrorKind::Fault(Fault::Transport(TransportErrorKind::Permanent)));
    assert_eq!(
        trial.outcome().unwrap_err().source().unwrap().to_string(),
        "the request cannot be sent"
    );
}

#[test]
fn what_will_not_pass_ends_it_within_a_body_too() {
    let mut trial = trial();
    let request = trial.start();
    let mut answer = digits().answer(&request, Play::Cut(3));
    answer.end = End::Broken(TransportErrorKind::Permanent);
    trial.take(request, &answer);
    assert_eq!(trial.kind(), ErrorKind::Fault(Fault::Transport(TransportErrorKind::Permanent)));
}

#[test]
fn a_request_id_may_stand_in_the_head_alone() {
    let mut trial = trial();
    trial.answer(&Answer::new(404, &[("x-cos-request-id", "x-2")], ""));
    let ErrorKind::Refused(refusal) = trial.kind() else { panic!() };
    assert_eq!(refusal.request_id.as_deref(), Some("x-2"));
}

#[test]
fn what_may_pass_is_tried_again() {
    for answer in [
        xml(400, "RequestTimeOut", "m"),
        xml(500, "InternalError", "m"),
        xml(503, "SlowDown", "m"),
        xml(503, "ServiceUnavailable", "m"),
        Answer::new(502, &[], "<html> a page </html>"),
        Answer::new(408, &[], ""),
        Answer::new(429, &[], ""),
    ] {
        let mut trial = trial();
        let event = trial.answer(&answer);
        let EventKind::Retrying { fault: Fault::Refused(_), .. } = &event.kind else {
            panic!("{event:?}")
        };
        trial.serve(&digits(), Play::Well);
        assert_eq!(trial.outcome().unwrap().bytes, 9);
    }
}

#[test]
fn a_page_is_quoted_from() {
    let mut trial = Trial::new(&with(Policy::default(), |p| p.max_failures = 0));
    trial.serve(&digits(), Play::Status(502));
    let ErrorKind::Fault(Fault::Refused(refusal)) = trial.kind() else { panic!() };
    let Refusal { status, snippet, .. } = &*refusal;
    assert_eq!((status.as_u16(), snippet.as_deref()), (502, Some("<html> a page </html>")));
}
