//! What every transport does, as cases for any client.

use std::{error::Error, io, net::TcpListener, time::Duration};

use tcss_export::{
    actions::ExportStatus,
    core::ANSWER_LIMIT,
    driver::TransportErrorKind,
    error::{ResponseError, ResponseErrorKind, SendError},
    wait::Policy,
};
use tcss_export_testkit::{
    verify::{RawRequest, Verifier},
    wire::WireAnswer,
};

use crate::{
    clients::{JOB, Setup},
    requests::{Request, only_request, requests},
    setup::{Result, SECRET_ID, SECRET_KEY, TOKEN, short_delays, short_limit},
    with::with,
};

pub(crate) const RUNNING: &str = r#"{"Response":{"ExportStatus":"RUNNING","RequestId":"r-1"}}"#;

pub(crate) fn answer_error(result: Result) -> ResponseError {
    match result {
        Err(SendError::Answer(error)) => error,
        other => panic!("expected an error in the answer, got {other:?}"),
    }
}

pub(crate) fn transport_error(result: Result) -> TransportErrorKind {
    let error = result.expect_err("no answer");
    root_of(&error);
    let SendError::Transport(error) = error else { panic!("expected no answer, got {error:?}") };
    error.kind()
}

/// Returns the last source of an error. No text in the chain may repeat the next one.
#[track_caller]
fn root_of<'e>(error: &'e (dyn Error + 'static)) -> &'e (dyn Error + 'static) {
    let mut last = error;
    while let Some(source) = last.source() {
        assert!(!last.to_string().contains(&source.to_string()), "{error:?}");
        last = source;
    }
    last
}

pub(crate) fn status(result: Result) -> ExportStatus {
    result.expect("a good answer").response.status
}

pub(crate) fn an_http_error_status_still_reads_the_answer(setup: &Setup) {
    let body =
        r#"{"Response":{"Error":{"Code":"InvalidParameter","Message":"m"},"RequestId":"r-5"}}"#;
    let headers = [("Content-Type", "application/json")];
    for status in [400, 500] {
        let (result, _server) = setup.answer(WireAnswer::response(status, &headers, body));
        let error = answer_error(result);
        assert_eq!(error.code().map(|code| code.as_str()), Some("InvalidParameter"));
        assert_eq!(error.request_id(), Some("r-5"));
        assert_eq!(error.status().as_u16(), status);
    }
}

pub(crate) fn the_host_header_is_the_signed_host(setup: &Setup) {
    let (_, server) = setup.answer(WireAnswer::json(RUNNING));
    let host = server.url().split_once("://").unwrap().1.to_owned();
    assert_eq!(only_request(&server).all("host"), [host]);
}

pub(crate) fn a_redirect_is_not_followed(setup: &Setup) {
    for status in [301, 302, 303, 307, 308] {
        let headers = [("Location", "https://other.example/")];
        let (result, server) = setup.answer(WireAnswer::response(status, &headers, ""));
        let error = answer_error(result);
        let host = Some("other.example".to_owned());
        assert_eq!(*error.kind(), ResponseErrorKind::Redirect { host });
        assert_eq!(error.status().as_u16(), status);
        only_request(&server);
    }
}

pub(crate) fn a_silent_server_is_a_timeout(setup: &Setup) {
    let server = setup.server([WireAnswer::Hang]);
    let client = setup.client(&server).with_policy(short_limit());
    assert_eq!(transport_error(client.send()), TransportErrorKind::Timeout);
}

pub(crate) fn a_stalled_answer_is_a_timeout(setup: &Setup) {
    let slow = WireAnswer::json(RUNNING).slowly(20, Duration::from_secs(60));
    let server = setup.server([slow]);
    let client = setup.client(&server).with_policy(short_limit());
    assert_eq!(transport_error(client.send()), TransportErrorKind::Timeout);
}

pub(crate) fn the_request_is_sent_as_it_was_signed(setup: &Setup) {
    let (result, server) = setup.answer(WireAnswer::json(RUNNING));
    assert_eq!(status(result), ExportStatus::Running);
    let request = only_request(&server);
    assert_eq!(request.line, "POST / HTTP/1.1");
    assert_eq!(request.body, format!(r#"{{"JobId":"{JOB}"}}"#).into_bytes());
    assert_eq!(request.all("content-length"), ["48"]);
    assert_eq!(request.all("content-type"), ["application/json"]);
    assert_eq!(request.all("x-tc-action"), ["DescribeExportJobResult"]);
    assert_eq!(request.all("x-tc-version"), ["2020-11-01"]);
    assert_eq!(request.all("x-tc-token"), [TOKEN]);
    assert_eq!(request.all("accept-encoding"), ["identity"]);
    // The user of an HTTP client may set its user agent.
    let names = request.headers.iter().map(|(name, _)| name.as_str());
    let names = names.filter(|name| *name != "user-agent");
    let mut names: Vec<_> = names.filter(|name| !setup.library.adds(name)).collect();
    names.sort_unstable();
    let expected = [
        "accept-encoding",
        "authorization",
        "content-length",
        "content-type",
        "host",
        "x-tc-action",
        "x-tc-timestamp",
        "x-tc-token",
        "x-tc-version",
    ];
    assert_eq!(names, expected);
}

pub(crate) fn the_bytes_on_the_wire_have_a_valid_signature(setup: &Setup) {
    let (_, server) = setup.answer(WireAnswer::json(RUNNING));
    let Request { headers, body, .. } = only_request(&server);
    let pairs: Vec<_> = headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let timestamp = pairs.iter().find(|(name, _)| *name == "x-tc-timestamp").unwrap().1;
    let raw = RawRequest { method: "POST", path: "/", query: "", headers: &pairs, body: &body };
    let key_of = |id: &str| (id == SECRET_ID).then_some(SECRET_KEY);
    let verified = Verifier::new("tcss").verify(&raw, timestamp.parse().unwrap(), key_of);
    assert_eq!(
        verified.expect("a valid signature").signed_headers,
        "content-type;host;x-tc-action"
    );
}

pub(crate) fn a_gateway_page_is_an_error_with_its_content_type_and_a_snippet(setup: &Setup) {
    let page = "<html><title>502 Bad Gateway</title></html>";
    let (result, _server) =
        setup.answer(WireAnswer::response(502, &[("Content-Type", "text/html")], page));
    let error = answer_error(result);
    let (content_type, snippet) = (Some("text/html".into()), page.into());
    assert_eq!(*error.kind(), ResponseErrorKind::Page { content_type, snippet });
    assert!(error.is_transient());
}

pub(crate) fn a_page_with_status_200_is_never_a_success(setup: &Setup) {
    let page = "<!DOCTYPE html><title>Please log in</title>";
    let (result, _server) =
        setup.answer(WireAnswer::response(200, &[("Content-Type", "text/html")], page));
    let error = answer_error(result);
    assert!(matches!(error.kind(), ResponseErrorKind::Page { .. }), "{error}");
    assert_eq!(error.status().as_u16(), 200);
}

pub(crate) fn an_empty_body_is_an_empty_answer(setup: &Setup) {
    let error = answer_error(setup.answer(WireAnswer::json("")).0);
    assert_eq!(*error.kind(), ResponseErrorKind::Empty);
}

pub(crate) fn cut_json_is_a_truncated_answer(setup: &Setup) {
    let error = answer_error(setup.answer(WireAnswer::json(r#"{"Response":{"ExportSt"#)).0);
    assert_eq!(*error.kind(), ResponseErrorKind::Truncated);
}

pub(crate) fn a_body_shorter_than_its_length_is_a_truncated_transfer(setup: &Setup) {
    let cut = WireAnswer::response(200, &[("Content-Length", "500")], RUNNING).then_close();
    assert_eq!(transport_error(setup.answer(cut).0), TransportErrorKind::Truncated);
}

pub(crate) fn the_error_for_a_compressed_answer_names_the_encoding(setup: &Setup) {
    // A RUNNING answer with request id r-8, compressed by another program.
    let gzip = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xab\x56\x0a\x4a\x2d\x2e\xc8\xcf\x2b\x4e\
          \x55\xb2\xaa\x56\x72\xad\x28\xc8\x2f\x2a\x09\x2e\x49\x2c\x29\x2d\x56\xb2\x52\x0a\
          \x0a\xf5\xf3\xf3\xf4\x73\x57\xd2\x01\x2a\x2a\x2c\x4d\x2d\x2e\xf1\x4c\x01\x8a\x16\
          \xe9\x5a\x28\xd5\xd6\x02\x00\xf4\x20\x79\xe6\x39\x00\x00\x00";
    let compressed = WireAnswer::response(200, &[("Content-Encoding", "gzip")], gzip);
    let error = answer_error(setup.answer(compressed).0);
    assert_eq!(*error.kind(), ResponseErrorKind::Encoding("gzip".into()));
}

pub(crate) fn a_content_encoding_that_changes_no_byte_counts_as_none(setup: &Setup) {
    for words in ["identity", "UTF-8", "none", "binary", "identity, identity", ""] {
        let answer = WireAnswer::response(200, &[("Content-Encoding", words)], RUNNING);
        assert_eq!(status(setup.answer(answer).0), ExportStatus::Running, "{words}");
    }
}

/// The message is in GBK, and the second byte of its last character is a backslash.
pub(crate) fn a_message_that_is_not_utf8_hides_neither_status_nor_code(setup: &Setup) {
    const MESSAGE: &[u8] = b"\xb5\xbc\xb3\xf6\x81\x5c";
    let answer = |head: &str, tail: &str| {
        let body = [head.as_bytes(), MESSAGE, tail.as_bytes()].concat();
        setup.answer(WireAnswer::json(body)).0
    };
    let head = r#"{"Response":{"FailureMsg":""#;
    let read = answer(head, r#"","ExportStatus":"FAILURE","RequestId":"r-6"}}"#).unwrap();
    assert_eq!(read.response.status, ExportStatus::Failure);
    assert_eq!(read.request_id.as_deref(), Some("r-6"));

    let head = r#"{"Response":{"Error":{"Message":""#;
    let error = answer_error(answer(head, r#"","Code":"AuthFailure"},"RequestId":"r-7"}}"#));
    assert_eq!(error.code().map(|code| code.as_str()), Some("AuthFailure"));
    assert_eq!(error.request_id(), Some("r-7"));
}

/// A good answer of exactly this many bytes.
fn good_answer_of(bytes: usize) -> String {
    let (head, tail) = (r#"{"Response":{"ExportStatus":"RUNNING","Filler":""#, r#""}}"#);
    [head, &"x".repeat(bytes - head.len() - tail.len()), tail].concat()
}

pub(crate) fn an_answer_of_the_largest_size_is_read(setup: &Setup) {
    let (result, _server) = setup.answer(WireAnswer::json(good_answer_of(ANSWER_LIMIT)));
    assert_eq!(status(result), ExportStatus::Running);
}

pub(crate) fn a_larger_answer_with_a_length_is_refused(setup: &Setup) {
    let (result, _server) = setup.answer(WireAnswer::json(good_answer_of(ANSWER_LIMIT + 1)));
    assert_eq!(transport_error(result), TransportErrorKind::TooLarge);
}

fn chunked(body: &str) -> WireAnswer {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    WireAnswer::raw(format!("{head}{:x}\r\n{body}\r\n0\r\n\r\n", body.len()))
}

pub(crate) fn a_larger_chunked_answer_is_refused(setup: &Setup) {
    let (result, _server) = setup.answer(chunked(&good_answer_of(ANSWER_LIMIT + 1)));
    assert_eq!(transport_error(result), TransportErrorKind::TooLarge);
}

pub(crate) fn a_chunked_answer_is_read(setup: &Setup) {
    let (result, _server) = setup.answer(chunked(RUNNING));
    assert_eq!(status(result), ExportStatus::Running);
}

pub(crate) fn a_broken_connection_is_reported_and_nothing_is_sent_again(setup: &Setup) {
    let (result, server) = setup.answer(WireAnswer::Close);
    assert!(result.as_ref().unwrap_err().may_have_arrived());
    assert_eq!(transport_error(result), TransportErrorKind::Connection);
    only_request(&server);
}

pub(crate) fn a_stale_connection_is_reported_or_replaced_and_nothing_is_sent_twice(setup: &Setup) {
    let server = setup.server([WireAnswer::json(RUNNING).then_close(), WireAnswer::json(RUNNING)]);
    let client = setup.client(&server);
    assert_eq!(status(client.send()), ExportStatus::Running);
    let second = client.send();
    let arrived = server.requests().len();
    match second {
        Ok(_) => assert_eq!(arrived, 2),
        Err(_) => {
            assert_eq!(transport_error(second), TransportErrorKind::Connection);
            assert_eq!(arrived, 1);
        }
    }
}

pub(crate) fn an_answer_that_is_not_http_is_a_broken_connection(setup: &Setup) {
    let ended = |answer: WireAnswer| {
        let (result, _server) = setup.answer(answer.then_close());
        let Err(SendError::Transport(error)) = result else { panic!("expected no answer") };
        (error.kind(), error.is_not_http())
    };
    let nonsense = ["nonsense\r\n\r\n", "HTTP/1.1 200 OK\r\n: x\r\n\r\n"];
    for answer in nonsense.map(WireAnswer::raw) {
        assert_eq!(ended(answer), (TransportErrorKind::Connection, true));
    }
    // An incomplete head.
    assert_eq!(ended(WireAnswer::raw("")), (TransportErrorKind::Connection, false));
}

pub(crate) fn a_closed_port_is_a_broken_connection(setup: &Setup) {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let scheme = setup.server([WireAnswer::Close]).url();
    let scheme = scheme.split_once("://").unwrap().0;
    let client = setup.client_at(&format!("{scheme}://127.0.0.1:{port}"), &[]);
    let result = client.send();
    let error = result.as_ref().unwrap_err();
    assert!(!error.may_have_arrived());
    let root = root_of(error).downcast_ref::<io::Error>().expect("the system's error");
    assert_eq!(root.kind(), io::ErrorKind::ConnectionRefused);
    assert!(root.raw_os_error().is_some(), "{root:?}");
    assert_eq!(transport_error(result), TransportErrorKind::Connection);
}

/// The three forms of 2023-11-15T00:09:50Z.
const DATES: [&str; 3] = [
    "Wed, 15 Nov 2023 00:09:50 GMT",
    "Wednesday, 15-Nov-23 00:09:50 GMT",
    "Wed Nov 15 00:09:50 2023",
];

pub(crate) fn a_date_in_any_form_corrects_the_clock(setup: &Setup) {
    let expired = r#"{"Response":{"Error":{"Code":"AuthFailure.SignatureExpire","Message":"m"}}}"#;
    let success = r#"{"Response":{"ExportStatus":"SUCCESS","DownloadURL":"https://h.example/a"}}"#;
    for date in DATES {
        let refusal = WireAnswer::response(200, &[("Date", date)], expired);
        let server = setup.server([refusal, WireAnswer::json(success)]);
        let finished = setup.client(&server).with_policy(short_delays()).wait().unwrap();
        assert_eq!((finished.report.polls, finished.report.retries), (2, 1), "{date}");
        let second = requests(&server).remove(1);
        let timestamp: i64 = second.all("x-tc-timestamp")[0].parse().unwrap();
        // The exchanges take some time.
        assert!((1_700_006_989..1_700_010_590).contains(&timestamp), "{date}: {timestamp}");
    }
}

pub(crate) fn a_retry_after_date_may_have_any_form(setup: &Setup) {
    for date in DATES {
        let headers = [("Date", "Wed, 15 Nov 2023 00:09:20 GMT"), ("Retry-After", date)];
        let (result, _server) = setup.answer(WireAnswer::response(503, &headers, "busy"));
        assert_eq!(answer_error(result).retry_after(), Some(Duration::from_secs(30)), "{date}");
    }
}

pub(crate) fn connections_are_reused(setup: &Setup) {
    let server = setup.server([WireAnswer::json(RUNNING)]);
    let client = setup.client(&server);
    for _ in 0..3 {
        assert_eq!(status(client.send()), ExportStatus::Running);
    }
    assert_eq!(server.requests().len(), 3);
    assert_eq!(server.connections(), 1);
}

pub(crate) fn a_cookie_does_not_cost_the_connection(setup: &Setup) {
    let headers = [("Content-Type", "application/json"), ("Set-Cookie", "node=EXAMPLE")];
    let server = setup.server([WireAnswer::response(200, &headers, RUNNING)]);
    let client = setup.client(&server);
    for _ in 0..3 {
        assert_eq!(status(client.send()), ExportStatus::Running);
    }
    assert_eq!(server.connections(), 1);
}

pub(crate) fn the_limit_may_be_the_longest_duration(setup: &Setup) {
    let server = setup.server([WireAnswer::json(RUNNING)]);
    let policy = with(Policy::default(), |policy| policy.exchange_limit = Duration::MAX);
    assert_eq!(status(setup.client(&server).with_policy(policy).send()), ExportStatus::Running);
}

pub(crate) fn errors_and_clients_show_no_secret(setup: &Setup) {
    let answers = [WireAnswer::Close, WireAnswer::json("<"), WireAnswer::raw("\0\r\n\r\n")];
    for answer in answers {
        let server = setup.server([answer]);
        let client = setup.client(&server);
        let result = client.send();
        let mut text = format!("{} {result:?}", client.debug_text());
        let mut next = result.as_ref().err().map(|error| error as &dyn Error);
        while let Some(error) = next {
            text.push_str(&error.to_string());
            next = error.source();
        }
        let authorization = only_request(&server).all("authorization")[0].to_owned();
        let (_, signature) = authorization.rsplit_once('=').unwrap();
        for secret in [SECRET_KEY, TOKEN, signature] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}
