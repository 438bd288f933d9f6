//! `jobs`: the list of jobs.

use serde_json::json;
use tcss_export_testkit::Service;
use tcss_export_testkit::wire::WireAnswer;

use crate::support::{run_at, server, service};

const FIRST: &str = "00000000-7e57-4000-8000-000000000001";
const SECOND: &str = "00000000-7e57-4000-8000-000000000002";

/// Starts a service with two jobs; the second one failed.
fn two_jobs() -> Service {
    let service = service("RUNNING:40,FAILURE:no");
    for _ in 0..2 {
        run_at(&service.url(), "create --asset-type host --all");
    }
    run_at(&service.url(), &format!("result {SECOND}"));
    service
}

#[test]
fn jobs_are_a_table_with_the_newest_first() {
    let ended = run_at(&two_jobs().url(), "jobs");
    let lines: Vec<_> = ended.stdout.lines().collect();
    let [titles, second, message, first] = lines[..] else { panic!("{ended:?}") };
    let column = |title: &str| titles.find(title).expect("a title");
    assert_eq!(second[..column("PROGRESS")].trim_end(), format!("{SECOND}  FAILURE"));
    assert_eq!(message, "  no");
    assert_eq!(first[..column("CREATED")].trim_end(), format!("{FIRST}  RUNNING  40 %"));
    assert_eq!(&first[column("NAME")..], format!("made-up export {FIRST}"));
    assert_eq!((ended.code, &*ended.stderr), (Some(0), ""));
}

#[test]
fn a_page_of_jobs_names_the_offset_of_the_next_one() {
    let service = two_jobs();
    let ended = run_at(&service.url(), "jobs --limit 1");
    assert!(ended.stdout.contains(SECOND) && !ended.stdout.contains(FIRST), "{ended:?}");
    assert!(ended.stdout.ends_with("\n1 of 2 jobs; for more use --offset 1\n"), "{ended:?}");
    let ended = run_at(&service.url(), "jobs --limit 1 --offset 1");
    assert!(ended.stdout.contains(FIRST) && !ended.stdout.contains("--offset"), "{ended:?}");
}

#[test]
fn the_status_filter_ignores_case() {
    let ended = run_at(&two_jobs().url(), "jobs --status running --json");
    let list = ended.json();
    assert_eq!((&list["total_count"], &list["jobs"][0]["job_id"]), (&json!(1), &json!(FIRST)));
}

#[test]
fn with_json_each_member_is_present() {
    let list = r#"[{"JobID":"J","JobName":"n","Source":"ASSET_HOST","ExportStatus":"SUCCESS",
        "ExportProgress":100,"FailureMsg":"","Timeout":"2026-01-03 00:00:00",
        "InsertTime":"2026-01-02 00:00:00"},null]"#;
    let body = format!(r#"{{"Response":{{"TotalCount":2,"List":{list},"RequestId":"r-1"}}}}"#);
    let ended = run_at(&server(WireAnswer::json(&body)).url(), "jobs --json");
    let nothing = json!({
        "job_id": null, "name": null, "source": null, "status": null, "progress": null,
        "failure_message": null, "timeout": null, "insert_time": null,
    });
    let job = json!({
        "job_id": "J", "name": "n", "source": "ASSET_HOST", "status": "SUCCESS",
        "progress": 100.0, "failure_message": null, "timeout": "2026-01-03 00:00:00",
        "insert_time": "2026-01-02 00:00:00",
    });
    let expected = json!({"total_count": 2, "jobs": [job, nothing], "request_id": "r-1"});
    assert_eq!((ended.code, ended.json()), (Some(0), expected));
}

#[test]
fn texts_of_the_service_cannot_control_the_terminal_or_show_a_url() {
    let list = r#"[{"JobID":"a\u001b[2J","JobName":"at https://h.example/a?EXAMPLEQUERY=1",
        "FailureMsg":"b\u001b[2J at https://h.example/b?EXAMPLEQUERY=1"}]"#;
    let body = format!(r#"{{"Response":{{"List":{list}}}}}"#);
    let ended = run_at(&server(WireAnswer::json(&body)).url(), "jobs");
    let row = "a\u{fffd}[2J   -       -         -        at https://h.example/a?...";
    assert_eq!(ended.stdout.lines().nth(1), Some(row), "{ended:?}");
    let message = "  b\u{fffd}[2J at https://h.example/b?...";
    assert_eq!(ended.stdout.lines().nth(2), Some(message), "{ended:?}");
}

#[test]
fn an_empty_list_has_a_text() {
    for line in ["jobs", "jobs --offset 100"] {
        assert_eq!(run_at(&service("RUNNING").url(), line).stdout, "no jobs\n");
    }
}

#[test]
fn a_page_after_the_last_job_shows_the_total() {
    let ended = run_at(&two_jobs().url(), "jobs --offset 100");
    assert_eq!(ended.stdout, "no jobs after the first 100; there are 2 in all\n");
}

#[test]
fn a_refused_list_has_a_hint() {
    let error = r#"{"Code":"InvalidParameterValue","Message":"no"}"#;
    let server = server(WireAnswer::json(format!(r#"{{"Response":{{"Error":{error}}}}}"#)));
    let ended = run_at(&server.url(), "jobs --json");
    let hint = "check --status, --limit and --offset";
    assert_eq!((ended.code, &ended.error()["hint"]), (Some(4), &json!(hint)));
}
