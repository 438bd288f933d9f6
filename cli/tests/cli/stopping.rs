//! Signals end a wait, and the error has the next command.

use std::io::{self, Write};
use std::process::Stdio;
use std::sync::mpsc;

use serde_json::{Value, json};

use crate::support::{Ended, FIRST_ID, builder, cli, service};

/// Runs a wait with a long interval, and stops it after its first line of progress.
fn stopped(signal: &str, args: &[&str]) -> (Ended, String) {
    let service = service("RUNNING:10");
    let url = service.url();
    let wait = ["wait", "--interval", "600", "--endpoint", &url];
    let running = cli(&[&wait, args].concat()).stdout(Stdio::piped()).start(1);
    running.signal(signal);
    (running.end(), url)
}

#[test]
fn an_interrupt_ends_with_130_and_prints_the_next_command() {
    let (ended, url) = stopped("-INT", &["J"]);
    let stderr = format!(
        "RUNNING 10 %\nstopped waiting; continue with: tcss-export wait J --interval 600 --endpoint {url}\n"
    );
    assert_eq!((ended.code, ended.stderr, &*ended.stdout), (Some(130), stderr, ""));
}

#[test]
fn a_termination_ends_with_143_and_prints_the_next_command() {
    let (ended, url) = stopped("-TERM", &["J"]);
    let line = format!(
        "\nstopped waiting; continue with: tcss-export wait J --interval 600 --endpoint {url}\n"
    );
    assert!(ended.stderr.ends_with(&line), "{ended:?}");
    assert_eq!(ended.code, Some(143));
}

#[test]
fn an_odd_job_id_is_quoted_for_the_shell() {
    let (ended, url) = stopped("-INT", &["--", "-it's $1"]);
    let line = format!(
        r"continue with: tcss-export wait --interval 600 --endpoint {url} -- '-it'\''s $1'"
    );
    assert!(ended.stderr.trim_end().ends_with(&line), "{ended:?}");
}

#[test]
fn with_json_an_interrupt_prints_the_last_status_and_an_error() {
    for (signal, code, kind) in [("-INT", 130, "interrupted"), ("-TERM", 143, "terminated")] {
        let (ended, url) = stopped(signal, &["J", "--json"]);
        let mut object = ended.json();
        let seconds = object.as_object_mut().expect("an object").remove("elapsed_seconds");
        assert!(seconds.as_ref().is_some_and(Value::is_number), "{ended:?}");
        let expected = json!({
            "status": "RUNNING", "progress": 10.0, "download_url": null, "failure_message": null,
            "request_id": FIRST_ID, "outcome": "cancelled", "polls": 1, "retries": 0,
        });
        let error = json!({
            "kind": kind, "code": null, "message": "stopped waiting", "status": null,
            "request_id": null, "file_request_id": null, "job_id": "J",
            "url": null, "tried": null, "hint": null,
            "command": format!("tcss-export wait J --interval 600 --endpoint {url}"),
        });
        assert_eq!((ended.code, object, ended.error()), (Some(code), expected, error));
    }
}

#[test]
fn without_a_good_answer_an_interrupt_prints_no_status() {
    let service = service("ERROR:InternalError,HANG");
    let args = ["wait", "J", "--json", "--endpoint", &service.url()];
    let running = cli(&args).stdout(Stdio::piped()).start(1);
    running.signal("-INT");
    let ended = running.end();
    assert_eq!((ended.code, &*ended.stdout), (Some(130), ""));
    assert_eq!(ended.error()["kind"], "interrupted");
}

#[test]
fn an_interrupt_does_not_wait_for_a_request_under_way() {
    let (sender, receiver) = mpsc::channel();
    let service = builder("HANG")
        .watch(move |_| sender.send(()).unwrap_or_default())
        .start()
        .expect("a service");
    let running = cli(&["wait", "J", "--endpoint", &service.url()]).start(0);
    receiver.recv().expect("a request");
    running.signal("-INT");
    let ended = running.end();
    assert!(ended.stderr.starts_with("stopped waiting; "), "{ended:?}");
    assert_eq!(ended.code, Some(130));
}

/// As SIGINT is for a command that a script starts with `&`.
#[test]
#[cfg(target_os = "linux")]
fn a_signal_that_was_ignored_at_the_start_stays_ignored() {
    for signal in ["INT", "TERM"] {
        let service = service("RUNNING:1,RUNNING:2,SUCCESS");
        let wait = ["wait", "J", "--interval", "0.2", "--endpoint", &service.url()];
        let running = cli(&wait).ignoring(signal).stdout(Stdio::piped()).start(1);
        running.signal(&format!("-{signal}"));
        let ended = running.end();
        assert_eq!((ended.code, &*ended.stderr), (Some(0), "RUNNING 1 %\nRUNNING 2 %\n"));
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_second_interrupt_ends_a_process_that_hangs_at_a_full_pipe() {
    let (sender, receiver) = mpsc::channel();
    let service = builder("RUNNING").watch(move |_| sender.send(()).unwrap_or_default()).start();
    let service = service.expect("a service");
    let (_unread, mut writer) = io::pipe().expect("a pipe");
    // Fills the pipe.
    writer.write_all(&[b'\n'; 1 << 16]).expect("room");
    let args = ["wait", "J", "--events", "--endpoint", &service.url()];
    let mut running = cli(&args).stdout(writer).start(0);
    receiver.recv().expect("a request");
    running.signal_until_the_end("-INT");
    let ended = running.end();
    assert_eq!((ended.code, &*ended.stderr), (Some(130), ""));
}
