//! `result`: one exchange about a job.

use serde_json::{Value, json};
use tcss_export_testkit::wire::WireAnswer;

use crate::support::{FIRST_ID, URL, run_at, server, service};

#[test]
fn without_json_a_running_job_is_a_table() {
    let ended = run_at(&service("RUNNING:12.5").url(), "result J");
    let text = "status      RUNNING\nprogress    12.5 %\nrequest id  ";
    assert_eq!(ended.stdout, format!("{text}{FIRST_ID}\n"));
    assert_eq!((ended.code, &*ended.stderr), (Some(0), ""));
}

#[test]
fn the_url_of_a_success_is_unchanged() {
    let service = service(&format!("SUCCESS:{URL}"));
    assert!(run_at(&service.url(), "result J").stdout.contains(&format!("download url  {URL}\n")));
    let ended = run_at(&service.url(), "result J --json");
    let expected = json!({
        "status": "SUCCESS", "progress": 100.0, "download_url": URL, "failure_message": null,
        "request_id": "00000000-7e57-4000-8000-000000000001",
    });
    assert_eq!((ended.code, ended.json()), (Some(0), expected));
}

#[test]
fn a_failed_job_ends_with_1_and_has_the_reason() {
    let service = service("FAILURE:disk is full");
    let ended = run_at(&service.url(), "result J --json");
    let expected = json!({
        "status": "FAILURE", "progress": 0.0, "download_url": null,
        "failure_message": "disk is full", "request_id": FIRST_ID,
    });
    assert_eq!((ended.code, ended.json(), &*ended.stderr), (Some(1), expected, ""));
    let ended = run_at(&service.url(), "result J");
    assert!(ended.stdout.contains("message     disk is full\n"), "{ended:?}");
    assert_eq!(ended.code, Some(1));
}

#[test]
fn an_unknown_status_ends_with_0_and_is_unchanged() {
    let ended = run_at(&service("STATUS:pending soon").url(), "result J --json");
    assert_eq!((ended.code, &ended.json()["status"]), (Some(0), &json!("pending soon")));
}

#[test]
fn a_missing_member_of_the_answer_is_null() {
    let server = server(WireAnswer::json(r#"{"Response":{"ExportProgress":"NaN"}}"#));
    let ended = run_at(&server.url(), "result J --json");
    let expected: Value = json!({
        "status": null, "progress": null, "download_url": null, "failure_message": null,
        "request_id": null,
    });
    assert_eq!((ended.code, ended.json()), (Some(0), expected));
    assert_eq!(run_at(&server.url(), "result J").stdout, "status  none\n");
}

#[test]
fn result_makes_one_exchange() {
    let service = service("ERROR:InternalError");
    run_at(&service.url(), "result J");
    assert_eq!(service.seen().len(), 1);
}

#[test]
fn control_characters_are_replaced_for_people_and_escaped_in_json() {
    let body = r#"{"Response":{"ExportStatus":"A\u001b[2J\nB","DownloadURL":"u\u0007\u009b"}}"#;
    let server = server(WireAnswer::json(body));
    let text = run_at(&server.url(), "result J").stdout;
    assert_eq!(text, "status        A\u{fffd}[2J\u{fffd}B\ndownload url  u\u{fffd}\u{fffd}\n");
    let ended = run_at(&server.url(), "result J --json");
    assert!(!ended.stdout.trim_end().contains(char::is_control), "{ended:?}");
    assert_eq!(ended.json()["status"], "A\u{1b}[2J\nB");
    assert_eq!(ended.json()["download_url"], "u\u{7}\u{9b}");
}
