//! Errors that the service names.

use tcss_export::{
    actions::ExportStatus,
    error::{Advice, ResponseError, ResponseErrorKind as Kind},
};

use crate::{
    common::{Read, read},
    reading::read_ok,
};

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
    for status in [100, 200, 204, 299, 300, 302, 304, 400, 401, 403, 404, 429, 500, 502, 503, 599] {
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
    assert_eq!(error.code().map(tcss_export::error::ErrorCode::as_str), Some(""));
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
