//! `wait --events`: one object per line.

use std::io;
use std::process::Stdio;

use serde_json::{Value, json};
use tcss_export_testkit::wire::WireAnswer;

use crate::support::{Ended, FIRST_ID, KEY, TOKEN, URL, cli, run_at, server, service};

const MEMBERS: [&str; 11] = [
    "clock_offset_seconds",
    "code",
    "delay_seconds",
    "event",
    "http_status",
    "poll",
    "progress",
    "reason",
    "remedy",
    "request_id",
    "status",
];

/// Returns the events, with their members checked, and the last object.
fn events(ended: &Ended) -> (Vec<Value>, Value) {
    let mut objects = ended.objects();
    let last = objects.pop().expect("an object");
    for event in &objects {
        let members: Vec<_> = event.as_object().expect("an object").keys().collect();
        assert_eq!(members, MEMBERS, "{event}");
    }
    (objects, last)
}

/// Returns the event of a step that does not end the wait.
fn survived(step: &str) -> Value {
    let ended = run_at(&service(&format!("{step},SUCCESS")).url(), "wait J --events");
    events(&ended).0.swap_remove(0)
}

#[test]
fn each_decision_is_a_line_before_the_result() {
    let script = format!("RUNNING:10,ERROR:InternalError,SUCCESS:{URL}");
    let ended = run_at(&service(&script).url(), "wait J --interval 0 --events --quiet");
    let (mut events, last) = events(&ended);
    assert_eq!((ended.code, &*ended.stderr), (Some(0), ""));
    let delay = events[1]["delay_seconds"].take();
    assert!((0.1..10.0).contains(&delay.as_f64().expect("a number")), "{delay}");
    let expected = [
        json!({
            "event": "waiting", "poll": 1, "status": "RUNNING", "progress": 10.0, "code": null,
            "http_status": null, "request_id": FIRST_ID, "reason": null, "remedy": null,
            "delay_seconds": 0.0, "clock_offset_seconds": null,
        }),
        json!({
            "event": "retrying", "poll": 2, "status": null, "progress": null,
            "code": "InternalError", "http_status": 200,
            "request_id": "00000000-7e57-4000-8000-000000000001",
            "reason": "the service answered InternalError: requested by the script",
            "remedy": "retry", "delay_seconds": null, "clock_offset_seconds": null,
        }),
        json!({
            "event": "ended", "poll": 3, "status": "SUCCESS", "progress": 100.0, "code": null,
            "http_status": null, "request_id": "00000000-7e57-4000-8000-000000000002",
            "reason": null, "remedy": null, "delay_seconds": null, "clock_offset_seconds": null,
        }),
    ];
    assert_eq!(events, expected);
    assert_eq!((&last["outcome"], &last["download_url"]), (&json!("success"), &json!(URL)));
}

#[test]
fn a_correction_of_the_clock_has_the_offset() {
    let event = survived("SKEW:600");
    assert_eq!(
        (&event["remedy"], &event["delay_seconds"]),
        (&json!("clock_corrected"), &json!(0.0))
    );
    let offset = event["clock_offset_seconds"].as_f64().expect("a number");
    assert!((590.0..610.0).contains(&offset), "{event}");
}

#[test]
fn each_remedy_has_its_name() {
    for (step, remedy) in [
        ("RESET", "retry"),
        ("ERROR:RequestLimitExceeded", "back_off"),
        ("ERROR:AuthFailure.TokenFailure", "fresh_credentials"),
    ] {
        assert_eq!(survived(step)["remedy"], remedy);
    }
}

#[test]
fn a_page_has_its_status_and_a_broken_connection_has_none() {
    let (page, broken) = (survived("HTTP:502"), survived("RESET"));
    let reason = broken["reason"].as_str().expect("a text");
    assert_eq!((&page["http_status"], &page["code"]), (&json!(502), &Value::Null));
    assert!(page["reason"].as_str().expect("a text").starts_with("expected JSON, got text/html"));
    assert_eq!((&broken["http_status"], &broken["request_id"]), (&Value::Null, &Value::Null));
    assert!(reason.starts_with("127.0.0.1:"), "{reason}");
    assert!(reason.contains(": the connection failed: "), "{reason}");
}

#[test]
fn the_last_event_has_the_reason() {
    for (script, code, reason) in [
        ("FAILURE:disk is full", Value::Null, "the job has failed (disk is full)"),
        ("RUNNING", Value::Null, "the job was not done before the deadline"),
        (
            "ERROR:InvalidAction",
            json!("InvalidAction"),
            "the service answered InvalidAction: requested by the script",
        ),
    ] {
        let service = service(script);
        let ended = run_at(&service.url(), "wait J --events --timeout 0.5 --quiet");
        let objects = ended.objects();
        let end = objects.iter().find(|object| object["event"] == "ended").expect("an end");
        assert_eq!((&end["code"], &end["reason"]), (&code, &json!(reason)), "{ended:?}");
        assert_eq!(end["poll"], 1);
    }
}

#[test]
fn an_interrupted_wait_has_a_last_event_too() {
    let service = service("RUNNING:10");
    let args = ["wait", "J", "--interval", "600", "--events", "--endpoint", &service.url()];
    let running = cli(&args).stdout(Stdio::piped()).start(1);
    running.signal("-INT");
    let ended = running.end();
    let (events, last) = events(&ended);
    let names: Vec<_> = events.iter().map(|event| &event["event"]).collect();
    assert_eq!(names, ["waiting", "ended"]);
    assert_eq!(events[1]["reason"], "the wait was cancelled");
    assert_eq!((ended.code, &last["outcome"]), (Some(130), &json!("cancelled")));
}

#[test]
fn errors_are_objects_even_for_wrong_arguments() {
    let ended = cli(&["wait", "--events"]).run();
    assert_eq!((ended.code, &ended.error()["kind"]), (Some(2), &json!("usage")));
    let ended = run_at(&service("ERROR:InvalidAction").url(), "wait J --events");
    assert_eq!((ended.code, &ended.error()["code"]), (Some(4), &json!("InvalidAction")));
}

#[test]
fn a_reader_that_closes_the_pipe_ends_the_wait() {
    let service = service("RUNNING");
    let (reader, writer) = io::pipe().expect("a pipe");
    drop(reader);
    let args = ["wait", "J", "--interval", "600", "--events", "--endpoint", &service.url()];
    assert_eq!(cli(&args).stdout(writer).run().code, Some(0));
}

#[test]
fn events_hold_no_secret() {
    let signature = "0123456789abcdef".repeat(4);
    let echo = format!("{KEY} {TOKEN} Signature={signature} https://h.example/?EXAMPLEQUERY");
    let api = |code: &str| {
        let error = format!(r#"{{"Code":"{code}","Message":"{echo}"}}"#);
        format!(r#"{{"Response":{{"Error":{error},"RequestId":"{TOKEN}"}}}}"#)
    };
    let failure = format!(r#"{{"Response":{{"ExportStatus":"{TOKEN}"}}}}"#);
    for body in [api("InternalError"), api("InvalidAction"), failure, echo.clone()] {
        let server = server(WireAnswer::json(body));
        let args = ["wait", "J", "--events", "--timeout", "0.3", "--endpoint", &server.url()];
        let ended = cli(&args).env("TENCENTCLOUD_TOKEN", TOKEN).revealing().run();
        let objects = ended.objects();
        let events = objects.iter().filter(|object| object.get("event").is_some());
        for event in events.map(Value::to_string) {
            for secret in [KEY, TOKEN, &signature, "EXAMPLEQUERY"] {
                assert!(!event.contains(secret), "{event}");
            }
        }
    }
}

#[test]
fn a_long_message_that_is_cut_inside_a_secret_shows_no_part_of_it() {
    // An error shows 300 characters of a message.
    let message = format!("{} {KEY}", "x".repeat(285));
    let body = format!(r#"{{"Response":{{"Error":{{"Code":"X","Message":"{message}"}}}}}}"#);
    let server = server(WireAnswer::json(body));
    let ended = run_at(&server.url(), "wait J --events");
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert!(ended.stdout.contains("***...") && !ended.stdout.contains(&KEY[..4]), "{ended:?}");
}
