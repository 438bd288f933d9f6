//! What each member of an answer is read as.

use serde_json::json;
use tcss_export::actions::ExportStatus;

use crate::reading::{GOOD, members, read_ok, unknown, url_of};

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
    let body = r#"{"Response":{"ExportStatus":"PENDING","ExportProgress":5,"RequestId":"r-3"}}"#;
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
    let odd = ["null", "true", "0", "-1.5e3", r#""""#, "[]", r#"["x",{}]"#, "{}", r#"{"x":[1]}"#];
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
