//! Redirects, unexpected statuses, and temporary and permanent refusals.

use std::error::Error;

use tcss_export::{
    core::download::Opening,
    download::{ErrorKind, EventKind, Fault, Policy, Refusal},
    driver::TransportErrorKind,
};

use crate::{
    run::{Run, download, run},
    server::{Answer, End, Reply, digits, xml},
    with::with,
};

#[test]
fn a_refusal_writes_nothing_and_its_xml_is_parsed() {
    let mut run = run();
    run.answer(&Answer::new(
        403,
        &[("content-type", "application/xml")],
        "<Error><Code>AccessDenied</Code><Message>Request has expired</Message><RequestId>x-1\
         </RequestId></Error>",
    ));
    assert_eq!(run.exchanges[0].opening, Some(Opening::Read));
    assert_eq!(run.sink, b"");
    let error = run.outcome().unwrap_err();
    let ErrorKind::Expired { refusal: Some(refusal) } = &error.kind else { panic!("{error:?}") };
    assert_eq!(refusal.status, 403);
    assert_eq!(refusal.code.as_deref(), Some("AccessDenied"));
    assert_eq!(refusal.message.as_deref(), Some("Request has expired"));
    assert_eq!(refusal.request_id.as_deref(), Some("x-1"));
    assert_eq!(
        error.to_string(),
        "the URL has expired: the file server answered AccessDenied: Request has expired (HTTP \
         status 403, request id x-1) (requests: 1, 0.0 s)"
    );
}

#[test]
fn an_error_body_is_never_written() {
    for (status, code) in [(404, "NoSuchBucket"), (405, "MethodNotAllowed")] {
        let mut run = run();
        run.answer(&xml(status, code, "m"));
        assert!(run.sink.is_empty());
        let ErrorKind::Refused(refusal) = run.outcome().unwrap_err().kind else { panic!("{code}") };
        assert_eq!(refusal.code.as_deref(), Some(code));
    }
}

#[test]
fn a_redirect_is_not_followed_and_the_error_names_its_host() {
    let mut run = run();
    run.serve(&digits(), Reply::Redirect);
    let error = run.outcome().unwrap_err();
    let host = Some("other.example".into());
    let status = http::StatusCode::FOUND;
    assert_eq!(error.kind, ErrorKind::Redirect { status, host });
    assert_eq!(
        error.to_string(),
        "unexpected redirect to other.example (HTTP status 302) (requests: 1, 0.0 s)"
    );
}

#[test]
fn a_redirect_without_a_host_is_an_error_too() {
    for status in [300, 301, 303, 307, 308] {
        let mut run = run();
        run.answer(&Answer::new(status, &[("location", "/b.csv")], ""));
        let error = run.kind();
        assert!(matches!(error, ErrorKind::Redirect { host: None, .. }), "{status}: {error:?}");
    }
}

#[test]
fn the_error_names_an_unexpected_status() {
    for status in [201_u16, 203, 204, 205, 207, 304] {
        let mut run = run();
        run.answer(&Answer::new(status, &[], ""));
        let error = run.outcome().unwrap_err();
        assert_eq!(error.kind, ErrorKind::Status(status.try_into().unwrap()));
        assert!(
            error
                .to_string()
                .starts_with(&format!("expected a file, got the HTTP status {status} ("))
        );
    }
}

#[test]
fn a_permanent_error_ends_the_download_at_once() {
    for answer in [
        xml(404, "NoSuchBucket", "m"),
        xml(403, "InvalidObjectState", "m"),
        xml(400, "InvalidArgument", "m"),
        xml(412, "PreconditionFailed", "m"),
        Answer::new(410, &[], ""),
    ] {
        let mut run = Run::of(download(&Policy::default()).with_new_urls());
        run.answer(&answer);
        assert!(matches!(run.kind(), ErrorKind::Refused(_)), "{answer:?}");
    }
    let mut run = run();
    run.serve(&digits(), Reply::NoAnswer(TransportErrorKind::Permanent));
    assert_eq!(run.kind(), ErrorKind::Fault(Fault::Transport(TransportErrorKind::Permanent)));
    assert_eq!(
        run.outcome().unwrap_err().source().unwrap().to_string(),
        "the request cannot be sent"
    );
}

#[test]
fn a_permanent_error_within_a_body_ends_the_download() {
    let mut run = run();
    let request = run.start();
    let mut answer = digits().answer(&request, Reply::Cut(3));
    answer.end = End::Broken(TransportErrorKind::Permanent);
    run.process(request, &answer);
    assert_eq!(run.kind(), ErrorKind::Fault(Fault::Transport(TransportErrorKind::Permanent)));
}

#[test]
fn the_request_id_may_come_from_a_header_only() {
    let mut run = run();
    run.answer(&Answer::new(410, &[("x-cos-request-id", "x-2")], ""));
    let ErrorKind::Refused(refusal) = run.kind() else { panic!() };
    assert_eq!(refusal.request_id.as_deref(), Some("x-2"));
}

#[test]
fn a_temporary_refusal_is_retried() {
    for answer in [
        xml(400, "RequestTimeOut", "m"),
        xml(500, "InternalError", "m"),
        xml(503, "SlowDown", "m"),
        xml(503, "ServiceUnavailable", "m"),
        Answer::new(502, &[], "<html> a page </html>"),
        Answer::new(408, &[], ""),
        Answer::new(429, &[], ""),
    ] {
        let mut run = run();
        let event = run.answer(&answer);
        let EventKind::Retrying { fault: Fault::Refused(_), .. } = &event.kind else {
            panic!("{event:?}")
        };
        run.serve(&digits(), Reply::Correct);
        assert_eq!(run.outcome().unwrap().bytes, 9);
    }
}

#[test]
fn a_refusal_quotes_its_page() {
    let mut run = Run::new(&with(Policy::default(), |p| p.max_failures = 0));
    run.serve(&digits(), Reply::Status(502));
    let ErrorKind::Fault(Fault::Refused(refusal)) = run.kind() else { panic!() };
    let Refusal { status, snippet, .. } = &*refusal;
    assert_eq!((status.as_u16(), snippet.as_deref()), (502, Some("<html> a page </html>")));
}
