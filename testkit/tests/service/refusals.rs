//! Every check of the service, one request each.

use std::time::Duration;

use crate::support::{Call, KEY, NOW, send, service};
use tcss_export_testkit::{EXAMPLE_SECRET_ID, EXAMPLE_SECRET_KEY, SeenAnswer, Service};

#[track_caller]
fn refused(call: Call, code: &str) {
    let service = service().start().expect("a service");
    assert_eq!(send(&service, call).code(), code);
    assert_eq!(service.seen()[0].answer, SeenAnswer::Refused { code: code.to_owned() });
}

#[track_caller]
fn accepted(call: Call) {
    let service = service().start().expect("a service");
    assert_eq!(send(&service, call).code(), "no error");
}

#[test]
fn a_signed_call_is_accepted() {
    accepted(Call::job("job-1"));
}

#[test]
fn a_signature_over_content_type_and_host_is_accepted() {
    accepted(Call { signed_headers: "content-type;host", ..Call::job("job-1") });
}

#[test]
fn an_unsigned_payload_with_its_header_is_accepted() {
    let call = Call { payload: Some("UNSIGNED-PAYLOAD"), ..Call::job("job-1") };
    accepted(call.with("X-TC-Content-SHA256", "UNSIGNED-PAYLOAD"));
}

#[test]
fn an_unsigned_payload_without_its_header_is_refused() {
    let call = Call { payload: Some("UNSIGNED-PAYLOAD"), ..Call::job("job-1") };
    refused(call, "AuthFailure.SignatureFailure");
}

#[test]
fn a_body_over_10_mb_is_refused() {
    let body = " ".repeat(10 * 1024 * 1024 + 1);
    refused(Call { body, ..Call::job("job-1") }, "RequestSizeLimitExceeded");
}

#[test]
fn a_body_of_10_mb_is_accepted() {
    let job = Call::job("job-1").body;
    let body = format!("{job}{}", " ".repeat(10 * 1024 * 1024 - job.len()));
    accepted(Call { body, ..Call::job("job-1") });
}

#[test]
fn a_method_other_than_post_is_refused() {
    refused(Call { method: "PUT", ..Call::job("job-1") }, "UnsupportedProtocol");
}

#[test]
fn a_get_has_no_parameters_in_its_body() {
    refused(Call { method: "GET", ..Call::job("job-1") }, "MissingParameter");
}

#[test]
fn another_path_is_refused() {
    refused(Call { target: "/v2", ..Call::job("job-1") }, "InvalidParameter");
}

#[test]
fn an_unsigned_query_is_refused() {
    refused(Call { target: "/?a=b", ..Call::job("job-1") }, "AuthFailure.SignatureFailure");
}

#[test]
fn a_missing_host_is_refused() {
    refused(Call::job("job-1").without("Host"), "MissingParameter");
}

#[test]
fn a_missing_content_type_is_refused() {
    refused(Call::job("job-1").without("Content-Type"), "MissingParameter");
}

#[test]
fn a_missing_action_is_refused() {
    refused(Call::job("job-1").without("X-TC-Action"), "MissingParameter");
}

#[test]
fn a_missing_version_is_refused() {
    refused(Call::job("job-1").without("X-TC-Version"), "MissingParameter");
}

#[test]
fn a_missing_timestamp_is_refused() {
    refused(Call::job("job-1").without("X-TC-Timestamp"), "MissingParameter");
}

#[test]
fn a_second_content_type_is_refused() {
    refused(Call::job("job-1").with("Content-Type", "application/json"), "InvalidParameter");
}

#[test]
fn a_second_host_is_refused() {
    refused(Call::job("job-1").with("Host", "127.0.0.1"), "InvalidParameter");
}

#[test]
fn a_missing_authorization_is_refused() {
    let code = "AuthFailure.InvalidAuthorization";
    refused(Call::job("job-1").without("Authorization"), code);
}

#[test]
fn an_authorization_of_another_form_is_refused() {
    let code = "AuthFailure.InvalidAuthorization";
    refused(Call::job("job-1").replace("Authorization", "Bearer EXAMPLE"), code);
}

#[test]
fn a_timestamp_with_a_sign_is_refused() {
    refused(Call::job("job-1").replace("X-TC-Timestamp", "+17"), "InvalidParameter");
}

#[test]
fn the_local_date_of_another_zone_is_refused() {
    refused(Call { date: "2023-11-15", ..Call::job("job-1") }, "AuthFailure.SignatureFailure");
}

#[test]
fn another_service_is_refused() {
    refused(Call { service: "cvm", ..Call::job("job-1") }, "AuthFailure.SignatureFailure");
}

#[test]
fn signed_headers_without_content_type_are_refused() {
    let code = "AuthFailure.InvalidAuthorization";
    refused(Call { signed_headers: "host", ..Call::job("job-1") }, code);
}

#[test]
fn further_signed_headers_are_accepted() {
    let signed_headers = "content-type;host;x-tc-action;x-tc-timestamp;x-tc-version";
    accepted(Call { signed_headers, ..Call::job("job-1") });
}

#[test]
fn a_further_signed_header_that_changes_is_refused() {
    let signed_headers = "content-type;host;x-tc-version";
    let call = Call { signed_headers, ..Call::job("job-1") };
    refused(call.replace("X-TC-Version", "2018-05-16"), "AuthFailure.SignatureFailure");
}

#[test]
fn commas_without_blanks_are_accepted() {
    let call = Call::job("job-1");
    let value = call.authorization().replace(", ", ",");
    accepted(call.replace("Authorization", &value));
}

#[test]
fn an_unknown_secret_id_is_refused() {
    let code = "AuthFailure.SecretIdNotFound";
    refused(Call { id: "AKIDEXAMPLE2", ..Call::job("job-1") }, code);
}

#[test]
fn a_timestamp_301_s_behind_is_refused() {
    let code = "AuthFailure.SignatureExpire";
    refused(Call { timestamp: NOW - 301, ..Call::job("job-1") }, code);
}

#[test]
fn a_timestamp_301_s_ahead_is_refused() {
    let code = "AuthFailure.SignatureExpire";
    refused(Call { timestamp: NOW + 301, ..Call::job("job-1") }, code);
}

#[test]
fn a_timestamp_300_s_off_is_accepted() {
    accepted(Call { timestamp: NOW - 300, ..Call::job("job-1") });
}

#[test]
fn a_wrong_key_is_refused() {
    refused(Call { key: "EXAMPLEKEY2", ..Call::job("job-1") }, "AuthFailure.SignatureFailure");
}

#[test]
fn another_action_than_the_signed_one_is_refused() {
    let call = Call::job("job-1").replace("X-TC-Action", "CreateExportComplianceStatusListJob");
    refused(call, "AuthFailure.SignatureFailure");
}

#[test]
fn an_unknown_action_is_refused() {
    let call = Call { signed_headers: "content-type;host", ..Call::job("job-1") };
    refused(call.replace("X-TC-Action", "DescribeExportJob"), "InvalidAction");
}

#[test]
fn another_version_is_refused() {
    refused(Call::job("job-1").replace("X-TC-Version", "2017-03-12"), "NoSuchVersion");
}

#[test]
fn a_body_without_a_job_id_is_refused() {
    refused(Call { body: "{}".to_owned(), ..Call::job("job-1") }, "MissingParameter");
}

#[test]
fn a_body_without_json_is_refused() {
    refused(Call { body: "JobId=1".to_owned(), ..Call::job("job-1") }, "InvalidParameter");
}

#[test]
fn an_empty_job_id_is_refused() {
    refused(Call::job(""), "InvalidParameter");
}

#[test]
fn an_unknown_parameter_is_refused() {
    let body = r#"{"JobId":"1","Region":"x"}"#.to_owned();
    refused(Call { body, ..Call::job("job-1") }, "UnknownParameter");
}

#[test]
fn a_missing_token_is_refused() {
    let service = service().token("EXAMPLETOKEN").start().expect("a service");
    assert_eq!(send(&service, Call::job("job-1")).code(), "AuthFailure.TokenFailure");
}

#[test]
fn another_token_is_refused() {
    let service = service().token("EXAMPLETOKEN").start().expect("a service");
    let answer = send(&service, Call::job("job-1").with("X-TC-Token", "EXAMPLETOKEN2"));
    assert_eq!(answer.code(), "AuthFailure.TokenFailure");
}

#[test]
fn the_required_token_is_accepted() {
    let service = service().token("EXAMPLETOKEN").start().expect("a service");
    let answer = send(&service, Call::job("job-1").with("X-TC-Token", "EXAMPLETOKEN"));
    assert_eq!(answer.code(), "no error");
}

#[test]
fn a_service_knows_several_keys() {
    let service = service().key("AKIDEXAMPLE2", "EXAMPLEKEY2").start().expect("a service");
    let call = Call { id: "AKIDEXAMPLE2", key: "EXAMPLEKEY2", ..Call::job("job-1") };
    assert_eq!(send(&service, call).code(), "no error");
    assert_eq!(send(&service, Call::job("job-1")).code(), "no error");
}

#[test]
fn the_default_key_is_the_example_pair() {
    let clock = tcss_export_testkit::Clock::fixed(NOW);
    let service = Service::builder().clock(clock).start().expect("a service");
    let call = Call { id: EXAMPLE_SECRET_ID, key: EXAMPLE_SECRET_KEY, ..Call::job("job-1") };
    assert_eq!(send(&service, call).code(), "no error");
}

#[test]
fn a_refusal_is_json_with_status_200_and_the_services_date() {
    let service = service().start().expect("a service");
    let answer = send(&service, Call::job("job-1").without("Authorization"));
    assert!(answer.head.starts_with("HTTP/1.1 200 OK\r\n"), "{}", answer.head);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("date"), Some("Tue, 14 Nov 2023 22:13:20 GMT"));
}

#[test]
fn a_refusal_has_a_message_and_a_request_id() {
    let service = service().start().expect("a service");
    let response = send(&service, Call::job("job-1").without("Authorization")).json();
    assert_eq!(response["Error"]["Message"], "expected exactly one Authorization header");
    assert_eq!(response["RequestId"], "00000000-7e57-4000-8000-000000000000");
}

#[test]
fn a_refused_request_does_not_move_the_script() {
    let script = "RUNNING:10,SUCCESS".parse().expect("a script");
    let service = service().script(script).start().expect("a service");
    send(&service, Call { key: "EXAMPLEKEY2", ..Call::job("job-1") });
    assert_eq!(send(&service, Call::job("job-1")).json()["ExportStatus"], "RUNNING");
}

#[test]
fn a_call_over_the_limit_is_refused() {
    let service = service().limit(0).start().expect("a service");
    assert_eq!(send(&service, Call::job("job-1")).code(), "RequestLimitExceeded");
    assert_eq!(service.starts()[0].throttled, 1);
}

#[test]
fn a_call_is_over_the_limit_for_a_second() {
    let service = service().limit(1).start().expect("a service");
    send(&service, Call::job("job-1"));
    let code = send(&service, Call::job("job-1")).code();
    let seen = service.seen();
    // A slow machine may take longer between the two.
    let is_late = seen[1].at - seen[0].at >= Duration::from_secs(1);
    assert_eq!(code, if is_late { "no error" } else { "RequestLimitExceeded" });
}

#[test]
fn the_limit_of_one_action_or_key_leaves_the_others_alone() {
    let service = service().key("AKIDOTHER", KEY).limit(1).start().expect("a service");
    assert_eq!(send(&service, Call::job("job-1")).code(), "no error");
    let list = Call::action("DescribeExportJobManageList", "{}");
    assert_eq!(send(&service, list).code(), "no error");
    assert_eq!(send(&service, Call { id: "AKIDOTHER", ..Call::job("job-1") }).code(), "no error");
    let counted = service.starts().into_iter().map(|starts| (starts.secret_id, starts.requests));
    let expected = [("AKIDEXAMPLE", 1), ("AKIDEXAMPLE", 1), ("AKIDOTHER", 1)];
    let expected = expected.map(|(id, requests)| (id.to_owned(), requests));
    let mut counted: Vec<_> = counted.collect();
    counted.sort();
    assert_eq!(counted, expected);
}

#[test]
fn a_refused_call_does_not_use_up_the_limit() {
    let service = service().limit(1).start().expect("a service");
    assert_eq!(send(&service, Call::job("")).code(), "InvalidParameter");
    assert_eq!(send(&service, Call::job("job-1")).code(), "no error");
}
