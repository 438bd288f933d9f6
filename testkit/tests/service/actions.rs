//! The actions around DescribeExportJobResult.

use std::io::Write;
use std::thread;

use crate::support::{Call, NOW, connect, exchange, send, service};
use serde_json::{Value, json};
use tcss_export_testkit::{Clock, CreateFault, Script, SeenAnswer, Service};

const CREATE: &str = r#"{"AssetType":"ASSET_HOST","ExportByAsset":true,"ExportAll":true}"#;
const FIRST: &str = "00000000-7e57-4000-8000-000000000001";
const SECOND: &str = "00000000-7e57-4000-8000-000000000002";

fn scripted(script: &str) -> Service {
    let script = script.parse::<Script>().expect("a script");
    service().script(script).start().expect("a service")
}

fn create(service: &Service) -> Value {
    send(service, Call::action("CreateExportComplianceStatusListJob", CREATE)).json()
}

fn list(service: &Service, body: &str) -> Value {
    send(service, Call::action("DescribeExportJobManageList", body)).json()
}

fn ids(list: &Value) -> Vec<&str> {
    let jobs = list["List"].as_array().expect("a list");
    jobs.iter().map(|job| job["JobID"].as_str().expect("an id")).collect()
}

fn url(job: &str) -> Call {
    Call::action("DescribeExportJobDownloadURL", format!(r#"{{"JobID":"{job}"}}"#))
}

#[track_caller]
fn refused(action: &'static str, body: &str, code: &str) {
    let service = scripted("RUNNING");
    assert_eq!(send(&service, Call::action(action, body)).code(), code);
    assert_eq!(service.seen()[0].answer, SeenAnswer::Refused { code: code.to_owned() });
}

#[test]
fn every_created_job_has_a_new_id() {
    let service = scripted("RUNNING");
    assert_eq!(create(&service)["JobId"], FIRST);
    assert_eq!(create(&service)["JobId"], SECOND);
    assert_eq!(service.seen()[0].answer, SeenAnswer::Created { job_id: FIRST.to_owned() });
}

#[test]
fn a_created_job_follows_the_script() {
    let service = scripted("RUNNING,SUCCESS");
    create(&service);
    assert_eq!(send(&service, Call::job(FIRST)).json()["ExportStatus"], "RUNNING");
    assert_eq!(send(&service, Call::job(FIRST)).json()["ExportStatus"], "SUCCESS");
}

#[test]
fn a_create_without_an_asset_type_is_refused() {
    let body = r#"{"ExportByAsset":true,"ExportAll":true}"#;
    refused("CreateExportComplianceStatusListJob", body, "MissingParameter");
}

#[test]
fn a_created_job_is_listed_as_documented() {
    let service = scripted("RUNNING:42.5");
    create(&service);
    let expected = json!({
        "JobID": FIRST,
        "JobName": format!("made-up export {FIRST}"),
        "Source": "ASSET_HOST",
        "ExportStatus": "RUNNING",
        "ExportProgress": 42,
        "FailureMsg": "",
        "Timeout": "2023-11-15 22:13:20",
        "InsertTime": "2023-11-14 22:13:20",
    });
    let answer = list(&service, "{}");
    assert_eq!((&answer["TotalCount"], &answer["List"][0]), (&json!(1), &expected));
    assert_eq!(service.seen()[1].answer, SeenAnswer::Listed);
}

#[test]
fn the_newest_job_is_listed_first() {
    let service = scripted("RUNNING");
    create(&service);
    create(&service);
    assert_eq!(ids(&list(&service, "{}")), [SECOND, FIRST]);
}

#[test]
fn the_oldest_job_is_listed_first_on_request() {
    let service = scripted("RUNNING");
    create(&service);
    create(&service);
    assert_eq!(ids(&list(&service, r#"{"Order":"asc","By":"InsertTime"}"#)), [FIRST, SECOND]);
}

#[test]
fn a_page_of_the_list_has_the_total_count() {
    let service = scripted("RUNNING");
    create(&service);
    create(&service);
    let page = list(&service, r#"{"Offset":1,"Limit":1}"#);
    assert_eq!((&page["TotalCount"], ids(&page)), (&json!(2), vec![FIRST]));
}

#[test]
fn jobs_from_elsewhere_are_not_listed() {
    let service = scripted("RUNNING");
    send(&service, Call::job("job-1"));
    assert_eq!(list(&service, "{}")["TotalCount"], 0);
}

#[test]
fn a_list_moves_the_running_jobs_that_it_shows() {
    let service = scripted("RUNNING,RUNNING,SUCCESS,FAILURE");
    create(&service);
    create(&service);
    let of_first = r#"{"Order":"asc","Limit":1}"#;
    let statuses = [(); 4].map(|()| list(&service, of_first)["List"][0]["ExportStatus"].clone());
    assert_eq!(statuses, ["RUNNING", "RUNNING", "SUCCESS", "SUCCESS"]);
    assert_eq!(send(&service, Call::job(FIRST)).json()["ExportStatus"], "SUCCESS");
    assert_eq!(list(&service, "{}")["List"][0]["ExportStatus"], "RUNNING");
}

#[test]
fn a_list_is_filtered_by_status() {
    let failing = "FAILURE:no room".parse().expect("a script");
    let service = service().job(SECOND, failing).start().expect("a service");
    create(&service);
    create(&service);
    let failed = list(&service, r#"{"Filters":[{"Name":"ExportStatus","Values":["FAILURE"]}]}"#);
    assert_eq!(ids(&failed), [SECOND]);
    assert_eq!(failed["List"][0]["FailureMsg"], "no room");
}

#[test]
fn a_fault_in_the_script_keeps_the_last_status() {
    let service = scripted("RUNNING:30,ERROR:InternalError,SUCCESS");
    create(&service);
    send(&service, Call::job(FIRST));
    assert_eq!(list(&service, "{}")["List"][0]["ExportProgress"], 30);
}

#[test]
fn a_limit_over_the_documented_maximum_is_refused() {
    refused("DescribeExportJobManageList", r#"{"Limit":101}"#, "InvalidParameter");
}

#[test]
fn the_url_of_a_successful_job_is_that_of_its_script() {
    let service = scripted("SUCCESS:https://h.example/a");
    let answer = send(&service, url("job-1")).json();
    assert_eq!(answer["DownloadURL"], "https://h.example/a");
    assert_eq!(service.seen()[0].answer, SeenAnswer::GivenUrl);
    assert_eq!(service.seen()[0].job_id.as_deref(), Some("job-1"));
}

#[test]
fn a_running_job_has_no_url() {
    let service = scripted("RUNNING,SUCCESS");
    assert_eq!(send(&service, url("job-1")).code(), "InvalidParameter");
}

#[test]
fn the_url_action_refuses_the_parameter_name_of_the_other_actions() {
    refused("DescribeExportJobDownloadURL", r#"{"JobId":"job-1"}"#, "MissingParameter");
}

#[test]
fn a_job_is_created_at_the_services_time() {
    let clock = Clock::fixed(NOW + 60);
    let service = service().clock(clock).start().expect("a service");
    send(
        &service,
        Call { timestamp: NOW + 60, ..Call::action("CreateExportComplianceStatusListJob", CREATE) },
    );
    let call = Call { timestamp: NOW, ..Call::action("DescribeExportJobManageList", "{}") };
    assert_eq!(send(&service, call).json()["List"][0]["InsertTime"], "2023-11-14 22:14:20");
}

fn owner() -> Call {
    let call = Call { service: "sts", ..Call::action("GetCallerIdentity", "{}") };
    call.replace("X-TC-Version", "2018-08-13")
}

#[test]
fn the_owner_of_the_key_is_a_made_up_one() {
    let service = scripted("RUNNING");
    let answer = send(&service, owner()).json();
    assert_eq!(answer["AccountId"], "100000000001");
    assert_eq!(answer["Arn"], "qcs::cam::uin/100000000001:uin/100000000002");
    assert_eq!(service.seen()[0].answer, SeenAnswer::GivenOwner);
}

#[test]
fn a_call_to_sts_needs_the_scope_of_sts() {
    let service = scripted("RUNNING");
    let call = Call { service: "tcss", ..owner() };
    assert_eq!(send(&service, call).code(), "AuthFailure.SignatureFailure");
}

#[test]
fn sts_and_the_service_have_only_their_own_actions() {
    let service = scripted("RUNNING");
    let call = Call { action: "DescribeExportJobManageList", ..owner() };
    assert_eq!(send(&service, call).code(), "InvalidAction");
    refused("GetCallerIdentity", "{}", "InvalidAction");
}

#[test]
fn a_call_for_the_owner_has_no_parameter() {
    let service = scripted("RUNNING");
    let call = Call { body: r#"{"AccountId":"1"}"#.to_owned(), ..owner() };
    assert_eq!(send(&service, call).code(), "UnknownParameter");
}

/// Starts a service with these faults of creates.
fn faulty(faults: &str) -> Service {
    service().create_faults(faults.parse().expect(faults)).start().expect("a service")
}

fn creation() -> Call {
    Call::action("CreateExportComplianceStatusListJob", CREATE)
}

#[test]
fn the_job_of_a_create_whose_answer_is_lost_is_listed() {
    let service = faulty("LOST");
    assert_eq!(exchange(service.addr(), &creation().bytes()), "");
    assert_eq!(ids(&list(&service, "{}")), [FIRST]);
    let (fault, job_id) = (CreateFault::Lost, Some(FIRST.to_owned()));
    assert_eq!(service.seen()[0].answer, SeenAnswer::CreateFault { fault, job_id });
}

#[test]
fn the_job_of_a_create_without_an_answer_is_listed() {
    let service = faulty("HANG");
    let mut stream = connect(service.addr());
    stream.write_all(&creation().bytes()).expect("a reading service");
    while service.seen().is_empty() {
        thread::yield_now();
    }
    assert_eq!(ids(&list(&service, "{}")), [FIRST]);
}

#[test]
fn a_dropped_create_makes_no_job() {
    let service = faulty("DROP");
    assert_eq!(exchange(service.addr(), &creation().bytes()), "");
    assert_eq!(list(&service, "{}")["TotalCount"], 0);
    let expected = SeenAnswer::CreateFault { fault: CreateFault::Drop, job_id: None };
    assert_eq!(service.seen()[0].answer, expected);
}

#[test]
fn a_create_that_a_fault_refuses_makes_no_job_and_the_next_one_does() {
    let service = faulty("ERROR:RequestLimitExceeded,OK");
    assert_eq!(send(&service, creation()).code(), "RequestLimitExceeded");
    assert_eq!(create(&service)["JobId"], FIRST);
    assert_eq!(create(&service)["JobId"], SECOND);
}

#[test]
fn a_refused_create_takes_no_fault() {
    let service = faulty("DROP");
    let wrong = Call { body: "{}".to_owned(), ..creation() };
    assert_eq!(send(&service, wrong).code(), "MissingParameter");
    assert_eq!(exchange(service.addr(), &creation().bytes()), "");
}
