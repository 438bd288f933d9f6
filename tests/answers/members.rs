//! How each member of an answer is read.

use serde_json::json;
use tcss_export::{actions::ExportStatus, error::ResponseErrorKind as Kind};

use crate::{GOOD, members, read_ok, unknown_status, url_of};

#[test]
fn null_members_read_like_absent_ones() {
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

// As in the service's own example, a text in FailureMsg does not make it a failure.
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
fn a_status_with_escapes_is_known() {
    assert_eq!(members(r#""ExportStatus":"\u0053UCCESS""#).status, ExportStatus::Success);
}

#[test]
fn a_member_name_with_escapes_is_known() {
    assert_eq!(members(r#""\u0045xportStatus":"SUCCESS""#).status, ExportStatus::Success);
}

#[test]
fn an_unknown_status_keeps_its_text_and_the_other_members() {
    let body = r#"{"Response":{"ExportStatus":"PENDING","ExportProgress":5,"RequestId":"r-3"}}"#;
    let answer = read_ok(body).unwrap();
    assert_eq!(answer.response.status, unknown_status("PENDING"));
    assert_eq!(answer.response.status.as_str(), "PENDING");
    assert_eq!(answer.response.progress, Some(5.0));
    assert_eq!(answer.request_id.as_deref(), Some("r-3"));
}

#[test]
fn a_status_is_matched_by_its_exact_spelling() {
    assert_eq!(members(r#""ExportStatus":"success""#).status, unknown_status("success"));
    assert_eq!(members(r#""ExportStatus":" SUCCESS""#).status, unknown_status(" SUCCESS"));
}

#[test]
fn unknown_members_are_ignored() {
    let body = r#"{"Response":{"ExportStatus":"RUNNING","New":{"x":[1]},"RequestId":"r-4"},"retcode":0,"retmsg":"ok"}"#;
    let answer = read_ok(body).unwrap();
    assert_eq!(answer.response.status, ExportStatus::Running);
    assert_eq!(answer.request_id.as_deref(), Some("r-4"));
}

#[test]
fn a_deprecation_warning_is_ignored() {
    let response = members(r#""DeprecatedWarning":"old","ExportStatus":"RUNNING""#);
    assert_eq!(response.status, ExportStatus::Running);
}

#[test]
fn json_escapes_in_a_url_are_decoded() {
    let response = members(r#""DownloadURL":"https:\/\/h.example\/a?x=1\u0026y=2""#);
    assert_eq!(url_of(&response), Some("https://h.example/a?x=1&y=2"));
}

/// One test for each spelling of the progress. An unreadable one never hides the status.
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

progress! {
    whole_number: "100" => Some(100.0);
    number_with_a_point: "99.9" => Some(99.9);
    text_with_a_number: r#""33.3""# => Some(33.3);
    number_with_an_exponent: "1e2" => Some(100.0);
    empty_text: r#""""# => None;
    null: "null" => None;
    object: "{}" => None;
    number_out_of_range: "1e999" => None;
    text_out_of_range: r#""1e999""# => None;
    not_a_number: r#""NaN""# => None;
    infinity: r#""inf""# => None;
    minus_infinity: r#""-infinity""# => None;
    text_without_a_number: r#""half""# => None;
    boolean: "true" => None;
    array: "[50]" => None;
    nested_nonsense: r#"{"a":[{"b":[1e999,"\ud83d"]}]}"# => None;
    number_of_400_digits: "1111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111" => None;
}

#[test]
fn a_member_of_another_type_reads_as_none_and_hides_no_other() {
    let good = json!({
        "ExportStatus": "SUCCESS",
        "DownloadURL": "https://h.example/a",
        "ExportProgress": 50,
        "FailureMsg": "m",
        "RequestId": "r-1",
    });
    let mistyped =
        ["null", "true", "0", "-1.5e3", r#""""#, "[]", r#"["x",{}]"#, "{}", r#"{"x":[1]}"#];
    for name in ["ExportStatus", "DownloadURL", "ExportProgress", "FailureMsg", "RequestId"] {
        for value in mistyped {
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
fn a_status_that_is_not_text_is_unknown_and_keeps_its_json() {
    assert_eq!(members(r#""ExportStatus":{"a":[1, 2]}"#).status, unknown_status(r#"{"a":[1, 2]}"#));
    assert_eq!(members(r#""ExportStatus":0"#).status, unknown_status("0"));
    assert_eq!(members(r#""ExportStatus":["SUCCESS"]"#).status, unknown_status(r#"["SUCCESS"]"#));
}

#[test]
fn a_null_absent_or_empty_status_is_unknown_with_empty_text() {
    for json in [r#""ExportStatus":null"#, r#""ExportStatus":"""#, ""] {
        assert_eq!(members(json).status, unknown_status(""), "{json}");
    }
}

#[test]
fn half_a_surrogate_pair_hides_no_other_member() {
    for half in [r"\ud83d", r"\udca9", r"\ud83d\ud83d"] {
        let response = members(&format!(r#""FailureMsg":"cut {half}","ExportStatus":"FAILURE""#));
        let message = response.failure_message.expect("a message");
        assert!(message.starts_with("cut \u{fffd}"), "{message}");
        assert_eq!(response.status, ExportStatus::Failure);
    }
}

#[test]
fn half_a_surrogate_pair_in_a_name_hides_no_other_member() {
    let body = r#"{"\ud83d":1,"Response":{"\udca9":2,"ExportStatus":"FAILURE"}}"#;
    assert_eq!(read_ok(body).unwrap().response.status, ExportStatus::Failure);
}

#[test]
fn nesting_100000_levels_deep_hides_no_other_member() {
    let deep = ["[".repeat(100_000), "]".repeat(100_000)].concat();
    for name in ["DownloadURL", "ExportProgress", "FailureMsg", "RequestId", "New"] {
        let response = members(&format!(r#""{name}":{deep},"ExportStatus":"SUCCESS""#));
        assert_eq!(response.status, ExportStatus::Success, "{name}");
    }
}

/// One test for each repeated member that makes the whole answer unusable.
macro_rules! repeated {
    ($($name:ident: $members:literal;)*) => {$(
        #[test]
        fn $name() {
            let body = concat!(r#"{"Response":{"#, $members, "}}");
            assert_eq!(*read_ok(body).unwrap_err().kind(), Kind::Unexpected);
        }
    )*};
}

repeated! {
    repeated_status: r#""ExportStatus":"RUNNING","ExportStatus":"SUCCESS""#;
    status_and_then_null: r#""ExportStatus":"SUCCESS","ExportStatus":null"#;
    repeated_error: r#""Error":{"Code":"A","Message":"m"},"Error":{"Code":"B","Message":"m"}"#;
    error_and_then_null: r#""Error":{"Code":"A","Message":"m"},"Error":null,"ExportStatus":"SUCCESS""#;
    null_and_then_error: r#""Error":null,"Error":{"Code":"A","Message":"m"}"#;
    repeated_status_with_escapes: r#""ExportStatus":"RUNNING","\u0045xportStatus":"SUCCESS""#;
}

#[test]
fn a_repeated_optional_member_is_none_and_others_are_read() {
    for repeated in [
        r#""DownloadURL":"a","DownloadURL":"b""#,
        r#""DownloadURL":"a","DownloadURL":null"#,
        r#""ExportProgress":1,"ExportProgress":null"#,
        r#""FailureMsg":"a","FailureMsg":"a""#,
        r#""FailureMsg":"a","\u0046ailureMsg":"b","FailureMsg":"c""#,
        r#""RequestId":"r-1","RequestId":"r-2""#,
    ] {
        let body = format!(r#"{{"Response":{{{repeated},"ExportStatus":"SUCCESS"}}}}"#);
        let answer = read_ok(body).unwrap();
        assert_eq!(answer.response.status, ExportStatus::Success, "{repeated}");
        assert_eq!(answer.response.download_url, None, "{repeated}");
        assert_eq!(answer.response.progress, None, "{repeated}");
        assert_eq!(answer.response.failure_message, None, "{repeated}");
        assert_eq!(answer.request_id, None, "{repeated}");
    }
}

#[test]
fn a_repeated_response_object_is_unusable() {
    let body = r#"{"Response":{"ExportStatus":"RUNNING"},"Response":{"ExportStatus":"SUCCESS"}}"#;
    assert_eq!(*read_ok(body).unwrap_err().kind(), Kind::Unexpected);
}

#[test]
fn repeated_unknown_members_do_not_matter() {
    let body = r#"{"a":1,"Response":{"New":1,"New":2,"ExportStatus":"RUNNING"},"a":2}"#;
    assert_eq!(read_ok(body).unwrap().response.status, ExportStatus::Running);
}

#[test]
fn a_status_is_shown_as_the_service_names_it() {
    assert_eq!(ExportStatus::Running.to_string(), "RUNNING");
}
