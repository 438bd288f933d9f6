//! Every step of a script as bytes on the wire, and the records of requests.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpListener;
use std::sync::mpsc;

use crate::support::{Answer, Call, NOW, connect, exchange, send, service};
use serde_json::{Value, json};
use tcss_export_testkit::{Script, SeenAnswer, Service, Step};

fn scripted(script: &str) -> Service {
    let script = script.parse::<Script>().expect("a script");
    service().script(script).start().expect("a service")
}

fn first(script: &str) -> Answer {
    send(&scripted(script), Call::job("job-1"))
}

fn raw(service: &Service) -> String {
    exchange(service.addr(), &Call::job("job-1").with("Connection", "close").bytes())
}

fn statuses(service: &Service, job: &str, count: usize) -> Vec<Value> {
    (0..count).map(|_| send(service, Call::job(job)).json()["ExportStatus"].clone()).collect()
}

#[test]
fn running_has_its_progress() {
    let expected = json!({
        "ExportStatus": "RUNNING",
        "DownloadURL": "",
        "ExportProgress": 42.5,
        "FailureMsg": "",
        "RequestId": "00000000-7e57-4000-8000-000000000000",
    });
    assert_eq!(first("RUNNING:42.5").json(), expected);
}

#[test]
fn running_without_a_number_has_progress_0() {
    assert_eq!(first("RUNNING").json()["ExportProgress"], 0.0);
}

#[test]
fn success_has_a_made_up_url() {
    let response = first("SUCCESS").json();
    assert_eq!(response["ExportStatus"], "SUCCESS");
    assert_eq!(response["DownloadURL"], Step::EXAMPLE_URL);
}

#[test]
fn success_has_the_url_of_the_script() {
    let response = first("SUCCESS:https://h.example/a?b=c").json();
    assert_eq!(response["DownloadURL"], "https://h.example/a?b=c");
}

#[test]
fn success_with_a_bare_colon_has_an_empty_url() {
    assert_eq!(first("SUCCESS:").json()["DownloadURL"], "");
}

#[test]
fn failure_has_its_message() {
    let response = first("FAILURE:out of \"room\"").json();
    assert_eq!(response["ExportStatus"], "FAILURE");
    assert_eq!(response["FailureMsg"], "out of \"room\"");
}

#[test]
fn any_other_status_is_sent_unchanged() {
    assert_eq!(first("STATUS:PENDING").json()["ExportStatus"], "PENDING");
}

#[test]
fn nulls_has_null_members() {
    let response = first("NULLS").json();
    assert_eq!(response["ExportStatus"], "RUNNING");
    let members = ["DownloadURL", "ExportProgress", "FailureMsg"];
    assert!(members.iter().all(|name| response.get(name) == Some(&Value::Null)));
}

#[test]
fn error_is_an_api_error_with_status_200() {
    let answer = first("ERROR:InternalError");
    assert!(answer.head.starts_with("HTTP/1.1 200 OK\r\n"), "{}", answer.head);
    assert_eq!(answer.code(), "InternalError");
}

#[test]
fn http_is_an_html_page_with_its_status() {
    let answer = first("HTTP:502");
    assert!(answer.head.starts_with("HTTP/1.1 502 Bad Gateway\r\n"), "{}", answer.head);
    assert_eq!(answer.header("content-type"), Some("text/html"));
    assert!(answer.body.starts_with("<html>"));
}

#[test]
fn an_http_204_is_complete_without_a_body() {
    let answer = first("HTTP:204");
    assert!(answer.head.starts_with("HTTP/1.1 204 No Content"), "{}", answer.head);
    assert_eq!(answer.body, "");
}

#[test]
fn an_http_redirect_has_a_location() {
    assert_eq!(first("HTTP:302").header("location"), Some("https://redirect.example/"));
}

#[test]
fn empty_declares_no_content() {
    let answer = first("EMPTY");
    assert!(answer.head.starts_with("HTTP/1.1 200 OK\r\n"), "{}", answer.head);
    assert_eq!((answer.header("content-length"), answer.body.as_str()), (Some("0"), ""));
}

#[test]
fn cut_ends_before_its_content_length() {
    let answer = first("CUT");
    let declared: usize =
        answer.header("content-length").expect("a length").parse().expect("a number");
    assert!(!answer.body.is_empty() && answer.body.len() < declared, "{answer:?}");
    assert!(answer.body.starts_with(r#"{"Response":{"#), "{answer:?}");
}

#[test]
fn cut_json_is_complete_for_http_but_not_for_json() {
    let answer = first("CUTJSON");
    let declared: usize =
        answer.header("content-length").expect("a length").parse().expect("a number");
    assert_eq!(answer.body.len(), declared);
    let error = serde_json::from_str::<Value>(&answer.body).expect_err("half a JSON");
    assert!(error.is_eof());
}

#[test]
fn reset_closes_before_the_first_byte() {
    assert_eq!(raw(&scripted("RESET")), "");
}

#[test]
fn a_connection_stays_open_until_a_reset() {
    let service = scripted("EMPTY,RESET");
    let two = [Call::job("job-1").bytes(), Call::job("job-1").bytes()].concat();
    let answers = exchange(service.addr(), &two);
    assert_eq!(answers.matches("HTTP/1.1").count(), 1, "{answers}");
    assert!(!answers.to_lowercase().contains("connection: close"), "{answers}");
}

#[test]
fn hang_never_answers_and_ends_with_the_service() {
    let (sender, receiver) = mpsc::channel();
    let service = service()
        .script("HANG".parse().expect("a script"))
        .watch(move |seen| sender.send(seen.answer.clone()).expect("a listening test"))
        .start()
        .expect("a service");
    let mut stream = connect(service.addr());
    stream.write_all(&Call::job("job-1").bytes()).expect("a reading service");
    assert_eq!(receiver.recv(), Ok(SeenAnswer::Played(Step::Hang)));
    stream.set_nonblocking(true).expect("a socket");
    let nothing = stream.read(&mut [0]).expect_err("an answer").kind();
    assert_eq!(nothing, ErrorKind::WouldBlock);
    stream.set_nonblocking(false).expect("a socket");
    drop(service);
    assert_eq!(stream.read(&mut [0]).expect("an end"), 0);
}

#[test]
fn the_last_step_repeats() {
    let service = scripted("RUNNING,STATUS:PENDING,SUCCESS");
    let expected = ["RUNNING", "PENDING", "SUCCESS", "SUCCESS", "SUCCESS"];
    assert_eq!(statuses(&service, "job-1", 5), expected);
}

#[test]
fn every_job_has_its_own_position() {
    let service = scripted("RUNNING,SUCCESS");
    assert_eq!(statuses(&service, "job-1", 2), ["RUNNING", "SUCCESS"]);
    assert_eq!(statuses(&service, "job-2", 1), ["RUNNING"]);
}

#[test]
fn a_job_may_have_its_own_script() {
    let failing = Script::new([Step::Failure(None)]).expect("a script");
    let service = service().job("job-7", failing).start().expect("a service");
    assert_eq!(statuses(&service, "job-7", 1), ["FAILURE"]);
    assert_eq!(statuses(&service, "job-8", 1), ["RUNNING"]);
}

#[test]
fn a_request_at_a_skew_is_checked_by_the_new_clock() {
    let answer = first("SKEW:600,SUCCESS");
    assert_eq!(answer.code(), "AuthFailure.SignatureExpire");
    assert_eq!(answer.header("date"), Some("Tue, 14 Nov 2023 22:23:20 GMT"));
}

#[test]
fn a_request_that_fits_a_skew_gets_the_next_step() {
    let service = scripted("SKEW:600,SUCCESS");
    let call = Call { timestamp: NOW + 600, ..Call::job("job-1") };
    assert_eq!(send(&service, call).json()["ExportStatus"], "SUCCESS");
}

#[test]
fn a_request_refused_after_a_skew_leaves_the_next_step() {
    let service = scripted("SKEW:600,RUNNING,SUCCESS");
    send(&service, Call::job("job-1"));
    let call = Call { timestamp: NOW + 600, ..Call::job("job-1") };
    assert_eq!(send(&service, call).json()["ExportStatus"], "RUNNING");
}

#[test]
fn a_skew_does_not_affect_the_step_before_it() {
    let answer = first("RUNNING,SKEW:600,SUCCESS");
    assert_eq!(answer.header("date"), Some("Tue, 14 Nov 2023 22:13:20 GMT"));
}

#[test]
fn a_small_skew_changes_only_the_date() {
    let answer = first("SKEW:-20,SUCCESS");
    assert_eq!(answer.json()["ExportStatus"], "SUCCESS");
    assert_eq!(answer.header("date"), Some("Tue, 14 Nov 2023 22:13:00 GMT"));
}

#[test]
fn a_later_skew_replaces_an_earlier_one() {
    let answer = first("SKEW:600,SKEW:60,HTTP:502");
    assert_eq!(answer.header("date"), Some("Tue, 14 Nov 2023 22:14:20 GMT"));
}

#[test]
fn the_largest_skew_does_not_overflow() {
    let answer = first(&format!("SKEW:{},SUCCESS", i64::MAX));
    assert_eq!(answer.code(), "AuthFailure.SignatureExpire");
}

#[test]
fn request_ids_differ() {
    let service = scripted("RUNNING");
    let id = || send(&service, Call::job("job-1")).json()["RequestId"].clone();
    assert_ne!(id(), id());
}

#[test]
fn a_record_has_action_job_and_timestamp() {
    let service = scripted("RUNNING");
    send(&service, Call::job("job-1"));
    let seen = &service.seen()[0];
    assert_eq!(seen.method, "POST");
    assert_eq!(seen.action.as_deref(), Some("DescribeExportJobResult"));
    assert_eq!(seen.job_id.as_deref(), Some("job-1"));
    assert_eq!(seen.timestamp.as_deref(), Some("1700000000"));
    assert_eq!(seen.answer, SeenAnswer::Played(Step::Running(None)));
}

#[test]
fn records_are_in_the_order_of_arrival() {
    let service = scripted("RUNNING");
    send(&service, Call::job("job-1"));
    send(&service, Call::job("job-2"));
    let seen = service.seen();
    assert!(seen[0].at <= seen[1].at);
    assert_eq!(seen[1].job_id.as_deref(), Some("job-2"));
}

#[test]
fn debug_output_of_a_service_and_its_settings_has_no_secret() {
    let settings = service().token("EXAMPLETOKEN");
    let before = format!("{settings:?}");
    let service = settings.start().expect("a service");
    send(&service, Call::job("job-1"));
    let text = format!("{before} {service:?} {:?}", service.seen());
    assert!(!text.contains("EXAMPLEKEY") && !text.contains("EXAMPLETOKEN"), "{text}");
}

#[test]
fn a_dropped_service_closes_idle_connections() {
    let service = scripted("EMPTY");
    let mut stream = connect(service.addr());
    stream.write_all(&Call::job("job-1").bytes()).expect("a reading service");
    let mut byte = [0];
    stream.read_exact(&mut byte).expect("an answer");
    drop(service);
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).expect("an end");
    assert!(rest.ends_with(b"\r\n\r\n"));
}

#[test]
fn a_dropped_service_frees_its_port() {
    let service = scripted("EMPTY");
    let addr = service.addr();
    send(&service, Call::job("job-1"));
    drop(service);
    TcpListener::bind(addr).expect("the port is free");
}

#[test]
fn a_port_in_use_is_an_error() {
    let first = scripted("EMPTY");
    let second = service().port(first.addr().port()).start().expect_err("the port is taken");
    assert_eq!(second.kind(), ErrorKind::AddrInUse);
}

#[test]
fn the_url_names_the_port() {
    let service = scripted("EMPTY");
    assert_eq!(service.url(), format!("http://127.0.0.1:{}", service.addr().port()));
}
