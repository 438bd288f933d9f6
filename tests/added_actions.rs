//! An action of a user's own over ureq, against a service that checks its signature.
#![cfg(feature = "ureq")]

use serde::{Deserialize, Serialize};
use serde_json::json;
use tcss_export::{Credentials, Session, actions::Action, error::SendError, ureq::Client};
use tcss_export_testkit::{EXAMPLE_SECRET_ID, EXAMPLE_SECRET_KEY, SeenAnswer, Service};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct DescribeAssetSummary {
    group: &'static str,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "PascalCase")]
struct DescribeAssetSummaryResponse {
    group: String,
    host_cnt: u64,
}

impl Action for DescribeAssetSummary {
    const SERVICE: &'static str = "tcss";
    const VERSION: &'static str = "2020-11-01";
    const NAME: &'static str = "DescribeAssetSummary";
    type Response = DescribeAssetSummaryResponse;
}

const ACTION: DescribeAssetSummary = DescribeAssetSummary { group: "\u{7ec4} 1" };

/// Answers with the group of the request.
fn service() -> Service {
    let builder = Service::builder().action(DescribeAssetSummary::NAME, |request| {
        let parameters: serde_json::Value = serde_json::from_slice(request.body()).unwrap();
        json!({ "Group": parameters["Group"], "HostCnt": 3 })
    });
    builder.start().unwrap()
}

fn client(service: &Service, secret_key: &str) -> Client {
    let session = Session::new(service.url().parse().unwrap());
    Client::new(session, Credentials::new(EXAMPLE_SECRET_ID, secret_key).unwrap())
}

#[test]
fn an_action_of_a_user_is_signed_sent_and_read() {
    let service = service();
    let answer = client(&service, EXAMPLE_SECRET_KEY).send(&ACTION).unwrap();
    let expected = DescribeAssetSummaryResponse { group: ACTION.group.to_owned(), host_cnt: 3 };
    assert_eq!(answer.response, expected);
    assert!(answer.request_id.is_some());
    assert_eq!(service.seen()[0].answer, SeenAnswer::Added);
}

#[test]
fn with_a_wrong_key_it_is_refused() {
    let service = service();
    let error = client(&service, "EXAMPLEOTHERKEY").send(&ACTION).unwrap_err();
    let SendError::Answer(error) = error else { panic!("{error:?}") };
    assert_eq!(error.code().map(|code| code.as_str()), Some("AuthFailure.SignatureFailure"));
    let code = "AuthFailure.SignatureFailure".to_owned();
    assert_eq!(service.seen()[0].answer, SeenAnswer::Refused { code });
}
