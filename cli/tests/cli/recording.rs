//! `wait --record`: the file, its mode, its errors, and masked secrets.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};
use tcss_export_testkit::wire::WireAnswer;

use crate::support::{Cli, Ended, KEY, TOKEN, URL, cli, new_file, server, service, without_keys};

fn recorded(url: &str, file: &Path) -> Cli {
    let args = ["wait", "J", "--interval", "0", "--quiet", "--endpoint", url, "--record"];
    cli(&args).arg(file)
}

fn lines(file: &Path) -> Vec<Value> {
    let text = fs::read_to_string(file).expect("a file");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn replayed(file: &Path) -> Ended {
    without_keys(&["replay", "--json"]).arg(file).run()
}

/// Checks that the file is refused with exit code 7, this message and this hint.
fn refused(cli: Cli, message: &str, hint: &str) {
    let ended = cli.arg("--json").run();
    assert_eq!((ended.code, &ended.error()["kind"]), (Some(7), &json!("file")), "{ended:?}");
    let text = ended.error()["message"].as_str().expect("a text").to_owned();
    assert!(text.contains(message), "{text}");
    let shown = ended.error()["hint"].as_str().expect("a hint").to_owned();
    assert!(shown.contains(hint), "{shown}");
}

#[test]
fn each_exchange_is_a_line_of_the_file() {
    let service = service(&format!("SKEW:600,RUNNING:10,ERROR:InternalError,RESET,SUCCESS:{URL}"));
    let file = new_file("whole.jsonl");
    assert_eq!(recorded(&service.url(), &file).run().code, Some(0));
    let lines = lines(&file);
    let kinds: Vec<_> = lines.iter().map(|line| line["line"].as_str().expect("a text")).collect();
    let expected = ["begun", "polled", "polled", "polled", "polled", "polled", "ended"];
    assert_eq!(kinds, expected);
    assert_eq!(lines[6]["outcome"], "success");
}

#[test]
fn only_the_owner_can_read_the_file() {
    let file = new_file("private.jsonl");
    recorded(&service("SUCCESS").url(), &file).run();
    assert_eq!(fs::metadata(&file).expect("a file").permissions().mode() & 0o777, 0o600);
}

#[test]
fn an_existing_file_is_replaced_only_with_force() {
    let service = service("SUCCESS");
    let file = new_file("kept.jsonl");
    fs::write(&file, "x".repeat(9_999)).expect("a file");
    refused(recorded(&service.url(), &file), "kept.jsonl exists", "--force");
    assert_eq!(service.seen().len(), 0);
    assert_eq!(fs::metadata(&file).expect("a file").len(), 9_999);
    assert_eq!(recorded(&service.url(), &file).arg("--force").run().code, Some(0));
    assert_eq!(replayed(&file).code, Some(0));
}

#[test]
#[cfg(unix)]
fn a_link_is_replaced_itself() {
    let (link, target) = (new_file("link.jsonl"), new_file("target.txt"));
    fs::write(&target, "keep").expect("a file");
    std::os::unix::fs::symlink(&target, &link).expect("a link");
    let ended = recorded(&service("SUCCESS").url(), &link).arg("--force").run();
    assert_eq!((ended.code, replayed(&link).code), (Some(0), Some(0)), "{ended:?}");
    assert_eq!(fs::read_to_string(&target).expect("a file"), "keep");
    assert!(fs::symlink_metadata(&link).expect("a file").is_file());
    assert_eq!(fs::metadata(&link).expect("a file").permissions().mode() & 0o777, 0o600);
}

#[test]
fn an_existing_file_stays_until_the_first_exchange_is_recorded() {
    // A listener that accepts connections and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", silent.local_addr().expect("an address"));
    let file = new_file("waiting.jsonl");
    let part = file.with_file_name(".waiting.jsonl.part");
    fs::write(&file, "keep").expect("a file");
    let running =
        cli(&["wait", "J", "--endpoint", &url, "--force", "--record"]).arg(&file).start(0);
    let _connection = silent.accept().expect("a connection");
    assert!(part.exists(), "the first lines are beside the file");
    running.signal("-INT");
    assert_eq!(running.end().code, Some(130));
    assert_eq!((fs::read_to_string(&file).expect("a file"), part.exists()), ("keep".into(), false));
}

#[test]
fn wrong_usage_creates_no_file() {
    let file = new_file("none.jsonl");
    let ended = without_keys(&["wait", "J", "--record"]).arg(&file).run();
    assert_eq!((ended.code, file.exists()), (Some(2), false));
}

#[test]
fn a_file_that_cannot_be_created_ends_with_7() {
    let service = service("SUCCESS");
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let at = |path: &Path| recorded(&service.url(), path);
    refused(at(directory).arg("--force"), "cannot be written: ", "name a file, not a folder");
    refused(at(&directory.join("no/such")), "cannot be written: ", "check that the folder exists");
    assert_eq!(service.seen().len(), 0);
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_ends_the_wait_with_7() {
    let service = service("RUNNING");
    let full = Path::new("/dev/full");
    let cli = recorded(&service.url(), full).arg("--force");
    refused(cli, "/dev/full cannot be written: ", "make room");
}

/// Runs a wait whose recording fails after its first line.
#[cfg(unix)]
fn failed_midway(script: &str, name: &str, args: &[&str]) -> Ended {
    use std::io::{BufRead, BufReader};

    let (service, pipe) = (service(script), new_file(name));
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let path = pipe.clone();
    // Reads the first line and closes the pipe.
    let reader = std::thread::spawn(move || {
        let mut line = String::new();
        BufReader::new(fs::File::open(path).unwrap()).read_line(&mut line).unwrap();
    });
    let wait = ["wait", "J", "--interval", "0.3", "--endpoint", &service.url(), "--force"];
    let ended = cli(&[&wait, args].concat()).arg("--record").arg(&pipe).run();
    reader.join().unwrap();
    ended
}

#[test]
#[cfg(unix)]
fn a_recording_that_fails_midway_keeps_the_result() {
    let ended = failed_midway("RUNNING:10,SUCCESS", "pipe", &[]);
    assert_eq!(ended.code, Some(7));
    assert!(ended.stdout.contains("download url"), "{}", ended.stdout);
}

#[test]
#[cfg(unix)]
fn a_recording_that_fails_midway_is_reported_at_each_kind_of_end() {
    for (script, args, code) in
        [("RUNNING", &["--timeout", "1"][..], 3), ("RUNNING,ERROR:Made.Up", &[], 4)]
    {
        let ended = failed_midway(script, &format!("pipe-{code}"), args);
        let is_reported = ended.stderr.contains(&format!("pipe-{code} cannot be written: "));
        assert!(ended.code == Some(code) && is_reported, "{ended:?}");
    }
}

#[test]
fn the_recording_of_an_interrupted_wait_can_be_replayed() {
    let service = service("RUNNING:10");
    let file = new_file("interrupted.jsonl");
    let args = ["wait", "J", "--interval", "600", "--endpoint", &service.url(), "--record"];
    let running = cli(&args).arg(&file).stdout(Stdio::null()).start(1);
    // A line of progress appears after its line of the recording.
    assert_eq!(lines(&file).len(), 2);
    running.signal("-INT");
    assert_eq!(running.end().code, Some(130));
    let ended = replayed(&file);
    let last = ended.objects().pop().expect("an object");
    assert_eq!((ended.code, &last["as_recorded"]), (Some(0), &json!(true)));
    assert_eq!((&last["lines"], &last["outcome"]), (&json!(2), &Value::Null));
}

#[test]
fn echoed_secrets_are_masked_and_the_recording_can_be_replayed() {
    let signature = "0123456789abcdef".repeat(4);
    let long = "x".repeat(400);
    let echo = format!(
        "{KEY} {TOKEN} Signature={signature} (https://u:{KEY}@h.example/?EXAMPLEQUERY) {long}"
    );
    let failure = format!(r#""ExportStatus":"FAILURE","FailureMsg":"{echo}""#);
    let success = format!(r#""ExportStatus":"SUCCESS","DownloadURL":"{URL}""#);
    let running = format!(r#""ExportStatus":"{TOKEN}","RequestId":"{KEY}""#);
    let error = |code| format!(r#""Error":{{"Code":"{code}","Message":"{echo}"}}"#);
    let codes = ["InternalError", "ResourceNotFound", "AuthFailure.TokenFailure"].map(error);
    for members in [failure, success, running].iter().chain(&codes) {
        let server = server(WireAnswer::json(format!(r#"{{"Response":{{{members}}}}}"#)));
        let file = new_file("echo.jsonl");
        let wait = recorded(&server.url(), &file).arg("--timeout=0.3");
        // The result itself is not masked.
        wait.env("TENCENTCLOUD_TOKEN", TOKEN).stdout(Stdio::null()).run();
        let text = fs::read_to_string(&file).expect("a file");
        for secret in [KEY, TOKEN, &signature, "EXAMPLEQUERY", "Authorization"] {
            assert!(!text.contains(secret), "{secret} is in {text}");
        }
        assert_eq!(replayed(&file).code, Some(0), "{text}");
    }
}

#[test]
fn texts_of_other_servers_are_masked_too() {
    let at = |name: &str| format!("https://{KEY}.example/{name}");
    let host = format!("{KEY}.example");
    for (status, header, body) in [
        (302, ("location", &*at("a")), ""),
        (200, ("content-encoding", KEY), "{}"),
        (502, ("content-type", KEY), "page"),
        (502, ("content-type", "text/html"), &*host),
    ] {
        let server = server(WireAnswer::response(status, &[header], body));
        let file = new_file("page.jsonl");
        recorded(&server.url(), &file).arg("--timeout=1").run();
        let text = fs::read_to_string(&file).expect("a file");
        assert!(text.contains("***") && !text.contains(KEY), "{header:?}: {text}");
        assert_eq!(replayed(&file).code, Some(0), "{text}");
    }
}

#[test]
fn words_of_the_recording_and_request_ids_are_not_masked() {
    let id = "0123456789".repeat(4);
    let running = format!(r#"{{"Response":{{"ExportStatus":"RUNNING","RequestId":"{id}"}}}}"#);
    for (answer, expected) in
        [(WireAnswer::json(running), &*id), (WireAnswer::raw("").then_close(), "\"Connection\"")]
    {
        let (server, file) = (server(answer), new_file("words.jsonl"));
        let wait = recorded(&server.url(), &file).arg("--timeout=1");
        let ended = wait.env("HTTPS_PROXY", "http://u:Connection@p.example").run();
        assert_eq!(ended.code, Some(3), "{ended:?}");
        let text = fs::read_to_string(&file).expect("a file");
        assert!(text.contains(expected), "{text}");
        assert_eq!(replayed(&file).code, Some(0), "{text}");
    }
}

#[test]
fn a_recording_holds_no_character_that_controls_a_terminal() {
    let odd = ['\u{9b}', '\u{7f}', '\u{202e}', '\u{200b}', '\u{e0041}'];
    let message = format!("a{}b", odd.iter().collect::<String>());
    let failure =
        format!(r#"{{"Response":{{"ExportStatus":"FAILURE","FailureMsg":"{message}"}}}}"#);
    let file = new_file("odd.jsonl");
    recorded(&server(WireAnswer::json(failure)).url(), &file).run();
    assert!(!fs::read_to_string(&file).expect("a file").contains(odd));
    assert!(lines(&file).iter().any(|line| line.to_string().contains(&message)));
    assert_eq!(replayed(&file).code, Some(0));
}
