//! Errors that the service reports with a code.

use tcss_export::{
    actions::ExportStatus,
    error::{Advice, ResponseError, ResponseErrorKind as Kind},
};

use crate::{
    common::{Read, read},
    read_ok,
};

#[track_caller]
/// Asserts that the service reported this code and message.
fn api_error(read: Read, code: &str, message: &str) -> ResponseError {
    let error = read.unwrap_err();
    let api = error.api_error().expect("an API error");
    assert_eq!((api.code.as_str(), &*api.message), (code, message));
    error
}

const REFUSAL: &str =
    r#"{"Response":{"Error":{"Code":"InvalidParameter","Message":"m"},"RequestId":"r-5"}}"#;

#[test]
fn an_api_error_counts_whatever_the_status() {
    for status in [100, 200, 204, 299, 300, 302, 304, 400, 401, 403, 404, 429, 500, 502, 503, 599] {
        let error = api_error(read(status, &[], REFUSAL), "InvalidParameter", "m");
        assert_eq!(error.status().as_u16(), status);
        assert_eq!(error.request_id(), Some("r-5"), "{status}");
    }
}

/// By the descriptions of the codes in the service's documentation.
#[test]
fn only_a_refusal_rules_out_that_the_service_has_acted() {
    for (code, may_have_acted, is_transient) in [
        ("InternalError", true, true),
        ("InternalError.ErrRoleNotExist", false, false),
        ("FailedOperation", true, false),
        ("InvalidParameter", false, false),
        ("InvalidParameter.RequestTimeout", true, true),
        ("AuthFailure.SignatureFailure", false, false),
        ("RequestLimitExceeded", false, true),
    ] {
        let error = read_ok(REFUSAL.replace("InvalidParameter", code)).unwrap_err();
        let found = (error.may_have_acted(), error.is_transient());
        assert_eq!(found, (may_have_acted, is_transient), "{code}");
    }
    assert!(read(502, &[], "<html>").unwrap_err().may_have_acted());
}

#[test]
fn an_old_flat_error_takes_its_code_from_code_desc() {
    api_error(
        read_ok(r#"{"code":4100,"message":"m","codeDesc":"AuthFailure"}"#),
        "AuthFailure",
        "m",
    );
}

#[test]
fn an_old_flat_error_without_code_desc_takes_its_number_as_its_code() {
    api_error(read_ok(r#"{"code":4100,"message":"m"}"#), "4100", "m");
    api_error(read_ok(r#"{"code":-1,"message":"m","codeDesc":null}"#), "-1", "m");
    api_error(read_ok(r#"{"code":4100,"codeDesc":""}"#), "4100", "");
    api_error(read_ok(r#"{"code":4100,"message":"m","codeDesc":"A","codeDesc":"B"}"#), "4100", "m");
}

#[test]
fn the_code_of_an_old_flat_error_may_be_text() {
    api_error(read_ok(r#"{"code":"InvalidParameter","message":"m"}"#), "InvalidParameter", "m");
}

#[test]
fn an_old_flat_code_of_zero_is_neither_an_api_error_nor_a_result() {
    for body in [r#"{"code":0,"message":"ok"}"#, r#"{"code":"0","codeDesc":"Success"}"#] {
        assert_eq!(*read_ok(body).unwrap_err().kind(), Kind::Unexpected, "{body}");
    }
}

#[test]
fn an_old_flat_code_of_another_type_is_neither_an_api_error_nor_a_result() {
    for code in ["null", "true", "[1]", "{}", r#""""#] {
        let body = format!(r#"{{"code":{code},"message":"m","codeDesc":"AuthFailure"}}"#);
        assert_eq!(*read_ok(&body).unwrap_err().kind(), Kind::Unexpected, "{body}");
    }
}

#[test]
fn a_null_error_counts_as_absent() {
    let answer = read_ok(r#"{"Response":{"Error":null,"ExportStatus":"RUNNING"}}"#).unwrap();
    assert_eq!(answer.response.status, ExportStatus::Running);
}

#[test]
fn an_error_beside_a_success_status_is_an_error() {
    let body = r#"{"Response":{"ExportStatus":"SUCCESS","DownloadURL":"https://h.example/a","Error":{"Code":"InternalError","Message":"m"}}}"#;
    api_error(read_ok(body), "InternalError", "m");
}

/// Any value of `Error` except null makes the answer an error, never a success.
#[test]
fn an_error_member_of_another_type_is_an_error_without_a_code() {
    for json in ["true", "false", "0", r#""text""#, "[]", r#"["InternalError","m"]"#] {
        let body = format!(r#"{{"Response":{{"Error":{json},"ExportStatus":"SUCCESS"}}}}"#);
        let error = api_error(read_ok(&body), "", json);
        assert_eq!(error.advice(), Advice::Stop, "{body}");
    }
}

#[test]
fn a_code_of_another_type_reads_as_an_empty_code() {
    for code in ["null", "1", "true", "[]", "{}", r#""""#] {
        let body = format!(r#"{{"Response":{{"Error":{{"Code":{code},"Message":"m"}}}}}}"#);
        api_error(read_ok(&body), "", "m");
    }
}

#[test]
fn a_message_of_another_type_leaves_the_code_readable() {
    for message in ["null", "1", "true", "[]", "{}", r#""""#] {
        let error = format!(r#"{{"Code":"InternalError","Message":{message}}}"#);
        let body = format!(r#"{{"Response":{{"Error":{error}}}}}"#);
        let error = read_ok(&body).unwrap_err();
        let api = error.api_error().expect("an API error");
        assert_eq!(api.code.as_str(), "InternalError", "{body}");
    }
}

#[test]
fn a_repeated_message_leaves_the_code_readable() {
    let error = r#"{"Message":"a","Code":"InternalError","Message":"b"}"#;
    let error = read_ok(format!(r#"{{"Response":{{"Error":{error}}}}}"#)).unwrap_err();
    assert_eq!(error.code().map(tcss_export::error::ErrorCode::as_str), Some("InternalError"));
}

#[test]
fn a_repeated_code_reads_as_an_empty_code() {
    let error = r#"{"Code":"InternalError","Code":"AuthFailure","Message":"m"}"#;
    api_error(read_ok(format!(r#"{{"Response":{{"Error":{error}}}}}"#)), "", "m");
}

#[test]
fn an_error_nested_100000_levels_deep_is_an_error_without_a_code() {
    let deep = ["[".repeat(100_000), "]".repeat(100_000)].concat();
    let error = read_ok(format!(r#"{{"Response":{{"Error":{deep}}}}}"#)).unwrap_err();
    assert_eq!(error.code().map(tcss_export::error::ErrorCode::as_str), Some(""));
    assert!(error.to_string().len() < 300);
}

#[test]
fn the_family_of_a_code_is_the_text_before_the_first_dot() {
    let body = r#"{"Response":{"Error":{"Code":"A.B.C","Message":"m"}}}"#;
    let error = read_ok(body).unwrap_err();
    let code = error.code().unwrap();
    assert_eq!((code.as_str(), code.family()), ("A.B.C", "A"));
}

#[test]
fn the_text_of_an_error_has_code_message_status_and_request_id() {
    assert_eq!(
        read(400, &[], REFUSAL).unwrap_err().to_string(),
        "the service answered InvalidParameter: m (HTTP status 400, request id r-5)"
    );
}

#[test]
fn the_text_of_an_error_says_that_it_has_no_request_id() {
    let body = r#"{"Response":{"Error":{"Code":"InternalError","Message":"m"}}}"#;
    assert_eq!(
        read_ok(body).unwrap_err().to_string(),
        "the service answered InternalError: m (HTTP status 200, no request id)"
    );
}

#[test]
fn the_text_of_an_error_has_no_control_characters() {
    let body = r#"{"Response":{"Error":{"Code":"A\u001b[2J","Message":"m\nforged line"}}}"#;
    let text = read_ok(body).unwrap_err().to_string();
    assert!(!text.contains(char::is_control), "{text:?}");
}
