//! Time limits of downloads.

use std::net::TcpListener;
use std::process::Stdio;

use serde_json::json;

use super::{download, megabyte, serving};
use crate::support::{Folder, cli, without_keys};

#[test]
fn a_failed_job_ends_with_1_and_a_deadline_with_3() {
    let folder = Folder::new("download-wait");
    let ended = download(&serving("x", "FAILURE:no", ""), &folder, &["--json"]);
    let object = ended.json();
    assert_eq!((ended.code, &object["job_id"]), (Some(1), &json!("J")));
    assert_eq!((&object["outcome"], &object["failure_message"]), (&json!("failure"), &json!("no")));
    let ended = download(&serving("x", "RUNNING", ""), &folder, &["--json", "--timeout", "0.2"]);
    let error = ended.error();
    assert_eq!((ended.code, &*ended.stdout), (Some(3), ""));
    assert_eq!((&error["kind"], &error["job_id"]), (&json!("timed_out"), &json!("J")));
    assert!(folder.files().is_empty());
}

#[test]
fn a_slow_server_ends_with_3_at_the_limit_of_the_download() {
    let folder = Folder::new("download-drip");
    let service = serving(megabyte(), "SUCCESS", "SLOW:20");
    let args = [
        &["--download-timeout", "0.5", "--stall", "9", "--timeout", "99"][..],
        &["--connections", "2", "--json"],
    ];
    let args = args.concat();
    let ended = download(&service, &folder, &args);
    let error = ended.error();
    assert_eq!((ended.code, &error["kind"]), (Some(3), &json!("timed_out")), "{error}");
    let hint = "download again with a longer --download-timeout or none";
    let command = format!(
        "tcss-export download J -o {} --stall 9 --connections 2 --timeout 99 --interval 0 --endpoint {}",
        folder.path("f"),
        service.url()
    );
    assert_eq!((&error["hint"], &error["command"]), (&json!(hint), &json!(command)), "{error}");
    assert_eq!(folder.files(), [".f.part", ".f.part.json"]);
}

#[test]
fn the_hint_after_the_limit_says_to_discard_the_bytes_on_stdout() {
    let service = serving("x".repeat(100_000), "SUCCESS", "SLOW:20");
    let url = service.url();
    let args = ["download", "J", "-o", "-", "--download-timeout", "0.5", "--endpoint", &url];
    let ended = cli(&args).run();
    let end = format!(
        "\n  hint           discard the output and download again with a longer \
         --download-timeout or none\n  download with  tcss-export download J -o - \
         --endpoint {url}\n"
    );
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(!ended.stdout.is_empty() && ended.stderr.ends_with(&end), "{ended:?}");
}

#[test]
fn an_unreachable_file_server_is_reported_with_the_cause() {
    let closed = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port");
    let url = format!("http://{closed}/f?q-signature=EXAMPLEQUERY");
    let folder = Folder::new("download-unreachable");
    let file = folder.path("f");
    let running = without_keys(&["download", "--url", &url, "-o", &file]);
    let running = running.stdout(Stdio::null()).start(1);
    running.signal("-KILL");
    let stderr = running.end().stderr;
    let line = stderr.lines().next().expect("a line");
    assert!(line.starts_with(&format!("{closed}: the connection failed: ")), "{line}");
    assert!(line.contains("onnection refused") && line.ends_with("; retrying at once"), "{line}");
}

#[test]
fn the_limit_of_a_download_reports_an_unreachable_server() {
    let closed = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port");
    let folder = Folder::new("download-never-reached");
    let (url, file) = (format!("http://{closed}/f"), folder.path("f"));
    let args = ["download", "--url", &url, "-o", &file, "--download-timeout", "0.2", "--json"];
    let ended = without_keys(&args).run();
    let error = ended.error();
    let message = error["message"].as_str().expect("a text");
    let last = format!("; the last request failed: {closed}: the connection failed: ");
    assert!(message.contains(&last), "{error}");
    let hint = json!("check the network and the host of the URL");
    assert_eq!((ended.code, &error["hint"]), (Some(3), &hint));
}

#[test]
fn the_limit_of_a_download_reports_the_last_refusal() {
    let folder = Folder::new("download-never-served");
    let service = serving(megabyte(), "SUCCESS", &["HTTP:503"; 20].join(","));
    let ended = download(&service, &folder, &["--download-timeout", "0.3", "--json"]);
    let error = ended.error();
    let message = error["message"].as_str().expect("a text");
    assert!(message.contains("; the last request failed: the file server answered "), "{error}");
    assert_eq!((ended.code, &error["status"]), (Some(3), &json!(503)), "{error}");
    assert_eq!(error["code"], json!("SlowDown"), "{error}");
}

#[test]
fn a_stalled_download_is_resumed() {
    let folder = Folder::new("download-stall");
    let service = serving(megabyte(), "SUCCESS", "STALL:500000");
    let ended = download(&service, &folder, &["--stall", "0.2", "--json"]);
    assert_eq!((ended.code, &ended.json()["resumed"]), (Some(0), &json!(true)), "{ended:?}");
    assert_eq!(folder.read("f"), megabyte());
}
