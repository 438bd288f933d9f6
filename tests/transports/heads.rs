//! Unusual heads and framing: all transports return the same answer for the same input.
//!
//! The guide lists the exceptions, because each library has its own parser.

use tcss_export::{
    actions::ExportStatus,
    driver::{HEAD_LIMIT, HEADERS_LIMIT, TransportErrorKind},
    error::ResponseErrorKind,
};
use tcss_export_testkit::wire::WireAnswer;

use crate::{
    cases::{RUNNING, answer_error, status, transport_error},
    clients::Setup,
    setup::Result,
};

/// A valid head of HTTP/1.1 up to the length of its body.
const GOOD: &str = "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n";

/// Makes an answer from a template: `{length}` and `{size}` are the length of the body, in decimal
/// and hexadecimal.
fn answer(template: &str) -> WireAnswer {
    let length = RUNNING.len();
    let text = template.replace("{length}", &length.to_string());
    WireAnswer::raw(text.replace("{size}", &format!("{length:x}")).replace("{body}", RUNNING))
}

impl Setup {
    fn played(&self, template: &str) -> Result {
        self.answer(answer(template).then_close()).0
    }

    #[track_caller]
    fn assert_reads(&self, template: &str) {
        assert_eq!(status(self.played(template)), ExportStatus::Running, "{template}");
    }

    #[track_caller]
    fn assert_breaks(&self, template: &str) {
        let kind = transport_error(self.played(template));
        assert_eq!(kind, TransportErrorKind::Connection, "{template}");
    }
}

/// Makes a whole head of this many bytes.
fn head_of(bytes: usize) -> String {
    let head = GOOD.replace("{length}", &RUNNING.len().to_string());
    let filler = "x".repeat(bytes - head.len() - "X: \r\n\r\n".len());
    format!("{head}X: {filler}\r\n\r\n")
}

pub(crate) fn a_head_of_the_largest_size_is_read(setup: &Setup) {
    setup.assert_reads(&(head_of(HEAD_LIMIT) + "{body}"));
}

pub(crate) fn a_larger_head_is_a_broken_connection(setup: &Setup) {
    // Some transports do not count the reason phrase.
    for bytes in [HEAD_LIMIT + "OK".len() + 1, 70_000, 300_000] {
        let kind = transport_error(setup.played(&(head_of(bytes) + "{body}")));
        assert_eq!(kind, TransportErrorKind::Connection, "{bytes} bytes");
    }
}

fn head_with(headers: usize) -> String {
    format!("{GOOD}{}\r\n{{body}}", "X: y\r\n".repeat(headers - 1))
}

pub(crate) fn the_largest_number_of_headers_is_read(setup: &Setup) {
    for headers in [101, 120, HEADERS_LIMIT] {
        setup.assert_reads(&head_with(headers));
    }
}

pub(crate) fn more_headers_are_a_broken_connection(setup: &Setup) {
    setup.assert_breaks(&head_with(HEADERS_LIMIT + 1));
}

pub(crate) fn an_answer_that_ends_with_its_connection_is_read(setup: &Setup) {
    for answer in [
        WireAnswer::raw(format!("HTTP/1.1 200 OK\r\n\r\n{RUNNING}")),
        WireAnswer::raw(format!("HTTP/1.0 200 OK\r\n\r\n{RUNNING}")),
    ] {
        for answer in [answer.clone().then_close(), answer.then_cut()] {
            assert_eq!(status(setup.answer(answer).0), ExportStatus::Running);
        }
    }
}

pub(crate) fn half_an_answer_that_ends_with_its_connection_is_truncated(setup: &Setup) {
    let (half, _) = RUNNING.split_at(RUNNING.len() / 2);
    let answer = WireAnswer::raw(format!("HTTP/1.1 200 OK\r\n\r\n{half}"));
    for answer in [answer.clone().then_close(), answer.then_cut()] {
        let error = answer_error(setup.answer(answer).0);
        assert_eq!(*error.kind(), ResponseErrorKind::Truncated);
    }
}

pub(crate) fn a_body_without_its_declared_end_is_a_truncated_transfer(setup: &Setup) {
    for template in [
        "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{body}",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{size}\r\n{body}\r\n",
    ] {
        for answer in [answer(template).then_close(), answer(template).then_cut()] {
            let kind = transport_error(setup.answer(answer).0);
            assert_eq!(kind, TransportErrorKind::Truncated, "{template}");
        }
    }
}

pub(crate) fn the_reason_phrase_does_not_matter(setup: &Setup) {
    for line in ["HTTP/1.1 200", "HTTP/1.1 200 ", "HTTP/1.1 200 \u{e9}", "HTTP/1.1 200 500"] {
        setup.assert_reads(&format!("{line}\r\nContent-Length: {{length}}\r\n\r\n{{body}}"));
    }
}

pub(crate) fn lines_may_end_with_a_line_feed_alone(setup: &Setup) {
    setup.assert_reads("HTTP/1.1 200 OK\nContent-Length: {length}\n\n{body}");
}

pub(crate) fn an_unusual_value_of_a_header_is_accepted(setup: &Setup) {
    for header in ["X:", "X:y", "X: a\tb", "X: \u{5bfc}\u{51fa}"] {
        setup.assert_reads(&format!("{GOOD}{header}\r\n\r\n{{body}}"));
    }
}

pub(crate) fn a_malformed_header_is_a_broken_connection(setup: &Setup) {
    let headers =
        ["X : y", "X Y: z", "X: y\r\n folded", "X", ": y", "X(Y): z", "X\u{e9}: y", "X: a\0b"];
    for header in headers {
        setup.assert_breaks(&format!("{GOOD}{header}\r\n\r\n{{body}}"));
    }
}

pub(crate) fn equal_lengths_count_as_one(setup: &Setup) {
    setup.assert_reads(&format!("{GOOD}Content-Length: {{length}}\r\n\r\n{{body}}"));
}

pub(crate) fn an_unusable_length_is_a_broken_connection(setup: &Setup) {
    for length in ["x", "-1", "+5", "", "99999999999999999999999"] {
        setup
            .assert_breaks(&format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{{body}}"));
    }
    setup.assert_breaks(&format!("{GOOD}Content-Length: 3\r\n\r\n{{body}}"));
}

pub(crate) fn chunks_replace_a_length(setup: &Setup) {
    for headers in [
        "Content-Length: 3\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: Chunked\r\nContent-Length: 3",
    ] {
        let chunks = "{size}\r\n{body}\r\n0\r\n\r\n";
        setup.assert_reads(&format!("HTTP/1.1 200 OK\r\n{headers}\r\n\r\n{chunks}"));
    }
}

pub(crate) fn short_chunk_extensions_and_trailers_are_ignored(setup: &Setup) {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    for chunks in [
        "{size};a=b\r\n{body}\r\n0;c\r\n\r\n",
        "0{size} \r\n{body}\r\n000\r\n\r\n",
        "{size}\r\n{body}\r\n0\r\nX: y\r\nY: z\r\n\r\n",
    ] {
        setup.assert_reads(&format!("{head}{chunks}"));
    }
}

pub(crate) fn a_malformed_chunk_is_a_truncated_transfer(setup: &Setup) {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    for chunks in ["x\r\n{body}\r\n0\r\n\r\n", "{size}\r\n{body}0\r\n\r\n"] {
        let kind = transport_error(setup.played(&format!("{head}{chunks}")));
        assert_eq!(kind, TransportErrorKind::Truncated, "{chunks}");
    }
}

pub(crate) fn an_answer_of_http_1_0_has_a_length_and_no_chunks(setup: &Setup) {
    setup.assert_reads("HTTP/1.0 200 OK\r\nContent-Length: {length}\r\n\r\n{body}");
    let chunked = "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n";
    setup.assert_breaks(&format!("{chunked}\r\n{{size}}\r\n{{body}}\r\n0\r\n\r\n"));
    setup.assert_breaks(&format!("{chunked}Content-Length: {{length}}\r\n\r\n{{body}}"));
}

pub(crate) fn another_version_is_a_broken_connection(setup: &Setup) {
    for version in ["HTTP/1.2", "HTTP/2.0", "http/1.1", "ICY"] {
        setup.assert_breaks(&format!(
            "{version} 200 OK\r\nContent-Length: {{length}}\r\n\r\n{{body}}"
        ));
    }
}

pub(crate) fn interim_responses_are_skipped(setup: &Setup) {
    for interim in [
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 102 Processing\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\nLink: x\r\nContent-Length: 5\r\n\r\n",
        "HTTP/1.1 199 X\r\n\r\n",
    ] {
        setup.assert_reads(&format!("{}{GOOD}\r\n{{body}}", interim.repeat(20)));
    }
}

pub(crate) fn interim_responses_count_as_parts_of_the_head(setup: &Setup) {
    if !setup.limits_interim_heads() {
        return;
    }
    // ureq may read up to 128 KiB more before it counts.
    let interim = "HTTP/1.1 103 E\r\n\r\n".repeat(5 * HEAD_LIMIT / 18);
    setup.assert_breaks(&format!("{interim}{GOOD}\r\n{{body}}"));
}

pub(crate) fn an_answer_without_a_body_is_empty(setup: &Setup) {
    for line in ["204 No Content", "101 Switching Protocols\r\nConnection: upgrade"] {
        let template = format!("HTTP/1.1 {line}\r\nContent-Length: {{length}}\r\n\r\n{{body}}");
        assert_eq!(*answer_error(setup.played(&template)).kind(), ResponseErrorKind::Empty);
    }
    let not_modified = setup.played("HTTP/1.1 304 X\r\nContent-Length: {length}\r\n\r\n");
    let redirect = ResponseErrorKind::Redirect { host: None };
    assert_eq!(*answer_error(not_modified).kind(), redirect);
}

pub(crate) fn a_status_has_three_digits_from_100_on(setup: &Setup) {
    let line =
        |status| format!("HTTP/1.1 {status} X\r\nContent-Length: {{length}}\r\n\r\n{{body}}");
    for status in ["000", "099", "20", "2000", "2x0"] {
        setup.assert_breaks(&line(status));
    }
    for status in ["600", "999"] {
        let error = answer_error(setup.played(&line(status)));
        assert_eq!(error.status().as_str(), status);
    }
}
