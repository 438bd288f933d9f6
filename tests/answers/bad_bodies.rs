//! Bodies that are not an answer, and the advice for each.

use tcss_export::{
    core::ANSWER_LIMIT,
    error::{Advice, ResponseError, ResponseErrorKind as Kind},
};

use crate::{
    GOOD,
    common::{Read, read},
    read_ok,
};

/// Asserts the kind of an error and its advice.
#[track_caller]
fn assert_error(read: Read, kind: &Kind, advice: Advice) -> ResponseError {
    let error = read.unwrap_err();
    assert_eq!((error.kind(), error.advice()), (kind, advice));
    error
}

#[test]
fn a_gateway_page_is_an_error_with_its_content_type_and_a_snippet() {
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

#[test]
fn a_page_with_status_200_is_never_a_success() {
    let error = read(200, &[("Content-Type", "text/html")], "<!DOCTYPE html>...").unwrap_err();
    assert!(matches!(error.kind(), Kind::Page { .. }));
    assert_eq!(error.status().as_u16(), 200);
}

#[test]
fn a_page_with_a_json_content_type_is_still_a_page() {
    let error = read(200, &[("Content-Type", "application/json")], "<html>").unwrap_err();
    assert!(matches!(error.kind(), Kind::Page { .. }));
}

#[test]
fn json_is_read_whatever_its_content_type() {
    for content_type in ["text/plain", "text/html", "application/json; charset=utf-8", ""] {
        assert!(read(200, &[("Content-Type", content_type)], GOOD).is_ok(), "{content_type}");
    }
}

#[test]
fn json_that_is_not_an_object_is_a_page() {
    for body in ["[]", "null", "1", r#""SUCCESS""#, &"[".repeat(100_000)] {
        let error = read_ok(body).unwrap_err();
        assert!(matches!(error.kind(), Kind::Page { .. }), "{:?}", error.kind());
    }
}

#[test]
fn the_snippet_is_short_and_omits_possible_secrets() {
    let body = format!("<p>\n\t{} said no {}</p>", "a".repeat(64), "word ".repeat(10_000));
    let error = read(403, &[], body).unwrap_err();
    let Kind::Page { snippet, .. } = error.kind() else { panic!("{error:?}") };
    assert!(snippet.starts_with("<p> ... said no word"), "{snippet}");
    assert!(snippet.len() <= 120, "{}", snippet.len());
}

#[test]
fn the_snippet_keeps_a_uuid_and_no_longer_word() {
    let body = "<p> 00000000-7e57-4000-8000-000000000001 00000000-7e57-4000-8000-0000000000012";
    let error = read(403, &[], body).unwrap_err();
    let Kind::Page { snippet, .. } = error.kind() else { panic!("{error:?}") };
    assert_eq!(snippet, "<p> 00000000-7e57-4000-8000-000000000001 ...");
}

#[test]
fn an_empty_body_is_an_empty_answer() {
    let error =
        assert_error(read(200, &[("Content-Length", "0")], ""), &Kind::Empty, Advice::Retry);
    assert_eq!(error.to_string(), "empty answer (HTTP status 200, no request id)");
}

#[test]
fn a_body_of_white_space_is_an_empty_answer() {
    for body in [" ", "\r\n", "\t \n", "\u{feff}", "\u{feff}\n"] {
        assert_error(read_ok(body), &Kind::Empty, Advice::Retry);
    }
}

#[test]
fn a_cut_body_is_a_truncated_answer() {
    let body = r#"{"Response":{"ExportStatus":"SUCC"#;
    let error = assert_error(read_ok(body), &Kind::Truncated, Advice::Retry);
    assert_eq!(error.to_string(), "truncated answer (HTTP status 200, no request id)");
}

#[test]
fn a_cut_inside_a_character_is_a_truncated_answer() {
    for cut in 1..3 {
        let mut body = br#"{"Response":{"FailureMsg":""#.to_vec();
        body.extend(&"导".as_bytes()[..cut]);
        assert_error(read_ok(body), &Kind::Truncated, Advice::Retry);
    }
}

#[test]
fn a_cut_inside_a_number_is_a_truncated_answer() {
    for number in ["9", "9.", "9.5", "9e", "9e-", "9E+1", "-"] {
        let body = format!(r#"{{"Response":{{"ExportProgress":{number}"#);
        assert_error(read_ok(body), &Kind::Truncated, Advice::Retry);
    }
}

#[test]
fn a_number_cut_off_after_invalid_text_is_not_json() {
    for body in [r#"{"Response":x-"#, r#"{"Response" 9e"#] {
        let error = read_ok(body).unwrap_err();
        assert!(matches!(error.kind(), Kind::NotJson { .. }), "{:?}", error.kind());
    }
}

#[test]
fn a_cut_inside_the_byte_order_mark_is_a_truncated_answer() {
    assert_error(read_ok(b"\xef"), &Kind::Truncated, Advice::Retry);
    assert_error(read_ok(b"\xef\xbb"), &Kind::Truncated, Advice::Retry);
}

#[test]
fn a_cut_object_100000_levels_deep_is_a_truncated_answer() {
    assert_error(read_ok(r#"{"a":"#.repeat(100_000)), &Kind::Truncated, Advice::Retry);
    let array = ["{\"Response\":", &"[".repeat(100_000)].concat();
    assert_error(read_ok(array), &Kind::Truncated, Advice::Retry);
}

#[test]
fn a_byte_order_mark_is_skipped() {
    assert_eq!(read_ok(["\u{feff}", GOOD].concat()), read_ok(GOOD));
}

#[test]
fn white_space_around_the_answer_is_skipped() {
    assert_eq!(read_ok(format!("\r\n\t {GOOD} \n")), read_ok(GOOD));
}

#[test]
fn the_error_for_invalid_json_names_line_and_column() {
    let kind = Kind::NotJson { line: 2, column: 1 };
    let error = assert_error(read_ok("{\n!}"), &kind, Advice::Retry);
    assert_eq!(
        error.to_string(),
        "answer is not JSON at line 2 column 1 (HTTP status 200, no request id)"
    );
}

#[test]
fn the_error_for_invalid_json_names_the_first_byte_that_is_not_utf8() {
    let kind = Kind::NotJson { line: 1, column: 7 };
    assert_error(read_ok(b"{\"a\":\"\xff\"!}"), &kind, Advice::Retry);
    let kind = Kind::NotJson { line: 2, column: 3 };
    assert_error(read_ok(b"{\n  \xff\"a\":1}"), &kind, Advice::Retry);
}

#[test]
fn outside_of_strings_nothing_is_repaired() {
    for json in ["{\0}", "{\"a\":\x01 1}", "{\\\"a\":1}", "{\"a\"\u{fffd}:1}", "{\"a\":1\\n}"] {
        let error = read_ok(json).unwrap_err();
        assert!(matches!(error.kind(), Kind::NotJson { .. }), "{json:?} {:?}", error.kind());
    }
}

#[test]
fn an_answer_with_trailing_text_is_not_json() {
    for rest in ["{}", "x", "}", "\0", ","] {
        let error = read_ok([GOOD, rest].concat()).unwrap_err();
        assert!(matches!(error.kind(), Kind::NotJson { .. }), "{rest:?} {:?}", error.kind());
    }
}

#[test]
fn bad_syntax_before_a_cut_number_is_not_json() {
    for body in [r#"{"Response":x-"#, r#"{"Response":{},,"a":1."#] {
        let error = read_ok(body).unwrap_err();
        assert!(matches!(error.kind(), Kind::NotJson { .. }), "{body} {:?}", error.kind());
    }
}

#[test]
fn a_malformed_number_in_the_middle_is_not_json() {
    for number in ["9.", "9e", "-", "9.x", "01", ".5", "+1"] {
        let body = format!(r#"{{"Response":{{"ExportProgress":{number}}}}}"#);
        let error = read_ok(body).unwrap_err();
        assert!(matches!(error.kind(), Kind::NotJson { .. }), "{number} {:?}", error.kind());
    }
}

#[test]
fn json_without_a_response_object_is_unexpected() {
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
        assert_error(read_ok(body), &Kind::Unexpected, Advice::Stop);
    }
}

#[test]
fn the_advice_for_unexpected_json_depends_on_the_status() {
    for (status, advice) in [
        (200, Advice::Stop),
        (404, Advice::Stop),
        (408, Advice::Retry),
        (503, Advice::Retry),
        (429, Advice::BackOff),
    ] {
        assert_error(read(status, &[], "{}"), &Kind::Unexpected, advice);
    }
}

#[test]
fn an_answer_of_the_largest_size_is_read() {
    let padding = " ".repeat(ANSWER_LIMIT - GOOD.len());
    let body = [GOOD, &padding].concat();
    assert_eq!(body.len(), ANSWER_LIMIT);
    assert!(read_ok(body).is_ok());
}

#[test]
fn an_answer_one_byte_larger_is_too_large() {
    let padding = " ".repeat(ANSWER_LIMIT + 1 - GOOD.len());
    let error = assert_error(read_ok([GOOD, &padding].concat()), &Kind::TooLarge, Advice::Stop);
    assert!(error.to_string().starts_with("answer is larger than 1048576 bytes"));
}

#[test]
fn the_error_for_a_page_without_a_content_type_says_so() {
    assert_eq!(
        read_ok("blocked").unwrap_err().to_string(),
        "expected JSON, got no content type: blocked (HTTP status 200, no request id)"
    );
}
