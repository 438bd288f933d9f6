//! Strings with bytes or characters that JSON forbids: other members stay readable, and an
//! undecodable value is not used.

use tcss_export::{
    actions::{DescribeExportJobResult, ExportStatus},
    core::read_answer,
    error::{Advice, ErrorCode, ResponseErrorKind as Kind},
};

use crate::{
    common::{Read, read},
    read_ok, unknown_status, url_of,
};

fn around(head: &str, middle: &[u8], tail: &str) -> Vec<u8> {
    [head.as_bytes(), middle, tail.as_bytes()].concat()
}

/// Makes the answer for a failed job with this message between quotes.
fn failed(message: &[u8]) -> Vec<u8> {
    let head = r#"{"Response":{"FailureMsg":""#;
    around(head, message, r#"","ExportStatus":"FAILURE","RequestId":"r-1"}}"#)
}

/// As [`failed`], with the message at the end.
fn failed_at_the_end(message: &[u8]) -> Vec<u8> {
    let head = r#"{"Response":{"ExportStatus":"FAILURE","RequestId":"r-1","FailureMsg":""#;
    around(head, message, r#""}}"#)
}

/// Makes an error with this message between quotes.
fn refused(message: &[u8]) -> Vec<u8> {
    let head = r#"{"Response":{"Error":{"Message":""#;
    around(head, message, r#"","Code":"AuthFailure.SecretIdNotFound"},"RequestId":"r-1"}}"#)
}

/// Asserts that the other members stay readable beside this message. Returns the message as read.
#[track_caller]
fn assert_hides_nothing(message: &[u8]) -> String {
    let error = read_ok(refused(message)).unwrap_err();
    let code = error.code().map(ErrorCode::as_str);
    assert_eq!(code, Some("AuthFailure.SecretIdNotFound"), "{message:02x?}");
    assert_eq!((error.request_id(), error.advice()), (Some("r-1"), Advice::Stop));
    let read = error.api_error().expect("an API error").message.clone();
    for body in [failed(message), failed_at_the_end(message)] {
        let answer = read_ok(body).unwrap();
        assert_eq!(answer.response.status, ExportStatus::Failure, "{message:02x?}");
        assert_eq!(answer.request_id.as_deref(), Some("r-1"), "{message:02x?}");
        assert_eq!(answer.response.failure_message.as_deref(), Some(&*read), "{message:02x?}");
    }
    read
}

/// Texts from another program: two in GBK, and one in Big5 with two characters whose second
/// byte is a backslash.
const TEXTS: [&[u8]; 3] = [
    b"\xb5\xbc\xb3\xf6\xca\xa7\xb0\xdc",
    b"\xc8\xa8\xcf\xde\xb2\xbb\xd7\xe3",
    b"\xb3\x5c\xa5\x5c\xbb\x5c",
];

#[test]
fn a_message_in_gbk_or_big5_hides_nothing() {
    for text in TEXTS {
        assert!(assert_hides_nothing(text).contains('\u{fffd}'), "{text:02x?}");
        let whole = assert_hides_nothing(&around("export: ", text, " (1)"));
        assert!(whole.starts_with("export: ") && whole.ends_with(" (1)"), "{whole}");
    }
}

#[test]
fn every_character_of_gbk_may_be_the_last_one() {
    for lead in 0x81..=0xfe {
        for second in (0x40..=0x7e).chain(0x80..=0xfe) {
            let answer = read_ok(failed(&[b'a', lead, second])).unwrap();
            assert_eq!(answer.response.status, ExportStatus::Failure, "{lead:02x} {second:02x}");
        }
    }
}

#[test]
fn a_second_byte_that_is_a_backslash_may_precede_anything() {
    for next in ["", "n", "u", "u00", "u5bfc", "x", "{", "}", "[", "]", "|", "@", "\u{5bfc}"] {
        assert_hides_nothing(&around("", b"\x81\x5c", next));
    }
}

#[test]
fn escapes_beside_characters_of_two_bytes_hide_nothing() {
    for message in [
        &b"\xb5\xbc\\\"\xb3\xf6\\\""[..],
        b"\xb5\xbc\\\"\x81\x5c",
        b"\\\"\x81\x5c\\\"",
        b"\x81\x5c\\\\",
        b"\xb5\xbc\\n\x81\x5c",
        b"\\u5bfc\x81\x5c",
    ] {
        assert_hides_nothing(message);
    }
}

#[test]
fn a_truncated_character_hides_nothing() {
    let (two, emoji) = ("\u{5bfc}\u{5bfc}", "\u{1f600}");
    for cut in [4, 5] {
        assert_eq!(assert_hides_nothing(&two.as_bytes()[..cut]), "\u{5bfc}\u{fffd}");
    }
    for cut in 1..4 {
        assert_eq!(assert_hides_nothing(&emoji.as_bytes()[..cut]), "\u{fffd}");
    }
    assert_eq!(assert_hides_nothing(b"\xe5\\\"quoted\\\""), "\u{fffd}\"quoted\"");
    assert_eq!(assert_hides_nothing(b"caf\xe9\\n"), "caf\u{fffd}\n");
}

#[test]
fn control_characters_and_bad_escapes_hide_nothing() {
    for (message, read) in [
        (&b"line\nline"[..], "line\u{fffd}line"),
        (b"\ttab\r", "\u{fffd}tab\u{fffd}"),
        (b"nul\0", "nul\u{fffd}"),
        (b"it\\'s", "it\u{fffd}'s"),
        (b"C:\\export", "C:\u{fffd}export"),
        (b"\\u12 \\\"\\u00e9", "\u{fffd}u12 \"\u{e9}"),
        (b"\xe5\xaf\xbc\0\\\"", "\u{5bfc}\u{fffd}\""),
        (b"\0\xe5\xaf\xbc\\\"", "\u{fffd}\u{5bfc}\""),
        (b"\\ud83d cut", "\u{fffd}\u{fffd}\u{fffd} cut"),
        (b"\xef\xbf\xbd", "\u{fffd}"),
        (b"\x7f", "\x7f"),
    ] {
        assert_eq!(assert_hides_nothing(message), read, "{message:02x?}");
    }
}

#[test]
fn numbers_out_of_range_hide_nothing() {
    let members = r#""New":1e999,"Old":[null,{"a":-1e-999}],"ExportProgress":1e999,"#;
    let body = format!(r#"{{"Response":{{{members}"ExportStatus":"FAILURE"}}}}"#);
    assert_eq!(read_ok(body).unwrap().response.status, ExportStatus::Failure);
}

#[test]
fn a_content_type_that_is_not_ascii_hides_nothing() {
    let builder = http::Response::builder().header("content-type", &b"application/json; \xb5"[..]);
    let answer = read_answer::<DescribeExportJobResult>(&builder.body(failed(b"m")).unwrap());
    assert_eq!(answer.unwrap().response.status, ExportStatus::Failure);
}

/// Undecodable texts: in another encoding, truncated, replaced at the service, with half a
/// surrogate pair, a control character or a bad escape.
const LOST: [&[u8]; 8] = [
    b"a\xb5\xbc",
    b"a\xe5\xaf",
    b"a\x81\x5c",
    b"a\xef\xbf\xbd",
    b"a\\ufffd",
    b"a\\ud83d",
    b"a\n",
    b"a\\x",
];

/// Reads an answer with an undecodable member.
fn read_lost(name: &str, lost: &[u8], rest: &str) -> Read {
    let head = format!(r#"{{"Response":{{"{name}":""#);
    let body = around(&head, lost, &format!(r#"",{rest}}}}}"#));
    read(200, &[("X-TC-RequestId", "r-header")], body)
}

#[test]
fn an_undecodable_url_is_none() {
    for lost in LOST {
        let url = around("https://h.example/", lost, "");
        let answer = read_lost("DownloadURL", &url, r#""ExportStatus":"SUCCESS""#).unwrap();
        assert_eq!(answer.response.status, ExportStatus::Success, "{lost:02x?}");
        assert_eq!(url_of(&answer.response), None, "{lost:02x?}");
    }
}

#[test]
fn a_url_beside_an_undecodable_message_stays_exact() {
    let url = r#""DownloadURL":"https:\/\/h.example\/\u5bfc?x=\u0026","ExportStatus":"SUCCESS""#;
    for lost in LOST {
        let answer = read_lost("FailureMsg", lost, url).unwrap();
        let read = url_of(&answer.response);
        assert_eq!(read, Some("https://h.example/\u{5bfc}?x=&"), "{lost:02x?}");
    }
}

/// With this message, a backslash in the URL may belong to the previous character.
#[test]
fn an_ambiguous_url_is_none() {
    let rest = r#""DownloadURL":"https://h.example/导\u0026","ExportStatus":"SUCCESS""#;
    let answer = read_lost("FailureMsg", b"\x81\x5c", rest).unwrap();
    assert_eq!(url_of(&answer.response), None);
    assert_eq!(answer.response.status, ExportStatus::Success);
}

#[test]
fn an_undecodable_status_is_unknown_without_a_text() {
    for lost in LOST {
        for text in [lost.to_vec(), around("SUCCESS", lost, ""), around("", lost, "SUCCESS")] {
            let answer = read_lost("ExportStatus", &text, r#""ExportProgress":1"#).unwrap();
            assert_eq!(answer.response.status, unknown_status(""), "{text:02x?}");
            assert_eq!(answer.response.progress, Some(1.0), "{text:02x?}");
        }
    }
}

#[test]
fn the_header_replaces_an_undecodable_request_id() {
    for lost in LOST {
        let answer = read_lost("RequestId", lost, r#""ExportStatus":"FAILURE""#).unwrap();
        assert_eq!(answer.request_id.as_deref(), Some("r-header"), "{lost:02x?}");
    }
}

#[test]
fn an_undecodable_code_is_empty_and_the_message_stays() {
    for lost in LOST {
        let head = r#"{"Response":{"Error":{"Code":""#;
        let error = read_ok(around(head, lost, r#"","Message":"m"}}}"#)).unwrap_err();
        let api = error.api_error().expect("an API error");
        assert_eq!((api.code.as_str(), &*api.message), ("", "m"), "{lost:02x?}");
        assert_eq!(error.advice(), Advice::Stop);
    }
}

#[test]
fn an_undecodable_flat_code_is_not_used() {
    for lost in LOST {
        let body = around(r#"{"code":4100,"message":"m","codeDesc":""#, lost, r#""}"#);
        let error = read_ok(body).unwrap_err();
        assert_eq!(error.code().map(ErrorCode::as_str), Some("4100"), "{lost:02x?}");
        let error = read_ok(around(r#"{"message":"m","code":""#, lost, r#""}"#)).unwrap_err();
        assert_eq!(*error.kind(), Kind::Unexpected, "{lost:02x?}");
    }
}

#[test]
fn every_proper_prefix_of_an_answer_in_gbk_or_big5_is_truncated() {
    for message in TEXTS {
        for body in [failed(message), failed_at_the_end(message), refused(message)] {
            for length in 1..body.len() {
                let error = read_ok(&body[..length]).unwrap_err();
                assert_eq!(*error.kind(), Kind::Truncated, "{:02x?}", &body[..length]);
            }
        }
    }
}

/// Python's `json` writes these.
#[test]
fn numbers_that_json_does_not_know_hide_nothing() {
    for number in ["NaN", "Infinity", "-Infinity"] {
        for name in ["ExportProgress", "Unknown"] {
            let body = format!(
                r#"{{"Response":{{"ExportStatus":"FAILURE","{name}":{number},"FailureMsg":"NaN"}}}}"#
            );
            let answer = read_ok(&body).expect("an answer");
            assert_eq!(answer.response.status, ExportStatus::Failure, "{body}");
            assert_eq!(answer.response.progress, None);
            assert_eq!(answer.response.failure_message.as_deref(), Some("NaN"));
            // No prefix counts as an answer.
            for length in 1..body.len() {
                assert!(read_ok(&body[..length]).is_err(), "{}", &body[..length]);
            }
        }
    }
}

#[test]
fn gbk_that_is_valid_utf8_by_chance_hides_nothing() {
    // U+0801 in UTF-8; in GBK two characters, of which the second ends in a backslash.
    let message = b"\xe0\xa0\x81\\";
    let head = r#"{"Response":{"FailureMsg":""#;
    let answer = read_ok(around(head, message, r#"","ExportStatus":"FAILURE"}}"#));
    assert_eq!(answer.expect("an answer").response.status, ExportStatus::Failure);
}

#[test]
fn white_space_between_members_is_no_text_to_repair() {
    let head = "{\n\t\"Response\" : {\r\n \"FailureMsg\":\"";
    let tail = "\",\n\"ExportStatus\":\"FAILURE\"\n}\n}";
    for message in [&b"\xb5\xbc"[..], b"\x07", b"\\x"] {
        let answer = read_ok(around(head, message, tail)).expect("an answer");
        assert_eq!(answer.response.status, ExportStatus::Failure, "{message:02x?}");
    }
}

#[test]
fn a_cut_character_before_a_quote_does_not_hide_a_backslash_elsewhere() {
    let head = b"{\"Response\":{\"Unknown\":\"\xb5\",\n\"FailureMsg\":\"\x81\\\"";
    let body = [&head[..], br#","ExportStatus":"FAILURE"}}"#].concat();
    let answer = read_ok(body).expect("an answer");
    assert_eq!(answer.response.status, ExportStatus::Failure);
}
