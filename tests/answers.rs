//! From bytes to a typed answer or a typed error, whatever came.

mod common;

use std::time::Duration;

use common::{Read, base64, read, response};
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};
use tcss_export::{
    ANSWER_LIMIT, Action, Advice, Answer, DescribeExportJobResultResponse, ExportStatus,
    ResponseError, ResponseErrorKind as Kind, read_answer,
};

/// Reads a body that came with status 200 and nothing else.
fn read_ok(body: impl AsRef<[u8]>) -> Read {
    read(200, &[], body)
}

/// Reads a `Response` object with these members.
fn members(members: &str) -> DescribeExportJobResultResponse {
    read_ok(format!(r#"{{"Response":{{{members}}}}}"#)).expect(members).response
}

fn unknown(text: &str) -> ExportStatus {
    ExportStatus::Unknown(text.to_owned())
}

fn url_of(response: &DescribeExportJobResultResponse) -> Option<&str> {
    response.download_url.as_ref().map(tcss_export::DownloadUrl::as_str)
}

const GOOD: &str = r#"{"Response":{"ExportStatus":"SUCCESS","DownloadURL":"https://h.example/导.csv?sign=EXAMPLE","ExportProgress":99.9,"FailureMsg":"a\n\u0062","RequestId":"r-1"}}"#;

mod members_of_an_answer {
    use super::*;

    // Field case P1.
    #[test]
    fn p1_nulls_and_absent_members_read_alike() {
        let nulls = r#"{"Response":{"ExportStatus":"RUNNING","DownloadURL":null,"ExportProgress":null,"FailureMsg":null,"RequestId":"r-1"}}"#;
        let absent = r#"{"Response":{"ExportStatus":"RUNNING","RequestId":"r-1"}}"#;
        let answer = read_ok(nulls).unwrap();
        assert_eq!(answer.response.status, ExportStatus::Running);
        assert_eq!(answer.response.download_url, None);
        assert_eq!(answer.response.progress, None);
        assert_eq!(answer.response.failure_message, None);
        assert_eq!(answer.request_id.as_deref(), Some("r-1"));
        assert_eq!(read_ok(absent).unwrap(), answer);
    }

    // The example of the service's page: a text in FailureMsg does not make it a failure.
    #[test]
    fn every_member_is_read() {
        let answer = read_ok(GOOD).unwrap();
        assert_eq!(answer.response.status, ExportStatus::Success);
        assert_eq!(url_of(&answer.response), Some("https://h.example/导.csv?sign=EXAMPLE"));
        assert_eq!(answer.response.progress, Some(99.9));
        assert_eq!(answer.response.failure_message.as_deref(), Some("a\nb"));
        assert_eq!(answer.request_id.as_deref(), Some("r-1"));
    }

    #[test]
    fn each_documented_status_is_known() {
        assert_eq!(members(r#""ExportStatus":"RUNNING""#).status, ExportStatus::Running);
        assert_eq!(members(r#""ExportStatus":"SUCCESS""#).status, ExportStatus::Success);
        assert_eq!(members(r#""ExportStatus":"FAILURE""#).status, ExportStatus::Failure);
    }

    #[test]
    fn status_with_escapes_is_known() {
        assert_eq!(members(r#""ExportStatus":"\u0053UCCESS""#).status, ExportStatus::Success);
    }

    #[test]
    fn member_name_with_escapes_is_known() {
        assert_eq!(members(r#""\u0045xportStatus":"SUCCESS""#).status, ExportStatus::Success);
    }

    // Field case P3.
    #[test]
    fn p3_unknown_status_keeps_its_text_and_the_other_members() {
        let body =
            r#"{"Response":{"ExportStatus":"PENDING","ExportProgress":5,"RequestId":"r-3"}}"#;
        let answer = read_ok(body).unwrap();
        assert_eq!(answer.response.status, unknown("PENDING"));
        assert_eq!(answer.response.status.as_str(), "PENDING");
        assert_eq!(answer.response.progress, Some(5.0));
        assert_eq!(answer.request_id.as_deref(), Some("r-3"));
    }

    #[test]
    fn p3_status_is_matched_by_its_exact_spelling() {
        assert_eq!(members(r#""ExportStatus":"success""#).status, unknown("success"));
        assert_eq!(members(r#""ExportStatus":" SUCCESS""#).status, unknown(" SUCCESS"));
    }

    // Field case P4.
    #[test]
    fn p4_unknown_members_are_ignored() {
        let body = r#"{"Response":{"ExportStatus":"RUNNING","New":{"x":[1]},"RequestId":"r-4"},"retcode":0,"retmsg":"ok"}"#;
        let answer = read_ok(body).unwrap();
        assert_eq!(answer.response.status, ExportStatus::Running);
        assert_eq!(answer.request_id.as_deref(), Some("r-4"));
    }

    #[test]
    fn p4_warning_of_a_deprecated_action_is_ignored() {
        let response = members(r#""DeprecatedWarning":"old","ExportStatus":"RUNNING""#);
        assert_eq!(response.status, ExportStatus::Running);
    }

    // Field case D12.
    #[test]
    fn d12_escapes_in_a_url_are_undone() {
        let response = members(r#""DownloadURL":"https:\/\/h.example\/a?x=1\u0026y=2""#);
        assert_eq!(url_of(&response), Some("https://h.example/a?x=1&y=2"));
    }

    /// Makes one test a progress.
    macro_rules! progress {
        ($($name:ident: $json:literal => $expected:expr;)*) => {$(
            #[test]
            fn $name() {
                let members = members(concat!(r#""ExportStatus":"RUNNING","ExportProgress":"#, $json));
                assert_eq!(members.progress, $expected);
                assert_eq!(members.status, ExportStatus::Running);
            }
        )*};
    }

    // Field case P2: an unreadable progress never hides the status.
    progress! {
        p2_whole_number: "100" => Some(100.0);
        p2_number_with_a_point: "99.9" => Some(99.9);
        p2_text_with_a_number: r#""33.3""# => Some(33.3);
        p2_number_with_an_exponent: "1e2" => Some(100.0);
        p2_empty_text: r#""""# => None;
        p2_null: "null" => None;
        p2_object: "{}" => None;
        p2_number_out_of_range: "1e999" => None;
        p2_text_out_of_range: r#""1e999""# => None;
        p2_not_a_number: r#""NaN""# => None;
        p2_infinity: r#""inf""# => None;
        p2_minus_infinity: r#""-infinity""# => None;
        p2_text_that_is_no_number: r#""half""# => None;
        p2_boolean: "true" => None;
        p2_array: "[50]" => None;
        p2_nested_rubbish: r#"{"a":[{"b":[1e999,"\ud83d"]}]}"# => None;
        p2_number_of_400_digits: "1111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111" => None;
    }

    /// Each member of each other JSON type: it is none, and hides no other member.
    #[test]
    fn member_of_another_type_hides_no_other() {
        let good = json!({
            "ExportStatus": "SUCCESS",
            "DownloadURL": "https://h.example/a",
            "ExportProgress": 50,
            "FailureMsg": "m",
            "RequestId": "r-1",
        });
        let odd =
            ["null", "true", "0", "-1.5e3", r#""""#, "[]", r#"["x",{}]"#, "{}", r#"{"x":[1]}"#];
        for name in ["ExportStatus", "DownloadURL", "ExportProgress", "FailureMsg", "RequestId"] {
            for value in odd {
                let mut changed = good.clone();
                changed[name] = serde_json::from_str(value).unwrap();
                let answer = read_ok(json!({ "Response": changed }).to_string()).unwrap();
                let response = &answer.response;
                let is = |other: &str| name != other;
                assert_eq!(
                    response.status == ExportStatus::Success,
                    is("ExportStatus"),
                    "{name} {value}"
                );
                assert_eq!(url_of(response).is_some(), is("DownloadURL"), "{name} {value}");
                assert_eq!(response.failure_message.is_some(), is("FailureMsg"), "{name} {value}");
                assert_eq!(answer.request_id.is_some(), is("RequestId"), "{name} {value}");
                let is_number = matches!(value, "0" | "-1.5e3");
                let has_progress = is("ExportProgress") || is_number;
                assert_eq!(response.progress.is_some(), has_progress, "{name} {value}");
            }
        }
    }

    #[test]
    fn status_that_is_no_text_is_unknown_with_its_json() {
        assert_eq!(members(r#""ExportStatus":{"a":[1, 2]}"#).status, unknown(r#"{"a":[1, 2]}"#));
        assert_eq!(members(r#""ExportStatus":0"#).status, unknown("0"));
        assert_eq!(members(r#""ExportStatus":["SUCCESS"]"#).status, unknown(r#"["SUCCESS"]"#));
    }

    #[test]
    fn null_absent_and_empty_status_are_unknown_with_an_empty_text() {
        for json in [r#""ExportStatus":null"#, r#""ExportStatus":"""#, ""] {
            assert_eq!(members(json).status, unknown(""), "{json}");
        }
    }

    #[test]
    fn half_a_surrogate_pair_hides_no_other_member() {
        let response = members(r#""FailureMsg":"\ud83d","ExportStatus":"FAILURE""#);
        assert_eq!(response.failure_message, None);
        assert_eq!(response.status, ExportStatus::Failure);
    }

    #[test]
    fn nesting_of_100000_levels_hides_no_other_member() {
        let deep = ["[".repeat(100_000), "]".repeat(100_000)].concat();
        for name in ["DownloadURL", "ExportProgress", "FailureMsg", "RequestId", "New"] {
            let response = members(&format!(r#""{name}":{deep},"ExportStatus":"SUCCESS""#));
            assert_eq!(response.status, ExportStatus::Success, "{name}");
        }
    }
}

mod duplicates {
    use super::*;

    /// Makes one test a member that stands there twice: the whole answer is unusable.
    macro_rules! twice {
        ($($name:ident: $members:literal;)*) => {$(
            #[test]
            fn $name() {
                let body = concat!(r#"{"Response":{"#, $members, "}}");
                assert_eq!(*read_ok(body).unwrap_err().kind(), Kind::Unexpected);
            }
        )*};
    }

    twice! {
        status: r#""ExportStatus":"RUNNING","ExportStatus":"SUCCESS""#;
        url: r#""DownloadURL":"a","DownloadURL":"b","ExportStatus":"SUCCESS""#;
        progress: r#""ExportProgress":1,"ExportProgress":null,"ExportStatus":"SUCCESS""#;
        message: r#""FailureMsg":"a","FailureMsg":"a","ExportStatus":"FAILURE""#;
        request_id: r#""RequestId":"r-1","ExportStatus":"SUCCESS","RequestId":"r-2""#;
        error: r#""Error":{"Code":"A","Message":"m"},"Error":{"Code":"B","Message":"m"}"#;
        error_and_then_null: r#""Error":{"Code":"A","Message":"m"},"Error":null,"ExportStatus":"SUCCESS""#;
        null_and_then_error: r#""Error":null,"Error":{"Code":"A","Message":"m"}"#;
        one_of_them_with_escapes: r#""ExportStatus":"RUNNING","\u0045xportStatus":"SUCCESS""#;
    }

    #[test]
    fn response_object() {
        let body =
            r#"{"Response":{"ExportStatus":"RUNNING"},"Response":{"ExportStatus":"SUCCESS"}}"#;
        assert_eq!(*read_ok(body).unwrap_err().kind(), Kind::Unexpected);
    }

    #[test]
    fn of_an_unknown_member_do_not_matter() {
        let body = r#"{"a":1,"Response":{"New":1,"New":2,"ExportStatus":"RUNNING"},"a":2}"#;
        assert_eq!(read_ok(body).unwrap().response.status, ExportStatus::Running);
    }
}

mod api_errors {
    use super::*;

    #[track_caller]
    fn api_error(read: Read, code: &str, message: &str) -> ResponseError {
        let error = read.unwrap_err();
        let api = error.api_error().expect("the service refused");
        assert_eq!((api.code.as_str(), &*api.message), (code, message));
        error
    }

    const REFUSAL: &str =
        r#"{"Response":{"Error":{"Code":"InvalidParameter","Message":"m"},"RequestId":"r-5"}}"#;

    // Field cases P12 and T2: an API error counts whatever the HTTP status.
    #[test]
    fn p12_error_counts_whatever_the_status() {
        for status in
            [100, 200, 204, 299, 300, 302, 304, 400, 401, 403, 404, 429, 500, 502, 503, 599]
        {
            let error = api_error(read(status, &[], REFUSAL), "InvalidParameter", "m");
            assert_eq!(error.status().as_u16(), status);
            assert_eq!(error.request_id(), Some("r-5"), "{status}");
        }
    }

    // Field case P12.
    #[test]
    fn p12_old_flat_error_has_the_code_of_code_desc() {
        api_error(
            read_ok(r#"{"code":4100,"message":"m","codeDesc":"AuthFailure"}"#),
            "AuthFailure",
            "m",
        );
    }

    #[test]
    fn p12_old_flat_error_without_code_desc_has_its_number() {
        api_error(read_ok(r#"{"code":4100,"message":"m"}"#), "4100", "m");
        api_error(read_ok(r#"{"code":-1,"message":"m","codeDesc":null}"#), "-1", "m");
        api_error(read_ok(r#"{"code":4100,"codeDesc":""}"#), "4100", "");
    }

    #[test]
    fn p12_code_of_an_old_flat_error_may_be_a_text() {
        api_error(read_ok(r#"{"code":"InvalidParameter","message":"m"}"#), "InvalidParameter", "m");
    }

    #[test]
    fn p12_old_flat_code_of_zero_is_no_error_and_no_result() {
        for body in [r#"{"code":0,"message":"ok"}"#, r#"{"code":"0","codeDesc":"Success"}"#] {
            assert_eq!(*read_ok(body).unwrap_err().kind(), Kind::Unexpected, "{body}");
        }
    }

    #[test]
    fn p12_old_flat_code_of_another_type_is_no_error_and_no_result() {
        for code in ["null", "true", "[1]", "{}", r#""""#] {
            let body = format!(r#"{{"code":{code},"message":"m","codeDesc":"AuthFailure"}}"#);
            assert_eq!(*read_ok(&body).unwrap_err().kind(), Kind::Unexpected, "{body}");
        }
    }

    #[test]
    fn null_error_is_no_error() {
        let answer = read_ok(r#"{"Response":{"Error":null,"ExportStatus":"RUNNING"}}"#).unwrap();
        assert_eq!(answer.response.status, ExportStatus::Running);
    }

    #[test]
    fn error_beside_a_success_is_an_error() {
        let body = r#"{"Response":{"ExportStatus":"SUCCESS","DownloadURL":"https://h.example/a","Error":{"Code":"InternalError","Message":"m"}}}"#;
        api_error(read_ok(body), "InternalError", "m");
    }

    /// Whatever stands in `Error`, save null: an error without a code, and never a success.
    #[test]
    fn error_of_another_type_is_an_error_without_a_code() {
        for json in ["true", "false", "0", r#""text""#, "[]", r#"["InternalError","m"]"#] {
            let body = format!(r#"{{"Response":{{"Error":{json},"ExportStatus":"SUCCESS"}}}}"#);
            let error = api_error(read_ok(&body), "", json);
            assert_eq!(error.advice(), Advice::Stop, "{body}");
        }
    }

    #[test]
    fn code_of_another_type_is_an_empty_code() {
        for code in ["null", "1", "true", "[]", "{}", r#""""#] {
            let body = format!(r#"{{"Response":{{"Error":{{"Code":{code},"Message":"m"}}}}}}"#);
            api_error(read_ok(&body), "", "m");
        }
    }

    #[test]
    fn message_of_another_type_shows_the_beginning_of_the_error() {
        for message in ["null", "1", "true", "[]", "{}", r#""""#] {
            let error = format!(r#"{{"Code":"InternalError","Message":{message}}}"#);
            let body = format!(r#"{{"Response":{{"Error":{error}}}}}"#);
            let error = read_ok(&body).unwrap_err();
            let api = error.api_error().expect("the service refused");
            assert_eq!(api.code.as_str(), "InternalError", "{body}");
        }
    }

    #[test]
    fn error_of_100000_levels_is_an_error_without_a_code() {
        let deep = ["[".repeat(100_000), "]".repeat(100_000)].concat();
        let error = read_ok(format!(r#"{{"Response":{{"Error":{deep}}}}}"#)).unwrap_err();
        assert_eq!(error.code().map(tcss_export::ErrorCode::as_str), Some(""));
        assert!(error.to_string().len() < 300);
    }

    #[test]
    fn code_is_split_into_family_and_detail() {
        let body = r#"{"Response":{"Error":{"Code":"A.B.C","Message":"m"}}}"#;
        let error = read_ok(body).unwrap_err();
        let code = error.code().unwrap();
        assert_eq!((code.as_str(), code.family()), ("A.B.C", "A"));
    }

    // Field case P10: every API error shows its request id.
    #[test]
    fn p10_text_of_an_error_shows_code_message_status_and_request_id() {
        assert_eq!(
            read(400, &[], REFUSAL).unwrap_err().to_string(),
            "the service answered InvalidParameter: m (HTTP status 400, request id r-5)"
        );
    }

    #[test]
    fn p10_text_of_an_error_without_a_request_id_says_so() {
        let body = r#"{"Response":{"Error":{"Code":"InternalError","Message":"m"}}}"#;
        assert_eq!(
            read_ok(body).unwrap_err().to_string(),
            "the service answered InternalError: m (HTTP status 200, no request id)"
        );
    }

    #[test]
    fn shown_message_steers_no_terminal() {
        let body = r#"{"Response":{"Error":{"Code":"A\u001b[2J","Message":"m\nforged line"}}}"#;
        let text = read_ok(body).unwrap_err().to_string();
        assert!(!text.contains(char::is_control), "{text:?}");
    }
}

mod request_ids {
    use super::*;

    const HEADER: (&str, &str) = ("X-TC-RequestId", "r-header");

    fn request_id(headers: &[(&str, &str)], body: &str) -> Option<String> {
        read(200, headers, body).unwrap().request_id
    }

    // Field case P10.
    #[test]
    fn p10_id_of_the_body_comes_first() {
        let body = r#"{"Response":{"RequestId":"r-body"}}"#;
        assert_eq!(request_id(&[HEADER], body).as_deref(), Some("r-body"));
    }

    #[test]
    fn p10_id_of_the_header_stands_in() {
        for id in ["null", r#""""#, "5", "{}"] {
            let body = format!(r#"{{"Response":{{"RequestId":{id}}}}}"#);
            assert_eq!(request_id(&[HEADER], &body).as_deref(), Some("r-header"), "{body}");
        }
        assert_eq!(request_id(&[HEADER], r#"{"Response":{}}"#).as_deref(), Some("r-header"));
    }

    #[test]
    fn p10_no_id_changes_nothing_else() {
        let answer = read_ok(r#"{"Response":{"ExportStatus":"RUNNING"}}"#).unwrap();
        assert_eq!(answer.request_id, None);
        assert_eq!(answer.response.status, ExportStatus::Running);
    }

    #[test]
    fn p10_page_has_the_id_of_the_header() {
        assert_eq!(read(502, &[HEADER], "<html>").unwrap_err().request_id(), Some("r-header"));
    }

    #[test]
    fn p10_empty_and_unreadable_headers_are_no_id() {
        assert_eq!(request_id(&[("X-TC-RequestId", "")], r#"{"Response":{}}"#), None);
        assert_eq!(request_id(&[("X-TC-RequestId", "导")], r#"{"Response":{}}"#), None);
    }
}

mod what_is_no_answer {
    use super::*;

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
}

mod statuses {
    use super::*;

    // Field case P12: a result only with 2xx.
    #[test]
    fn p12_good_answer_counts_with_every_status_of_success() {
        for status in [200, 201, 202, 203, 206, 299] {
            assert!(read(status, &[], GOOD).is_ok(), "{status}");
        }
    }

    #[test]
    fn p12_good_answer_with_another_status_is_no_result() {
        for status in [100, 199, 400, 401, 403, 404, 408, 429, 500, 502, 503, 504, 599, 999] {
            let error = read(status, &[], GOOD).unwrap_err();
            assert_eq!(*error.kind(), Kind::Status, "{status}");
            assert_eq!(error.request_id(), Some("r-1"), "{status}");
        }
    }

    #[test]
    fn advice_about_a_good_answer_with_another_status_goes_by_the_status() {
        for (status, advice) in [
            (400, Advice::Stop),
            (404, Advice::Stop),
            (408, Advice::Retry),
            (429, Advice::BackOff),
            (500, Advice::Retry),
            (503, Advice::Retry),
        ] {
            assert_eq!(read(status, &[], GOOD).unwrap_err().advice(), advice, "{status}");
        }
    }

    #[test]
    fn page_with_status_429_is_throttling() {
        assert!(read(429, &[], "slow down").unwrap_err().is_throttled());
        assert!(read(429, &[], "").unwrap_err().is_throttled());
    }
}

mod redirects {
    use super::*;

    fn host_of(headers: &[(&str, &str)]) -> Option<String> {
        let error = read(302, headers, "").unwrap_err();
        assert_eq!(error.advice(), Advice::Stop);
        match error.kind() {
            Kind::Redirect { host } => host.clone(),
            kind => panic!("{kind:?}"),
        }
    }

    // Field case T4.
    #[test]
    fn t4_redirect_is_told_with_its_host() {
        let error = read(302, &[("Location", "https://other.example/")], "").unwrap_err();
        assert_eq!(
            error.to_string(),
            "unexpected redirect to other.example (HTTP status 302, no request id)"
        );
    }

    #[test]
    fn t4_every_status_from_300_to_399_is_a_redirect() {
        for status in [300, 301, 302, 303, 304, 307, 308, 399] {
            for body in ["", "<html>", GOOD, "{", "\u{1f}\u{8b}"] {
                let error = read(status, &[], body).unwrap_err();
                assert_eq!(*error.kind(), Kind::Redirect { host: None }, "{status} {body}");
            }
        }
    }

    #[test]
    fn only_the_host_of_a_location_is_told() {
        let location = "https://user:EXAMPLE@other.example:8443/a?sign=EXAMPLE#b";
        assert_eq!(host_of(&[("Location", location)]).as_deref(), Some("other.example"));
    }

    #[test]
    fn location_without_a_host_has_none() {
        for location in ["/elsewhere", "elsewhere", "", "?a", "http://", "::", "a b", "导"] {
            let host = host_of(&[("Location", location)]);
            assert!(host.is_none_or(|host| !host.contains('/')), "{location}");
        }
        assert_eq!(host_of(&[("Location", "/elsewhere")]), None);
        assert_eq!(host_of(&[]), None);
    }
}

mod encodings {
    use super::*;

    // Field case P9: the coded form of a running answer.
    const GZIP: &str = "H4sIAAAAAAACA6tWCkotLsjPK05VsqpWcq0oyC8qCS5JLCktVrJSCgr18/P0c1fSASoqLE0tLvFMAYoW6Voo1dYCAPQgeeY5AAAA";

    #[test]
    fn p9_compressed_answer_is_an_error_that_names_the_encoding() {
        let error = read(200, &[("Content-Encoding", "gzip")], base64(GZIP)).unwrap_err();
        assert_eq!(*error.kind(), Kind::Encoding("gzip".into()));
        assert_eq!(error.advice(), Advice::Stop);
        assert_eq!(
            error.to_string(),
            "answer has the content encoding gzip, identity was asked for \
             (HTTP status 200, no request id)"
        );
    }

    #[test]
    fn p9_compressed_answer_that_does_not_say_so_is_no_result() {
        assert!(matches!(read_ok(base64(GZIP)).unwrap_err().kind(), Kind::Page { .. }));
    }

    #[test]
    fn every_other_encoding_is_named() {
        for coding in ["GZIP", "br", "x-gzip", "identity, gzip", "unknown"] {
            let error = read(200, &[("Content-Encoding", coding)], GOOD).unwrap_err();
            assert_eq!(*error.kind(), Kind::Encoding(coding.into()));
        }
    }

    #[test]
    fn encoding_in_a_second_header_is_named() {
        let headers = [("Content-Encoding", "identity"), ("Content-Encoding", "br")];
        assert_eq!(*read(200, &headers, GOOD).unwrap_err().kind(), Kind::Encoding("br".into()));
    }

    #[test]
    fn identity_and_an_empty_encoding_are_none() {
        for coding in ["identity", "Identity", ""] {
            assert!(read(200, &[("Content-Encoding", coding)], GOOD).is_ok(), "{coding}");
        }
    }
}

mod retry_after {
    use super::*;

    const DATE: (&str, &str) = ("Date", "Wed, 15 Nov 2023 00:09:50 GMT");

    fn retry_after(headers: &[(&str, &str)]) -> Option<Duration> {
        read(503, headers, "busy").unwrap_err().retry_after()
    }

    fn seconds(seconds: u64) -> Option<Duration> {
        Some(Duration::from_secs(seconds))
    }

    #[test]
    fn seconds_are_read() {
        assert_eq!(retry_after(&[("Retry-After", "7")]), seconds(7));
        assert_eq!(retry_after(&[("Retry-After", "0")]), seconds(0));
        assert_eq!(retry_after(&[("Retry-After", " 120 ")]), seconds(120));
    }

    #[test]
    fn date_is_read_relative_to_the_answers_own() {
        let until = ("Retry-After", "Wed, 15 Nov 2023 00:10:20 GMT");
        assert_eq!(retry_after(&[until, DATE]), seconds(30));
    }

    #[test]
    fn date_in_the_past_is_no_wait() {
        let until = ("Retry-After", "Wed, 15 Nov 2023 00:00:00 GMT");
        assert_eq!(retry_after(&[until, DATE]), seconds(0));
    }

    #[test]
    fn date_without_the_answers_own_is_none() {
        let until = ("Retry-After", "Wed, 15 Nov 2023 00:10:20 GMT");
        assert_eq!(retry_after(&[until]), None);
    }

    #[test]
    fn unreadable_and_absent_are_none() {
        for value in ["", "soon", "-1", "1.5", "1e3", "99999999999999999999999", "导", "GMT"] {
            assert_eq!(retry_after(&[("Retry-After", value), DATE]), None, "{value}");
        }
        assert_eq!(retry_after(&[DATE]), None);
    }

    #[test]
    fn largest_number_does_not_overflow() {
        let value = u64::MAX.to_string();
        assert_eq!(retry_after(&[("Retry-After", &value)]), seconds(u64::MAX));
    }
}

/// Actions that a user adds, with members that must be there.
mod foreign_actions {
    use super::*;

    #[derive(serde::Serialize)]
    struct DescribeAssetSummary;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "PascalCase", deny_unknown_fields)]
    struct DescribeAssetSummaryResponse {
        host_cnt: u64,
        app_name: String,
    }

    impl Action for DescribeAssetSummary {
        const SERVICE: &'static str = "tcss";
        const VERSION: &'static str = "2020-11-01";
        const NAME: &'static str = "DescribeAssetSummary";
        type Response = DescribeAssetSummaryResponse;
    }

    fn read_summary(body: &str) -> Result<Answer<DescribeAssetSummaryResponse>, ResponseError> {
        read_answer::<DescribeAssetSummary>(&response(200, &[], body))
    }

    #[test]
    fn required_members_are_read() {
        let body = r#"{"Response":{"RequestId":"r-1","HostCnt":3,"AppName":"a"}}"#;
        let answer = read_summary(body).unwrap();
        let expected = DescribeAssetSummaryResponse { host_cnt: 3, app_name: "a".into() };
        assert_eq!(answer.response, expected);
        assert_eq!(answer.request_id.as_deref(), Some("r-1"));
    }

    #[test]
    fn api_error_is_told_though_required_members_are_missing() {
        let body =
            r#"{"Response":{"Error":{"Code":"InternalError","Message":"m"},"RequestId":"r-2"}}"#;
        let error = read_summary(body).unwrap_err();
        assert_eq!(error.code().map(tcss_export::ErrorCode::as_str), Some("InternalError"));
        assert_eq!(error.request_id(), Some("r-2"));
    }

    #[test]
    fn api_error_is_told_though_a_member_before_it_does_not_fit() {
        let body = r#"{"Response":{"HostCnt":"x","Error":{"Code":"InternalError","Message":"m"}}}"#;
        let error = read_summary(body).unwrap_err();
        assert_eq!(error.code().map(tcss_export::ErrorCode::as_str), Some("InternalError"));
    }

    #[test]
    fn missing_and_unfit_members_are_unexpected_and_keep_the_request_id() {
        for members in
            [r#""HostCnt":3"#, r#""HostCnt":-1,"AppName":"a""#, r#""HostCnt":3,"AppName":null"#]
        {
            let body = format!(r#"{{"Response":{{{members},"RequestId":"r-3"}}}}"#);
            let error = read_summary(&body).unwrap_err();
            assert_eq!(*error.kind(), Kind::Unexpected, "{body}");
            assert_eq!(error.request_id(), Some("r-3"), "{body}");
        }
    }

    #[test]
    fn cut_answer_is_truncated_though_a_member_does_not_fit() {
        let body = r#"{"Response":{"HostCnt":3,"App"#;
        assert_eq!(*read_summary(body).unwrap_err().kind(), Kind::Truncated);
    }

    #[test]
    fn answer_without_members_is_read() {
        #[derive(serde::Serialize)]
        struct Ping;

        #[derive(Debug, Deserialize, PartialEq)]
        struct PingResponse {}

        impl Action for Ping {
            const SERVICE: &'static str = "tcss";
            const VERSION: &'static str = "2020-11-01";
            const NAME: &'static str = "Ping";
            type Response = PingResponse;
        }
        let answer = read_answer::<Ping>(&response(200, &[], r#"{"Response":{"RequestId":"r"}}"#));
        assert_eq!(answer.unwrap().response, PingResponse {});
    }
}

#[test]
fn errors_of_answers_cross_threads_and_are_small() {
    fn crosses_threads<T: std::error::Error + Send + Sync + 'static>() {}
    crosses_threads::<ResponseError>();
    assert!(size_of::<ResponseError>() <= 128);
}

/// Any answer, with the headers that are looked at more often than not.
fn any_headers() -> impl Strategy<Value = Vec<(String, Vec<u8>)>> {
    let name = "Location|Retry-After|Date|Content-Encoding|Content-Type|X-TC-RequestId|[a-z]{1,8}";
    let value = prop_oneof![
        "[0-9]{1,25}".prop_map(String::into_bytes),
        "Wed, [0-9]{2} Nov [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT".prop_map(String::into_bytes),
        "[!-~]{0,20}".prop_map(String::into_bytes),
        proptest::collection::vec(0x80u8.., 0..8),
    ];
    proptest::collection::vec((name, value), 0..5)
}

/// JSON of the members that are known, each of any type, and some that are not.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "SUCCESS|RUNNING|FAILURE|https://h\\.example/a|.{0,8}".prop_map(Value::from),
    ];
    let name = "Response|Error|Code|Message|RequestId|ExportStatus|DownloadURL|ExportProgress|FailureMsg|code|message|codeDesc|[A-Z]{1,3}";
    leaf.prop_recursive(4, 40, 8, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::hash_map(name, inner, 0..6)
                .prop_map(|members| members.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

/// Whether an answer may count as a success, judged a second way.
fn is_success(value: &Value) -> bool {
    let response = &value["Response"];
    response.is_object() && response["Error"].is_null() && response["ExportStatus"] == "SUCCESS"
}

proptest! {
    #[test]
    fn any_bytes_with_any_status_and_headers_are_read_without_a_panic(
        status in 100u16..1_000,
        headers in any_headers(),
        body in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..200),
            "[{}\\[\\]\":,0-9eE.+\\-a-zA-Z\\\\ ]{0,60}".prop_map(String::into_bytes),
            any_json().prop_map(|json| json.to_string().into_bytes()),
        ],
    ) {
        let mut builder = http::Response::builder().status(status);
        for (name, value) in headers {
            builder = builder.header(name, value);
        }
        let response = builder.body(body).unwrap();
        match read_answer::<tcss_export::DescribeExportJobResult>(&response) {
            Ok(answer) => prop_assert!(response.status().is_success(), "{answer:?}"),
            Err(error) => {
                prop_assert_eq!(error.status(), response.status());
                prop_assert!(!error.to_string().contains(char::is_control));
            }
        }
    }

    #[test]
    fn any_json_is_a_success_only_where_it_says_so(json in any_json()) {
        let success = read_ok(json.to_string()).is_ok_and(|a| a.response.status == ExportStatus::Success);
        prop_assert_eq!(success, is_success(&json));
    }

    #[test]
    fn members_in_any_order_give_the_same_answer(order in Just([0usize, 1, 2, 3, 4, 5]).prop_shuffle()) {
        let members = [
            r#""ExportStatus":"SUCCESS""#,
            r#""DownloadURL":"https://h.example/a""#,
            r#""ExportProgress":12.5"#,
            r#""FailureMsg":"m""#,
            r#""RequestId":"r-1""#,
            r#""Error":null"#,
        ];
        let body = |order: [usize; 6]| {
            format!(r#"{{"Response":{{{}}}}}"#, order.map(|at| members[at]).join(","))
        };
        prop_assert_eq!(read_ok(body(order)), read_ok(body([0, 1, 2, 3, 4, 5])));
    }

    #[test]
    fn retyped_members_never_give_a_wrong_success(
        retyped in proptest::collection::vec(any_json(), 5), which: [bool; 5],
    ) {
        let names = ["ExportStatus", "DownloadURL", "ExportProgress", "FailureMsg", "Error"];
        let mut json = json!({ "Response": { "ExportStatus": "SUCCESS", "DownloadURL": "u" } });
        for ((name, value), _) in names.iter().zip(retyped).zip(which).filter(|(_, change)| *change) {
            json["Response"][*name] = value;
        }
        let success = read_ok(json.to_string()).is_ok_and(|a| a.response.status == ExportStatus::Success);
        prop_assert_eq!(success, is_success(&json));
    }

    #[test]
    fn every_proper_prefix_of_a_good_answer_is_truncated_or_empty(
        status in "RUNNING|SUCCESS|FAILURE|PENDING",
        url in prop::option::of("https://h\\.example/.{0,8}"),
        progress in prop::option::of(any::<f64>()),
        message in prop::option::of(".{0,8}"),
        mark in prop_oneof![Just(""), Just("\u{feff}"), Just(" \n")],
    ) {
        let json = json!({ "Response": {
            "ExportStatus": status, "DownloadURL": url, "ExportProgress": progress,
            "FailureMsg": message, "RequestId": "r-1",
        }});
        let body = format!("{mark}{json}").into_bytes();
        prop_assert!(read_ok(&body).is_ok());
        for length in 0..body.len() {
            let error = read_ok(&body[..length]).unwrap_err();
            let cut = matches!(error.kind(), Kind::Truncated | Kind::Empty);
            prop_assert!(cut, "{:?} of {:?}", error.kind(), String::from_utf8_lossy(&body[..length]));
            prop_assert!(error.is_transient());
        }
    }

    #[test]
    fn serialised_answer_reads_back(
        status in "RUNNING|SUCCESS|FAILURE|.{0,12}",
        url in prop::option::of(".{1,20}"),
        progress in prop::option::of(-1e300f64..1e300),
        message in prop::option::of("(?s).{1,20}"),
        id in prop::option::of(".{1,20}"),
    ) {
        let json = json!({ "Response": {
            "ExportStatus": &status, "DownloadURL": &url, "ExportProgress": progress,
            "FailureMsg": &message, "RequestId": &id,
        }});
        let answer = read_ok(json.to_string()).unwrap();
        prop_assert_eq!(answer.response.status.as_str(), status);
        prop_assert_eq!(url_of(&answer.response), url.as_deref());
        prop_assert_eq!(answer.response.progress, progress);
        prop_assert_eq!(answer.response.failure_message, message);
        prop_assert_eq!(answer.request_id, id);
    }
}
