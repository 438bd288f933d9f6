//! Actions that a user adds, with required members.

use serde::Deserialize;
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

#[test]
fn an_answer_without_members_is_read() {
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
