//! Actions that a user adds, with required members.

use std::{collections::BTreeMap, marker::PhantomData};

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tcss_export::{
    actions::{Action, Answer},
    core::read_answer,
    error::{ResponseError, ResponseErrorKind as Kind},
};

use crate::common::response;

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
fn an_api_error_is_reported_even_if_required_members_are_missing() {
    let body = r#"{"Response":{"Error":{"Code":"InternalError","Message":"m"},"RequestId":"r-2"}}"#;
    let error = read_summary(body).unwrap_err();
    assert_eq!(error.code().map(tcss_export::error::ErrorCode::as_str), Some("InternalError"));
    assert_eq!(error.request_id(), Some("r-2"));
}

#[test]
fn an_api_error_is_reported_even_if_a_member_before_it_is_mistyped() {
    let body = r#"{"Response":{"HostCnt":"x","Error":{"Code":"InternalError","Message":"m"}}}"#;
    let error = read_summary(body).unwrap_err();
    assert_eq!(error.code().map(tcss_export::error::ErrorCode::as_str), Some("InternalError"));
}

#[test]
fn missing_and_mistyped_members_are_unexpected_and_keep_the_request_id() {
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
fn a_cut_answer_is_truncated_even_if_a_required_member_is_missing() {
    let body = r#"{"Response":{"HostCnt":3,"App"#;
    assert_eq!(*read_summary(body).unwrap_err().kind(), Kind::Truncated);
}

/// An action whose response is of any type.
#[derive(serde::Serialize)]
struct Any<R>(PhantomData<R>);

impl<R: DeserializeOwned> Action for Any<R> {
    const SERVICE: &'static str = "tcss";
    const VERSION: &'static str = "2020-11-01";
    const NAME: &'static str = "Any";
    type Response = R;
}

/// Reads these members, with a request id before, between or after them.
fn read_members<R: DeserializeOwned>(members: &[&str]) -> Vec<Result<R, Kind>> {
    let read = |at| {
        let mut members = members.to_vec();
        members.insert(at, r#""Request\u0049d" : "r-1""#);
        let body = format!(r#"{{"Response":{{ {} }}}}"#, members.join(" , "));
        match read_answer::<Any<R>>(&response(200, &[], body)) {
            Ok(answer) => {
                assert_eq!(answer.request_id.as_deref(), Some("r-1"));
                Ok(answer.response)
            }
            Err(error) => Err(error.kind().clone()),
        }
    };
    (0..=members.len()).map(read).collect()
}

#[track_caller]
fn assert_reads<R: DeserializeOwned + PartialEq + std::fmt::Debug>(members: &[&str], expected: R) {
    let expected = Ok(expected);
    for read in read_members::<R>(members) {
        assert_eq!(read, expected);
    }
}

#[test]
fn a_type_may_be_of_any_kind_that_reads_objects() {
    #[derive(Debug, Deserialize, PartialEq)]
    struct Wrapper(BTreeMap<String, u64>);

    #[derive(Debug, Deserialize, PartialEq)]
    struct Flat {
        a: u64,
        #[serde(flatten)]
        others: BTreeMap<String, Value>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(tag = "type")]
    enum Tagged {
        Text { text: String },
    }

    #[derive(Debug, Deserialize, PartialEq)]
    enum Variants {
        Number(u64),
    }

    let members = [r#""a":1"#, r#""b":2"#];
    let map = BTreeMap::from([("a".to_owned(), 1), ("b".to_owned(), 2)]);
    assert_reads(&members, map.clone());
    assert_reads(&members, Some(map.clone()));
    assert_reads(&members, Wrapper(map));
    assert_reads(&members, json!({ "a": 1, "b": 2 }));
    assert_reads(&members, Flat { a: 1, others: [("b".to_owned(), json!(2))].into() });
    assert_reads(&[r#""7":true"#], BTreeMap::from([(7, true)]));
    assert_reads(&[r#""text":"b""#, r#""type":"Text""#], Tagged::Text { text: "b".into() });
    assert_reads(&[r#""Number":3"#], Variants::Number(3));
    for read in read_members::<Variants>(&[r#""Number":3"#, r#""Number":4"#]) {
        assert_eq!(read, Err(Kind::Unexpected));
    }
}

#[test]
fn an_answer_without_members_is_read() {
    #[derive(Debug, Deserialize, PartialEq)]
    struct Empty {}

    assert_reads(&[], Empty {});
}

#[test]
fn a_number_is_never_read_in_part() {
    for number in ["1e3", "1.5", "1E+3"] {
        let member = format!(r#""a":{number}"#);
        for read in read_members::<BTreeMap<String, u64>>(&[&member]) {
            assert_eq!(read, Err(Kind::Unexpected), "{number}");
        }
        for read in read_members::<BTreeMap<String, i128>>(&[&member]) {
            assert_eq!(read, Err(Kind::Unexpected), "{number}");
        }
    }
}
