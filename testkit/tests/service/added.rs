//! Actions that a test adds.

use crate::support::{Call, send, service};
use serde_json::json;
use tcss_export_testkit::{SeenAnswer, Service};

const NAME: &str = "CreateVulExportJob";

/// Answers with the parameter and the version of the request.
fn adding(name: &str) -> Service {
    let builder = service().action(name, |request| {
        let parameters: serde_json::Value = serde_json::from_slice(request.body()).expect("JSON");
        let version = request.headers()["x-tc-version"].to_str().expect("text");
        json!({ "Seen": parameters["ImageID"], "Version": version })
    });
    builder.start().expect("a service")
}

fn call() -> Call {
    Call::action(NAME, r#"{"ImageID":"sha256:EXAMPLE"}"#)
}

#[test]
fn an_added_action_is_answered_by_its_function() {
    let service = adding(NAME);
    let expected = json!({
        "Seen": "sha256:EXAMPLE", "Version": "2020-11-01",
        "RequestId": "00000000-7e57-4000-8000-000000000000",
    });
    assert_eq!(send(&service, call()).json(), expected);
    let seen = &service.seen()[0];
    assert_eq!((seen.action.as_deref(), &seen.answer), (Some(NAME), &SeenAnswer::Added));
}

#[test]
fn the_function_gets_only_requests_that_pass_the_checks() {
    let service = service().action(NAME, |_| panic!("called")).start().expect("a service");
    for (call, code) in [
        (Call { key: "EXAMPLEOTHERKEY", ..call() }, "AuthFailure.SignatureFailure"),
        (Call { timestamp: 1, date: "1970-01-01", ..call() }, "AuthFailure.SignatureExpire"),
        (call().replace("X-TC-Version", "2018-05-16"), "NoSuchVersion"),
        (Call::action(NAME, "[]"), "InvalidParameter"),
        (Call::action("CreateVulExportJobs", "{}"), "InvalidAction"),
    ] {
        assert_eq!(send(&service, call).code(), code);
    }
}

#[test]
fn the_function_may_refuse() {
    let refusal = json!({ "Error": { "Code": "LimitExceeded", "Message": "made up" } });
    let builder = service().action(NAME, move |_| refusal.clone());
    assert_eq!(send(&builder.start().expect("a service"), call()).code(), "LimitExceeded");
}

#[test]
fn an_added_action_replaces_a_known_one() {
    let service = adding("DescribeExportJobManageList");
    let call = Call::action("DescribeExportJobManageList", r#"{"ImageID":"a"}"#);
    assert_eq!(send(&service, call).json()["Seen"], "a");
}

#[test]
fn an_answer_that_is_no_object_is_sent_as_it_is() {
    let service = service().action(NAME, |_| json!(7)).start().expect("a service");
    assert_eq!(send(&service, call()).body, r#"{"Response":7}"#);
}
