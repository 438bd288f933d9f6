//! Bodies that are no answer, and what is advised then.

use tcss_export::{
    core::ANSWER_LIMIT,
    error::{Advice, ResponseError, ResponseErrorKind as Kind},
};

use crate::{
    common::{Read, read},
    reading::{GOOD, read_ok},
};

#[track_caller]
fn refused(read: Read, kind: &Kind, advice: Advice) -> ResponseError {
    let error = read.unwrap_err();
    assert_eq!((error.kind(), error.advice()), (kind, advice));
    error
}

// Field case P5.
#[test]
fn p5_page_of_a_gateway_is_a_kind_of_its_own() {
    let body = "<html><title>502 Bad Gateway</title></html>";
    let error = read(502, &[("Content-Type", "text/html")], body).unwrap_err();
    let Kind::Page { content_type, snippet } = error.kind() else { panic!("{error:?}") };
    assert_eq!(content_type.as_deref(), Some("text/html"));
    assert_eq!(snippet, body);
    assert_eq!(error.status().as_u16(), 502);
    assert!(error.is_transient() && !error.is_throttled());
    assert_eq!(
        error.to_string(),
        "expected JSON, got text/html: <html><title>502 Bad Gateway</title></html> \
         (HTTP status 502, no request id)"
    );
}

// Field case P6.
#[test]
fn p6_page_with_status_200_is_never_a_success() {
    let error = read(200, &[("Content-Type", "text/html")], "<!DOCTYPE html>...").unwrap_err();
    assert!(matches!(error.kind(), Kind::Page { .. }));
    assert_eq!(error.status().as_u16(), 200);
}

#[test]
fn p6_page_that_calls_itself_json_is_a_page() {
    let error = read(200, &[("Content-Type", "application/json")], "<html>").unwrap_err();
    assert!(matches!(error.kind(), Kind::Page { .. }));
}

#[test]
fn content_type_does_not_matter_for_json() {
    for content_type in ["text/plain", "text/html", "application/json; charset=utf-8", ""] {
        assert!(read(200, &[("Content-Type", content_type)], GOOD).is_ok(), "{content_type}");
    }
}

#[test]
fn json_that_is_no_object_is_a_page() {
    for body in ["[]", "null", "1", r#""SUCCESS""#, &"[".repeat(100_000)] {
        let error = read_ok(body).unwrap_err();
        assert!(matches!(error.kind(), Kind::Page { .. }), "{:?}", error.kind());
    }
}

#[test]
fn p5_snippet_is_short_and_leaves_out_what_may_be_a_secret() {
    let body = format!("<p>\n\t{} said no {}</p>", "a".repeat(64), "word ".repeat(10_000));
    let error = read(403, &[], body).unwrap_err();
    let Kind::Page { snippet, .. } = error.kind() else { panic!("{error:?}") };
    assert!(snippet.starts_with("<p> ... said no word"), "{snippet}");
    assert!(snippet.len() <= 120, "{}", snippet.len());
}

// Field case P7.
#[test]
fn p7_empty_body_is_an_empty_answer() {
    let error = refused(read(200, &[("Content-Length", "0")], ""), &Kind::Empty, Advice::Retry);
    assert_eq!(error.to_string(), "empty answer (HTTP status 200, no request id)");
}

#[test]
fn p7_body_of_white_space_is_an_empty_answer() {
    for body in [" ", "\r\n", "\t \n", "\u{feff}", "\u{feff}\n"] {
        refused(read_ok(body), &Kind::Empty, Advice::Retry);
    }
}

// Field case P8.
#[test]
fn p8_cut_body_is_a_truncated_answer() {
    let body = r#"{"Response":{"ExportStatus":"SUCC"#;
    let error = refused(read_ok(body), &Kind::Truncated, Advice::Retry);
    assert_eq!(error.to_string(), "truncated answer (HTTP status 200, no request id)");
}

#[test]
fn p8_cut_in_the_middle_of_a_character_is_a_truncated_answer() {
    for cut in 1..3 {
        let mut body = br#"{"Response":{"FailureMsg":""#.to_vec();
        body.extend(&"导".as_bytes()[..cut]);
        refused(read_ok(body), &Kind::Truncated, Advice::Retry);
    }
}

#[test]
fn p8_cut_in_the_middle_of_a_number_is_a_truncated_answer() {
    for number in ["9", "9.", "9.5", "9e", "9e-", "9E+1", "-"] {
        let body = format!(r#"{{"Response":{{"ExportProgress":{number}"#);
        refused(read_ok(body), &Kind::Truncated, Advice::Retry);
    }
}

#[test]
fn p8_cut_in_the_byte_order_mark_is_a_truncated_answer() {
    refused(read_ok(b"\xef"), &Kind::Truncated, Advice::Retry);
    refused(read_ok(b"\xef\xbb"), &Kind::Truncated, Advice::Retry);
}

#[test]
fn p8_object_of_100000_levels_that_is_cut_is_a_truncated_answer() {
    refused(read_ok(r#"{"a":"#.repeat(100_000)), &Kind::Truncated, Advice::Retry);
    refused(
        read_ok(["{\"Response\":", &"[".repeat(100_000)].concat()),
        &Kind::Unexpected,
        Advice::Stop,
    );
}

// Field case P11.
#[test]
fn p11_byte_order_mark_is_skipped() {
    assert_eq!(read_ok(["\u{feff}", GOOD].concat()), read_ok(GOOD));
}

#[test]
fn white_space_around_the_answer_does_not_matter() {
    assert_eq!(read_ok(format!("\r\n\t {GOOD} \n")), read_ok(GOOD));
}

#[test]
fn rubbish_is_named_by_its_place() {
    let kind = Kind::NotJson { line: 2, column: 1 };
    let error = refused(read_ok("{\n!}"), &kind, Advice::Retry);
    assert_eq!(
        error.to_string(),
        "answer is not JSON at line 2 column 1 (HTTP status 200, no request id)"
    );
}

#[test]
fn bytes_that_are_no_text_are_not_json() {
    let kind = Kind::NotJson { line: 1, column: 7 };
    refused(read_ok(b"{\"a\":\"\xff\"}"), &kind, Advice::Retry);
}

#[test]
fn answer_with_something_after_it_is_no_result() {
    for rest in ["{}", "x", "}", "\0", ","] {
        let error = read_ok([GOOD, rest].concat()).unwrap_err();
        assert!(matches!(error.kind(), Kind::NotJson { .. }), "{rest:?} {:?}", error.kind());
    }
}

#[test]
fn number_that_ends_badly_in_the_middle_is_not_json() {
    for number in ["9.", "9e", "-", "9.x", "01", ".5", "+1"] {
        let body = format!(r#"{{"Response":{{"ExportProgress":{number}}}}}"#);
        let error = read_ok(body).unwrap_err();
        assert!(matches!(error.kind(), Kind::NotJson { .. }), "{number} {:?}", error.kind());
    }
}

#[test]
fn json_without_a_response_object_is_unusable() {
    for body in [
        "{}",
        r#"{"Response":null}"#,
        r#"{"Response":"SUCCESS"}"#,
        r#"{"Response":[]}"#,
        r#"{"Response":["SUCCESS"]}"#,
        r#"{"Response":1}"#,
        r#"{"response":{"ExportStatus":"SUCCESS"}}"#,
        r#"{"ExportStatus":"SUCCESS"}"#,
    ] {
        refused(read_ok(body), &Kind::Unexpected, Advice::Stop);
    }
}

#[test]
fn unusable_answer_of_a_failing_server_may_pass() {
    for (status, advice) in [
        (200, Advice::Stop),
        (404, Advice::Stop),
        (408, Advice::Retry),
        (503, Advice::Retry),
        (429, Advice::BackOff),
    ] {
        refused(read(status, &[], "{}"), &Kind::Unexpected, advice);
    }
}

#[test]
fn answer_of_the_largest_size_is_read() {
    let padding = " ".repeat(ANSWER_LIMIT - GOOD.len());
    let body = [GOOD, &padding].concat();
    assert_eq!(body.len(), ANSWER_LIMIT);
    assert!(read_ok(body).is_ok());
}

#[test]
fn answer_just_past_the_largest_size_is_too_large() {
    let padding = " ".repeat(ANSWER_LIMIT + 1 - GOOD.len());
    let error = refused(read_ok([GOOD, &padding].concat()), &Kind::TooLarge, Advice::Stop);
    assert!(error.to_string().starts_with("answer is larger than 1048576 bytes"));
}

#[test]
fn page_without_a_content_type_says_so() {
    assert_eq!(
        read_ok("blocked").unwrap_err().to_string(),
        "expected JSON, got no content type: blocked (HTTP status 200, no request id)"
    );
}
