//! `wait`: its progress, result and exit codes.

use serde_json::{Value, json};

use crate::support::{FIRST_ID, URL, run_at, service};

/// Checks and removes `elapsed_seconds`.
fn without_time(mut object: Value) -> Value {
    let members = object.as_object_mut().expect("an object");
    let seconds = members.remove("elapsed_seconds").expect("elapsed_seconds");
    assert!((0.0..60.0).contains(&seconds.as_f64().expect("a number")));
    object
}

#[test]
fn success_ends_with_0_and_prints_polls_and_retries() {
    let script = format!("RUNNING:10,ERROR:InternalError,RESET,SUCCESS:{URL}");
    let ended = run_at(&service(&script).url(), "wait J --interval 0 --json");
    let expected = json!({
        "status": "SUCCESS", "progress": 100.0, "download_url": URL, "failure_message": null,
        "request_id": "00000000-7e57-4000-8000-000000000003",
        "outcome": "success", "polls": 4, "retries": 2,
    });
    assert_eq!((ended.code, without_time(ended.json())), (Some(0), expected));
}

#[test]
fn the_text_has_the_url_and_stderr_a_line_for_each_change() {
    let script = format!("RUNNING:10,RUNNING:10,ERROR:InternalError,RUNNING:90.55,SUCCESS:{URL}");
    let ended = run_at(&service(&script).url(), "wait J --interval 0");
    let lines: Vec<_> = ended.stderr.lines().collect();
    let [running, failed, nearly] = lines[..] else { panic!("{ended:?}") };
    assert_eq!((ended.code, running, nearly), (Some(0), "RUNNING 10 %", "RUNNING 90.6 %"));
    assert!(failed.starts_with("InternalError; retrying in 0."), "{ended:?}");
    assert!(ended.stdout.contains(&format!("\ndownload url  {URL}\n")), "{ended:?}");
    assert!(ended.stdout.contains("\nwait          5 requests, 1 retry, "), "{ended:?}");
}

#[test]
fn print_url_prints_only_the_url() {
    let ended = run_at(
        &service(&format!("RUNNING:10,SUCCESS:{URL}")).url(),
        "wait J --print url --interval 0",
    );
    assert_eq!((ended.code, ended.stdout), (Some(0), format!("{URL}\n")));
    assert_eq!(ended.stderr, "RUNNING 10 %\n");
}

/// As in `curl "$(tcss-export wait J --print url)"`: an option or a local file would reach curl.
#[test]
fn print_url_refuses_what_is_no_url_of_a_server() {
    for text in ["-K/dev/stdin", "file:///etc/passwd", "h.example/a.csv"] {
        let service = service(&format!("SUCCESS:{text}"));
        let ended = run_at(&service.url(), "wait J --print url --quiet");
        assert_eq!((ended.code, &*ended.stdout), (Some(2), ""), "{text}");
        let message = "error: the job gave a URL that cannot be used: it is not http or https\n";
        assert!(ended.stderr.starts_with(message), "{ended:?}");
        assert!(ended.stderr.contains(FIRST_ID) && !ended.stderr.contains(text), "{ended:?}");
    }
}

#[test]
fn without_a_url_print_url_prints_nothing_to_stdout() {
    let ended = run_at(&service("FAILURE:disk is full").url(), "wait J --print url");
    assert_eq!((ended.code, &*ended.stdout), (Some(1), ""));
    assert!(ended.stderr.contains("message     disk is full\n"), "{ended:?}");
    let ended = run_at(&service("ERROR:InvalidAction").url(), "wait J --print url");
    assert_eq!((ended.code, &*ended.stdout), (Some(4), ""));
    let ended = run_at(&service("RUNNING").url(), "wait J --print url --timeout 0");
    assert_eq!((ended.code, &*ended.stdout), (Some(3), ""));
    let next = "continue with  tcss-export wait J --print url --endpoint ";
    assert!(ended.stderr.contains(next), "{ended:?}");
}

#[test]
fn print_takes_only_url_and_no_json() {
    let service = service("SUCCESS");
    for line in [
        "wait J --print status",
        "wait J --print url --json",
        "wait J --events --print url",
        "--json wait J --print url",
    ] {
        let ended = run_at(&service.url(), line);
        assert_eq!((ended.code, &*ended.stdout), (Some(2), ""), "{line}: {ended:?}");
    }
    assert!(service.seen().is_empty());
}

#[test]
fn quiet_hides_progress_but_not_the_result() {
    let ended = run_at(&service("RUNNING,SUCCESS").url(), "wait J --interval 0 --quiet");
    assert_eq!((ended.code, &*ended.stderr), (Some(0), ""));
    assert!(ended.stdout.starts_with("status        SUCCESS\n"));
}

#[test]
fn quiet_does_not_hide_errors() {
    let ended = run_at(&service("ERROR:InvalidAction").url(), "wait J --quiet");
    assert!(ended.stderr.starts_with("error: the service refused with InvalidAction: "));
}

#[test]
fn a_failed_job_ends_with_1_and_is_a_result() {
    let service = service("RUNNING:1,FAILURE:disk is full");
    let ended = run_at(&service.url(), "wait J --interval 0 --json --quiet");
    let expected = json!({
        "status": "FAILURE", "progress": 0.0, "download_url": null,
        "failure_message": "disk is full",
        "request_id": "00000000-7e57-4000-8000-000000000001",
        "outcome": "failure", "polls": 2, "retries": 0,
    });
    assert_eq!((ended.code, without_time(ended.json())), (Some(1), expected));
    assert_eq!(ended.stderr, "");
    let ended = run_at(&service.url(), "wait J");
    assert!(ended.stdout.contains("\nmessage     disk is full\n"), "{ended:?}");
    assert_eq!(ended.code, Some(1));
}

#[test]
fn the_deadline_ends_with_3_and_prints_the_last_status() {
    let service = service("RUNNING:10");
    let ended = run_at(&service.url(), "wait J --timeout 1 --interval 60 --json --quiet");
    let expected = json!({
        "status": "RUNNING", "progress": 10.0, "download_url": null, "failure_message": null,
        "request_id": FIRST_ID, "outcome": "timed_out", "polls": 1, "retries": 0,
    });
    assert_eq!((ended.code, without_time(ended.json())), (Some(3), expected));
    assert_eq!(ended.error()["kind"], "timed_out");
    let ended = run_at(&service.url(), "wait J --timeout 1 --interval 60 --quiet");
    let message = "error: the job was not done before the deadline (1 request, ";
    assert!(ended.stderr.starts_with(message), "{ended:?}");
    assert!(ended.stderr.contains(", last status RUNNING at 10 %)\n"), "{ended:?}");
    let (url, job) = (service.url(), "\n  job id         J\n");
    let command = "\n  continue with  tcss-export wait J --interval 60 --endpoint ";
    assert!(ended.stderr.contains(job), "{ended:?}");
    assert!(ended.stderr.ends_with(&format!("{command}{url}\n")), "{ended:?}");
    assert_eq!((ended.code, &*ended.stdout), (Some(3), ""));
}

#[test]
fn a_deadline_after_faults_names_the_last_one() {
    let service = service("RUNNING,ERROR:RequestLimitExceeded");
    let ended = run_at(&service.url(), "wait J --timeout 0.9 --interval 0 --json");
    let error = ended.error();
    let message = error["message"].as_str().expect("a text");
    let last = "; the last request failed: the service refused with RequestLimitExceeded: ";
    assert!(message.contains(last), "{ended:?}");
    assert_eq!(
        (&error["kind"], &error["code"]),
        (&json!("timed_out"), &json!("RequestLimitExceeded"))
    );
    assert_eq!(ended.code, Some(3));
}

#[test]
fn a_service_that_hangs_is_abandoned_at_the_timeout() {
    let service = service("HANG");
    let ended = run_at(&service.url(), "wait J --timeout 0.3");
    let last = format!(
        "; the last request failed: {}: no answer came within the time limit",
        service.addr()
    );
    assert!(ended.stderr.contains(&last), "{ended:?}");
    assert!(
        ended.stderr.contains("hint           try again later; check the network"),
        "{ended:?}"
    );
    assert_eq!((ended.code, &*ended.stdout), (Some(3), ""));
}

#[test]
fn the_hint_says_that_a_job_keeps_running_only_if_it_was_seen_running() {
    let hint = |script: &str| {
        let ended = run_at(&service(script).url(), "wait J --timeout 0.5 --json");
        ended.error()["hint"].as_str().expect("a hint").to_owned()
    };
    let longer = "wait again, perhaps with a longer --timeout";
    assert_eq!(hint("RUNNING"), format!("{longer}: the job keeps running"));
    assert_eq!(hint("STATUS:QUEUED"), longer);
}

#[test]
fn a_timeout_of_zero_sends_no_request() {
    let service = service("SUCCESS");
    let ended = run_at(&service.url(), "wait J --timeout 0 --json");
    assert_eq!((ended.code, &*ended.stdout, service.seen().len()), (Some(3), "", 0));
}

#[test]
fn a_permanent_error_ends_with_4_and_prints_the_last_status() {
    let service = service("RUNNING:10,ERROR:ResourceNotFound");
    let ended = run_at(&service.url(), "wait J --interval 0 --json");
    let expected = json!({
        "status": "RUNNING", "progress": 10.0, "download_url": null, "failure_message": null,
        "request_id": "00000000-7e57-4000-8000-000000000001",
        "outcome": "error", "polls": 2, "retries": 0,
    });
    assert_eq!((ended.code, without_time(ended.json())), (Some(4), expected));
    assert_eq!(ended.error()["code"], "ResourceNotFound");
    let ended = run_at(&service.url(), "wait J");
    assert!(ended.stderr.contains("\n  wait         1 request, "), "{ended:?}");
}

#[test]
fn success_that_never_has_a_url_ends_with_6() {
    let service = service("SUCCESS:");
    let ended = run_at(&service.url(), "wait J --interval 0 --json");
    let object = ended.json();
    assert_eq!((&object["outcome"], &object["download_url"]), (&json!("error"), &Value::Null));
    assert_eq!((ended.code, &ended.error()["kind"]), (Some(6), &json!("answer")));
    assert!(ended.stderr.starts_with("SUCCESS, but no URL yet\n"), "{ended:?}");
}

#[test]
fn a_wrong_clock_is_corrected() {
    let ended = run_at(&service("SKEW:600,SUCCESS").url(), "wait J --interval 0");
    let line = "AuthFailure.SignatureExpire; clock corrected by +";
    assert!(ended.stderr.starts_with(line), "{ended:?}");
    assert!(ended.stderr.ends_with(" s; retrying at once\n"), "{ended:?}");
    assert_eq!(ended.code, Some(0));
}

/// Returns the line of progress for a step that does not end the wait.
fn survived(step: &str) -> String {
    let ended = run_at(&service(&format!("{step},SUCCESS")).url(), "wait J");
    assert_eq!((ended.code, ended.stderr.lines().count()), (Some(0), 1), "{ended:?}");
    ended.stderr
}

#[test]
fn throttling_is_reported() {
    let line = survived("ERROR:RequestLimitExceeded");
    let start = "RequestLimitExceeded; throttled: backing off; retrying in ";
    assert!(line.starts_with(start) && line.ends_with(" s\n"), "{line}");
}

#[test]
fn a_new_request_for_credentials_is_reported() {
    let expected = "AuthFailure.TokenFailure; credentials requested again; retrying at once\n";
    assert_eq!(survived("ERROR:AuthFailure.TokenFailure"), expected);
}

#[test]
fn faults_without_a_code_have_a_short_text() {
    assert!(survived("HTTP:502").starts_with("got a page, HTTP status 502; retrying in "));
    assert!(survived("EMPTY").starts_with("empty answer, HTTP status 200; retrying in "));
}

#[test]
fn a_broken_connection_names_its_host_and_port_while_the_wait_retries() {
    let service = service("RESET,SUCCESS");
    let ended = run_at(&service.url(), "wait J");
    let start = format!("{}: the connection failed: ", service.addr());
    assert!(ended.stderr.starts_with(&start), "{ended:?}");
    assert!(ended.stderr.ends_with("; retrying at once\n"), "{ended:?}");
}

#[test]
fn a_repeated_fault_is_reported_again() {
    let step = "ERROR:InternalError";
    let ended = run_at(&service(&format!("{step},{step},SUCCESS")).url(), "wait J");
    assert_eq!(ended.stderr.matches("InternalError; retrying in ").count(), 2, "{ended:?}");
}

#[test]
fn a_given_interval_does_not_grow() {
    let service = service("RUNNING,RUNNING,RUNNING,RUNNING,SUCCESS");
    run_at(&service.url(), "wait J --interval 0.2");
    let times: Vec<_> = service.seen().iter().map(|seen| seen.at.as_millis()).collect();
    let pauses: Vec<_> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(pauses.iter().all(|pause| *pause >= 199), "{pauses:?}");
    // An interval that grows by half each time would be 675 ms here.
    assert!(pauses[3] < 600, "{pauses:?}");
}
