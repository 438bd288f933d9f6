//! Any bytes are read without a panic, and never as a success that they are not.

use proptest::prelude::*;
use serde_json::{Value, json};
use tcss_export::{
    actions::ExportStatus,
    core::read_answer,
    error::{ErrorCode, ResponseErrorKind as Kind},
};

use crate::{read_ok, url_of};

/// Any headers, mostly those that the reader looks at.
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

/// JSON of known members, each of any type, and of some unknown ones.
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

/// Any bytes but quotes and backslashes, or characters of two bytes as in GBK, whose second byte
/// may be a backslash.
fn text_in_any_encoding() -> impl Strategy<Value = Vec<u8>> {
    let byte = any::<u8>().prop_filter("a quote or a backslash", |b| !b"\"\\".contains(b));
    let bytes = proptest::collection::vec(byte, 0..20);
    let second = prop_oneof![Just(b'\\'), 0x40u8..=0x7e, 0x80u8..=0xfe];
    let pairs = proptest::collection::vec((0x81u8..=0xfe, second), 0..10);
    let pairs = pairs.prop_map(|pairs| pairs.iter().flat_map(|pair| [pair.0, pair.1]).collect());
    prop_oneof![bytes, pairs]
}

/// Whether an answer may count as a success, by a second reading.
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
        match read_answer::<tcss_export::actions::DescribeExportJobResult>(&response) {
            Ok(answer) => prop_assert!(response.status().is_success(), "{answer:?}"),
            Err(error) => {
                prop_assert_eq!(error.status(), response.status());
                prop_assert!(!error.to_string().contains(char::is_control));
            }
        }
    }

    #[test]
    fn any_json_is_a_success_only_if_its_status_says_so(json in any_json()) {
        let success = read_ok(json.to_string()).is_ok_and(|a| a.response.status == ExportStatus::Success);
        prop_assert_eq!(success, is_success(&json));
    }

    #[test]
    fn the_order_of_members_does_not_matter(order in Just([0usize, 1, 2, 3, 4, 5]).prop_shuffle()) {
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
    fn mistyped_members_never_make_a_wrong_success(
        mistyped in proptest::collection::vec(any_json(), 5), which: [bool; 5],
    ) {
        let names = ["ExportStatus", "DownloadURL", "ExportProgress", "FailureMsg", "Error"];
        let mut json = json!({ "Response": { "ExportStatus": "SUCCESS", "DownloadURL": "u" } });
        for ((name, value), _) in names.iter().zip(mistyped).zip(which).filter(|(_, change)| *change) {
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
    fn a_serialised_answer_reads_back(
        status in "RUNNING|SUCCESS|FAILURE|[^\u{fffd}]{0,12}",
        url in prop::option::of("[^\u{fffd}]{1,20}"),
        progress in prop::option::of(-1e300f64..1e300),
        message in prop::option::of("(?s).{1,20}"),
        id in prop::option::of("[^\u{fffd}]{1,20}"),
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
    #[test]
    fn no_byte_of_a_message_changes_another_member(message in text_in_any_encoding()) {
        let around = |head: &str, tail: &str| [head.as_bytes(), &message, tail.as_bytes()].concat();
        let head = r#"{"Response":{"FailureMsg":""#;
        let answer = read_ok(around(head, r#"","ExportStatus":"FAILURE","RequestId":"r-1"}}"#));
        let answer = answer.unwrap();
        prop_assert_eq!(answer.response.status, ExportStatus::Failure);
        prop_assert_eq!(answer.request_id.as_deref(), Some("r-1"));

        let head = r#"{"Response":{"Error":{"Message":""#;
        let error = read_ok(around(head, r#"","Code":"AuthFailure"},"RequestId":"r-1"}}"#));
        let error = error.unwrap_err();
        prop_assert_eq!(error.code().map(ErrorCode::as_str), Some("AuthFailure"));
        prop_assert_eq!(error.request_id(), Some("r-1"));
    }
}
