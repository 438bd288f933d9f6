//! A finished job, or a URL, becomes a file.

use std::fs;
use std::net::TcpListener;
use std::process::Stdio;
use std::thread;

use serde_json::{Value, json};
use tcss_export_testkit::wire::{WireAnswer, WireServer};
use tcss_export_testkit::{SeenAnswer, ServedFile, Service};

use crate::support::{Ended, Folder, builder, cli, server, service, without_keys};

/// By `crc64` of other code than the client's: the check value of CRC-64/XZ.
const CHECK: (&str, &str) = ("123456789", "11051210869376104954");

/// Starts a service whose jobs end in a file of these bytes.
fn serving(bytes: impl Into<Vec<u8>>, script: &str, faults: &str) -> Service {
    let file = ServedFile::bytes("served.csv", bytes.into());
    let service = builder(script).file(file).download_faults(faults.parse().expect("faults"));
    service.start().expect("a service")
}

/// Downloads the file of a job into the folder.
fn download(service: &Service, folder: &Folder, args: &[&str]) -> Ended {
    let (url, file) = (service.url(), folder.path("f"));
    let common = ["download", "J", "-o", &file, "--interval", "0", "--endpoint", &url];
    cli(&[&common, args].concat()).run()
}

/// Downloads a URL without keys.
fn download_url(url: &str, folder: &Folder) -> Ended {
    without_keys(&["download", "--url", url, "--json", "-o", &folder.path("f")]).run()
}

/// Counts the downloads that a service was asked for.
fn downloads(service: &Service) -> usize {
    let is_download = |answer: &SeenAnswer| matches!(answer, SeenAnswer::Download { .. });
    service.seen().iter().filter(|seen| is_download(&seen.answer)).count()
}

fn megabyte() -> Vec<u8> {
    (0..1_000_000_u32).map(|n| (n % 251) as u8).collect()
}

#[test]
fn people_get_one_line_about_the_file() {
    let folder = Folder::new("download-line");
    let service = serving(CHECK.0, "RUNNING:10,SUCCESS", "");
    let ended = download(&service, &folder, &[]);
    let line = format!("{}: 9 bytes, CRC-64 verified\n", folder.path("f"));
    assert_eq!((ended.code, ended.stdout, &*ended.stderr), (Some(0), line, "RUNNING 10 %\n"));
    assert_eq!(folder.files(), ["f"]);
    assert_eq!(folder.read("f"), CHECK.0.as_bytes());
}

#[test]
fn as_json_there_is_one_object() {
    let folder = Folder::new("download-json");
    let service = serving(CHECK.0, "RUNNING,SUCCESS", "");
    let ended = download(&service, &folder, &["--json", "--quiet"]);
    let expected = json!({
        "job_id": "J", "file": folder.path("f"), "bytes": 9, "crc64": CHECK.1,
        "verified": true, "resumed": false, "polls": 2,
    });
    assert_eq!((ended.code, ended.json(), &*ended.stderr), (Some(0), expected, ""));
}

#[test]
fn a_file_without_a_checksum_is_not_called_verified() {
    let folder = Folder::new("download-unverified");
    let service = serving(CHECK.0, "SUCCESS", "NOCRC");
    let ended = download(&service, &folder, &[]);
    assert!(ended.stdout.ends_with(": 9 bytes, no CRC-64 to check it by\n"), "{ended:?}");
}

#[test]
fn a_cut_and_an_expired_url_are_told_and_gone_through() {
    let folder = Folder::new("download-cut");
    let service = serving(megabyte(), "SUCCESS", "CUT:400000,EXPIRED");
    let ended = download(&service, &folder, &["--json"]);
    let object = ended.json();
    assert_eq!(
        (ended.code, &object["resumed"], &object["polls"]),
        (Some(0), &json!(true), &json!(2))
    );
    let told: Vec<_> =
        ended.stderr.lines().filter(|line| !line.starts_with(char::is_numeric)).collect();
    let [cut, expired, renewed, resumed] = told[..] else { panic!("{ended:?}") };
    assert!(cut.starts_with("the answer was incomplete: "), "{cut}");
    assert!(cut.contains("; retrying in 0."), "{cut}");
    assert!(expired.starts_with("the file server answered AccessDenied: Request has expired"));
    assert_eq!(renewed, "the job gave a new URL");
    assert_eq!(resumed, "resuming after 400,000 of 1,000,000 bytes (40 %)");
    assert_eq!(folder.read("f"), megabyte());
}

#[test]
fn a_wrong_range_is_told_and_that_it_starts_again() {
    let folder = Folder::new("download-range");
    let ended = download(&serving(megabyte(), "SUCCESS", "CUT:400000,RANGE"), &folder, &[]);
    let told: Vec<_> =
        ended.stderr.lines().filter(|line| !line.starts_with(char::is_numeric)).collect();
    let [cut, range, restart] = told[..] else { panic!("{ended:?}") };
    assert!(cut.starts_with("the answer was incomplete: "), "{cut}");
    assert!(range.starts_with("the answer holds another range than was asked for; retrying in "));
    assert_eq!((ended.code, restart), (Some(0), "starting again from the first byte"));
}

#[test]
fn without_a_terminal_each_tenth_is_a_line() {
    let folder = Folder::new("download-lines");
    let service = serving(megabyte(), "SUCCESS", "SLOW:100000");
    let ended = download(&service, &folder, &[]);
    let percent = |line: &str| -> Option<u32> {
        let (_, percent) = line.split_once(" of 1,000,000 bytes (")?;
        percent.strip_suffix(" %)")?.parse().ok()
    };
    let shown: Vec<_> = ended.stderr.lines().map(|line| percent(line).expect(line)).collect();
    let tenths: Vec<_> = shown.iter().map(|percent| percent / 10).collect();
    // Bytes that come together are one line.
    assert!((1..10).contains(&tenths.len()) && tenths.is_sorted_by(|a, b| a < b), "{ended:?}");
    assert!(tenths.iter().all(|tenth| (1..10).contains(tenth)), "{ended:?}");
}

#[test]
fn quiet_silences_the_progress_of_a_download() {
    let folder = Folder::new("download-quiet");
    let service = serving(megabyte(), "SUCCESS", "CUT:400000");
    let ended = download(&service, &folder, &["--quiet"]);
    assert_eq!((ended.code, &*ended.stderr), (Some(0), ""));
}

#[test]
fn a_url_needs_no_key_and_has_no_job() {
    let folder = Folder::new("download-url");
    let service = serving(CHECK.0, "SUCCESS", "");
    let ended = download_url(&service.file_url().expect("a URL"), &folder);
    assert_eq!((ended.code, &ended.json()["job_id"]), (Some(0), &Value::Null), "{ended:?}");
    assert_eq!((&ended.json()["polls"], downloads(&service)), (&json!(0), 1));
}

#[test]
fn stdout_holds_the_file_alone() {
    let service = serving("a,b\r\n1,2\r\n", "SUCCESS", "");
    let args = ["download", "J", "-o", "-", "--endpoint", &service.url()];
    let ended = cli(&args).run();
    assert_eq!((ended.code, &*ended.stdout), (Some(0), "a,b\r\n1,2\r\n"));
    assert_eq!(ended.stderr, "stdout: 10 bytes, CRC-64 verified\n");
    let ended = cli(&args).arg("--json").run();
    let object: Value = serde_json::from_str(&ended.stderr).expect("an object");
    assert_eq!((&*ended.stdout, &object["file"]), ("a,b\r\n1,2\r\n", &json!("-")));
}

#[test]
fn a_failed_job_leaves_stdout_empty_too() {
    let service = serving("x", "FAILURE:no", "");
    let ended = cli(&["download", "J", "-o", "-", "--endpoint", &service.url()]).run();
    assert_eq!((ended.code, &*ended.stdout), (Some(1), ""));
    assert!(ended.stderr.starts_with("job id      J\nstatus      FAILURE\n"), "{ended:?}");
}

#[test]
fn a_stdout_that_is_closed_early_has_not_got_the_file() {
    let service = serving(megabyte(), "SUCCESS", "");
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let args = ["download", "J", "-o", "-", "--quiet", "--endpoint", &service.url()];
    let ended = cli(&args).stdout(writer).run();
    assert_eq!(ended.code, Some(7), "{ended:?}");
    assert!(ended.stderr.starts_with("error: the output cannot be written: "), "{ended:?}");
}

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
fn a_file_that_exists_is_kept_and_nothing_is_asked() {
    let folder = Folder::new("download-exists");
    fs::write(folder.path("f"), "old").expect("a file");
    let service = serving(CHECK.0, "SUCCESS", "");
    let ended = download(&service, &folder, &[]);
    let hint = "\n  hint  name another file, or replace this one with --force\n";
    assert_eq!(ended.code, Some(7), "{ended:?}");
    assert!(ended.stderr.ends_with(hint), "{ended:?}");
    let ended = download_url(&service.file_url().expect("a URL"), &folder);
    assert_eq!((ended.code, &ended.error()["kind"]), (Some(7), &json!("file")));
    assert_eq!((folder.read("f"), service.seen().len()), (b"old".to_vec(), 0));
}

#[test]
fn force_replaces_a_file_once_the_new_one_is_whole() {
    let folder = Folder::new("download-force");
    fs::write(folder.path("f"), "old").expect("a file");
    let gone = serving(CHECK.0, "SUCCESS", "GONE");
    assert_eq!(download(&gone, &folder, &["--force"]).code, Some(4));
    assert_eq!(folder.read("f"), b"old");
    assert_eq!(download(&gone, &folder, &["--force"]).code, Some(0));
    assert_eq!((folder.read("f"), folder.files().len()), (CHECK.0.as_bytes().to_vec(), 1));
}

#[test]
fn what_the_file_server_refuses_ends_with_4_and_its_facts() {
    let folder = Folder::new("download-refused");
    for (fault, code, status) in [
        ("EXPIRED", "AccessDenied", 403),
        ("DENIED", "AccessDenied", 403),
        ("GONE", "NoSuchKey", 404),
    ] {
        let service = serving(CHECK.0, "SUCCESS", fault);
        let ended = download_url(&service.file_url().expect("a URL"), &folder);
        let error = ended.error();
        assert_eq!((ended.code, &error["kind"]), (Some(4), &json!("api")), "{error}");
        assert_eq!((&error["code"], &error["status"]), (&json!(code), &json!(status)), "{error}");
        assert!(error["request_id"].is_string(), "{error}");
        assert_eq!(downloads(&service), 1);
    }
    assert!(folder.files().is_empty());
}

#[test]
fn without_a_new_url_the_job_s_refusal_counts() {
    let folder = Folder::new("download-no-new-url");
    let service = serving(CHECK.0, "SUCCESS,ERROR:InvalidAction", "EXPIRED");
    let ended = download(&service, &folder, &["--json"]);
    let error = ended.error();
    assert_eq!((ended.code, &error["code"]), (Some(4), &json!("InvalidAction")), "{error}");
    let message = error["message"].as_str().expect("a text");
    assert!(message.contains("; a new URL was needed: the URL has expired: "), "{error}");
    // The first answer gave the URL.
    assert_eq!(error["request_id"], "00000000-7e57-4000-8000-000000000002");
    assert_eq!(error["file_request_id"], "00000000-7e57-4000-8000-000000000001");
}

#[test]
fn a_job_that_fails_when_a_new_url_is_needed_is_the_result_that_it_is_for_wait() {
    let folder = Folder::new("download-failed-later");
    let service = serving(CHECK.0, "SUCCESS,FAILURE:no", "EXPIRED");
    let ended = download(&service, &folder, &["--json", "--quiet"]);
    let object = ended.json();
    assert_eq!((ended.code, &*ended.stderr), (Some(1), ""));
    for (member, expected) in [("job_id", "J"), ("outcome", "failure"), ("failure_message", "no")] {
        assert_eq!(object[member], expected, "{object}");
    }
    assert_eq!(object["request_id"], "00000000-7e57-4000-8000-000000000002");
    let why = object["new_url_needed"].as_str().expect("a text");
    assert!(why.starts_with("the URL has expired: the file server answered "), "{why}");
    let service = serving(CHECK.0, "SUCCESS,FAILURE:no", "EXPIRED");
    let ended = download(&service, &folder, &[]);
    assert!(ended.stdout.starts_with("job id      J\nstatus      FAILURE\n"), "{ended:?}");
    assert!(ended.stdout.contains("\nnew url     needed: the URL has expired: "), "{ended:?}");
    assert!(
        !ended.stdout.contains("continue with") && !ended.stderr.contains("continue with"),
        "{ended:?}"
    );
}

#[test]
fn after_a_refused_new_url_nobody_is_sent_to_the_job_s_id() {
    let folder = Folder::new("download-refused-twice");
    for faults in ["DENIED,DENIED", "EXPIRED,EXPIRED"] {
        let ended = download(&serving(CHECK.0, "SUCCESS", faults), &folder, &["--json"]);
        let (code, error) = (ended.code, ended.error());
        let hint = "a new URL was refused too: set the clock of this machine; if it fails again, give \
            the request id to the service's support; continue with: tcss-export download J ";
        assert_eq!((code, &error["code"]), (Some(4), &json!("AccessDenied")), "{error}");
        assert!(error["hint"].as_str().expect("a hint").starts_with(hint), "{error}");
    }
}

#[test]
fn a_job_that_gives_the_same_url_again_is_told() {
    let folder = Folder::new("download-same-url");
    let files = serving(CHECK.0, "SUCCESS", "DENIED");
    let script = format!("SUCCESS:{}", files.file_url().expect("a URL"));
    let ended = download(&service(&script), &folder, &["--json"]);
    let (code, error) = (ended.code, ended.error());
    let hint = "the job gives the same URL again: set the clock";
    assert!(error["hint"].as_str().expect("a hint").starts_with(hint), "{error}");
    assert_eq!((code, downloads(&files)), (Some(4), 1));
}

#[test]
fn people_are_told_who_has_refused() {
    let folder = Folder::new("download-gone");
    let ended = download(&serving(CHECK.0, "SUCCESS", "GONE"), &folder, &[]);
    let headline = "error: the file server refused with NoSuchKey: ";
    assert!(ended.stderr.starts_with(headline), "{ended:?}");
    assert!(ended.stderr.contains("\n  job id       J\n"), "{ended:?}");
    assert!(
        ended.stderr.ends_with(
            "\n  hint         the file no longer exists on the server: create a new job\n"
        ),
        "{ended:?}"
    );
}

#[test]
fn what_cannot_be_used_ends_with_6() {
    let folder = Folder::new("download-unusable");
    for fault in ["REDIRECT", "GZIP", "CRC"] {
        let ended = download(&serving(CHECK.0, "SUCCESS", fault), &folder, &["--json"]);
        assert_eq!((ended.code, &ended.error()["kind"]), (Some(6), &json!("answer")), "{fault}");
    }
    let large = download(&serving(CHECK.0, "SUCCESS", ""), &folder, &["--max-size", "8"]);
    assert_eq!(large.code, Some(6), "{large:?}");
    assert!(large.stderr.contains("--max-size"), "{large:?}");
    assert!(folder.files().is_empty());
}

#[test]
fn what_cannot_be_used_has_its_status_and_its_request_id() {
    let folder = Folder::new("download-facts");
    let id = ("x-cos-request-id", "x-1");
    let (length, crc) = (("Content-Length", "1"), ("x-cos-hash-crc64ecma", "1"));
    for (status, headers, shown) in [
        (302, &[id, ("Location", "https://h.example/")][..], json!(302)),
        (204, &[id], json!(204)),
        (200, &[id, length, ("Content-Encoding", "gzip")], Value::Null),
        (200, &[id, length, crc], Value::Null),
    ] {
        let body = if status == 200 { "x" } else { "" };
        let server = server(WireAnswer::response(status, headers, body));
        let ended = download_url(&format!("{}/f?EXAMPLEQUERY", server.url()), &folder);
        let error = ended.error();
        assert_eq!((ended.code, &error["status"]), (Some(6), &shown), "{error}");
        assert_eq!(
            (&error["request_id"], &error["file_request_id"]),
            (&json!("x-1"), &Value::Null)
        );
    }
}

#[test]
fn wrong_bytes_are_said_to_be_thrown_away_or_to_be_in_the_output() {
    let folder = Folder::new("download-mismatch");
    let ended = download(&serving(CHECK.0, "SUCCESS", "CRC"), &folder, &[]);
    let hint = "the bytes were discarded and did not become the file; ";
    assert!(ended.stderr.contains(hint), "{ended:?}");
    assert!(folder.files().is_empty());
    let service = serving(CHECK.0, "SUCCESS", "CRC");
    let ended = cli(&["download", "J", "-o", "-", "--endpoint", &service.url()]).run();
    assert!(ended.stderr.contains("the output may hold wrong bytes: "), "{ended:?}");
    assert_eq!((ended.code, &*ended.stdout), (Some(6), CHECK.0));
}

#[test]
fn a_required_checksum_that_is_not_named_ends_with_6_and_the_command_goes_without() {
    let folder = Folder::new("download-require-crc");
    let service = serving(CHECK.0, "SUCCESS", "OK,NOCRC");
    assert_eq!(download(&service, &folder, &["--require-crc", "--json"]).code, Some(0));
    let ended = download(&service, &folder, &["--require-crc", "--force", "--json"]);
    let error = ended.error();
    let command =
        format!("; continue with: tcss-export download J -o {} --force ", folder.path("f"));
    let hint = error["hint"].as_str().expect("a hint");
    assert_eq!((ended.code, &error["kind"]), (Some(6), &json!("answer")), "{error}");
    assert!(hint.starts_with("leave out --require-crc") && hint.contains(&command), "{error}");
    assert!(!hint.contains("--force --require-crc"), "{error}");
}

#[test]
fn bytes_that_drip_end_with_3_at_the_limit_of_the_download() {
    let folder = Folder::new("download-drip");
    let service = serving(megabyte(), "SUCCESS", "SLOW:20");
    let args = ["--download-timeout", "0.5", "--stall", "9", "--timeout", "99", "--json"];
    let ended = download(&service, &folder, &args);
    let error = ended.error();
    assert_eq!((ended.code, &error["kind"]), (Some(3), &json!("timed_out")), "{error}");
    let hint = error["hint"].as_str().expect("a hint");
    let command = format!(" J -o {} --stall 9 --timeout 99 --interval 0 ", folder.path("f"));
    assert!(hint.contains("longer --download-timeout or none; "), "{error}");
    assert!(hint.contains(&command), "{error}");
    assert_eq!(folder.files(), [".f.part", ".f.part.json"]);
}

#[test]
fn a_file_server_that_cannot_be_reached_is_told_with_the_cause() {
    let closed = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port");
    let url = format!("http://{closed}/f?q-signature=EXAMPLEQUERY");
    let folder = Folder::new("download-unreachable");
    let file = folder.path("f");
    let running = without_keys(&["download", "--url", &url, "-o", &file]);
    let running = running.stdout(Stdio::null()).start(1);
    running.signal("-KILL");
    let stderr = running.end().stderr;
    let line = stderr.lines().next().expect("a line");
    assert!(line.starts_with("the connection failed: "), "{line}");
    assert!(line.contains("onnection refused") && line.ends_with("; retrying at once"), "{line}");
}

#[test]
fn the_limit_of_a_download_tells_of_a_server_that_was_never_reached() {
    let closed = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port");
    let folder = Folder::new("download-never-reached");
    let (url, file) = (format!("http://{closed}/f"), folder.path("f"));
    let args = ["download", "--url", &url, "-o", &file, "--download-timeout", "0.2", "--json"];
    let ended = without_keys(&args).run();
    let error = ended.error();
    let message = error["message"].as_str().expect("a text");
    assert!(message.contains("; the last request failed: the connection failed: "), "{error}");
    let hint = json!("check the network and the host of the URL");
    assert_eq!((ended.code, &error["hint"]), (Some(3), &hint));
}

#[test]
fn a_part_that_was_damaged_leads_to_a_start_from_the_first_byte() {
    let folder = Folder::new("download-damaged-part");
    let service = serving(megabyte(), "SUCCESS", "SLOW:20000");
    let (url, file) = (service.url(), folder.path("f"));
    let running = cli(&["download", "J", "-o", &file, "--endpoint", &url]);
    let running = running.stdout(Stdio::null()).start(2);
    running.signal("-KILL");
    running.end();
    let mut part = folder.read(".f.part");
    part[0] ^= 1;
    fs::write(folder.path(".f.part"), part).expect("a file");
    let ended = download(&service, &folder, &["--json"]);
    assert_eq!((ended.code, &ended.json()["resumed"]), (Some(0), &json!(false)), "{ended:?}");
    assert!(ended.stderr.contains("\nstarting again from the first byte\n"), "{ended:?}");
    assert_eq!(folder.read("f"), megabyte());
}

#[test]
fn a_server_that_is_not_trusted_ends_with_5() {
    let folder = Folder::new("download-untrusted");
    let server = WireServer::tls([WireAnswer::response(200, &[], "x")]).expect("a server");
    let ended = download_url(&format!("{}/f?EXAMPLEQUERY", server.url()), &folder);
    assert_eq!((ended.code, &ended.error()["kind"]), (Some(5), &json!("transport")), "{ended:?}");
}

#[test]
fn a_stall_is_broken_off_and_gone_on_behind() {
    let folder = Folder::new("download-stall");
    let service = serving(megabyte(), "SUCCESS", "STALL:500000");
    let ended = download(&service, &folder, &["--stall", "0.2", "--json"]);
    assert_eq!((ended.code, &ended.json()["resumed"]), (Some(0), &json!(true)), "{ended:?}");
    assert_eq!(folder.read("f"), megabyte());
}

#[test]
fn a_second_download_to_the_same_file_is_refused() {
    let folder = Folder::new("download-busy");
    let service = serving(megabyte(), "SUCCESS", "SLOW:20000");
    let (url, file) = (service.url(), folder.path("f"));
    let first = cli(&["download", "J", "-o", &file, "--endpoint", &url]);
    let mut first = first.stdout(Stdio::null()).start(1);
    let second = download(&service, &folder, &["--json"]);
    assert_eq!((second.code, &second.error()["kind"]), (Some(7), &json!("file")), "{second:?}");
    let message = format!("{file:?} is being downloaded by another process");
    assert_eq!(second.error()["message"], message);
    first.signal_to_the_end("-KILL");
}

#[test]
fn after_a_kill_the_next_run_goes_on() {
    let folder = Folder::new("download-kill");
    let service = serving(megabyte(), "SUCCESS", "SLOW:20000");
    let (url, file) = (service.url(), folder.path("f"));
    let running = cli(&["download", "J", "-o", &file, "--endpoint", &url]);
    let running = running.stdout(Stdio::null()).start(2);
    running.signal("-KILL");
    assert_eq!(running.end().code, None);
    assert_eq!(folder.files(), [".f.part", ".f.part.json"]);
    let ended = download(&service, &folder, &["--json"]);
    assert_eq!((ended.code, &ended.json()["resumed"]), (Some(0), &json!(true)), "{ended:?}");
    assert_eq!((folder.read("f"), folder.files().len()), (megabyte(), 1));
}

#[test]
fn an_interrupt_keeps_what_is_there_and_tells_how_to_go_on() {
    let folder = Folder::new("download-interrupt");
    let service = serving(megabyte(), "SUCCESS", "SLOW:20000");
    let (url, file) = (service.url(), folder.path("f"));
    let args = ["download", "J", "-o", &file, "--stall", "30", "--endpoint", &url];
    let running = cli(&args).stdout(Stdio::piped()).start(2);
    running.signal("-INT");
    let ended = running.end();
    let line = format!(
        "stopped downloading; continue with: tcss-export download J -o {file} --stall 30 \
         --endpoint {url}\n"
    );
    assert_eq!((ended.code, &*ended.stdout), (Some(130), ""), "{ended:?}");
    assert!(ended.stderr.ends_with(&line), "{ended:?}");
    let ended = download(&service, &folder, &["--json"]);
    assert_eq!(ended.json()["resumed"], json!(true));
}

#[test]
fn an_interrupt_before_the_first_byte_leaves_nothing() {
    let folder = Folder::new("download-interrupt-early");
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/f", silent.local_addr().expect("an address"));
    let running = without_keys(&["download", "--url", &url, "-o", &folder.path("f")]).start(0);
    // An answer never comes.
    let _connection = silent.accept().expect("a connection");
    assert_eq!(folder.files(), [".f.part"]);
    running.signal("-INT");
    assert_eq!((running.end().code, folder.files().len()), (Some(130), 0));
}

#[test]
fn an_interrupt_between_head_and_first_byte_leaves_nothing() {
    let folder = Folder::new("download-interrupt-head");
    let service = serving(megabyte(), "SUCCESS", "STALL:0");
    let url = service.file_url().expect("a URL");
    let running = without_keys(&["download", "--url", &url, "-o", &folder.path("f")]).start(0);
    while folder.files() != [".f.part", ".f.part.json"] {
        thread::yield_now();
    }
    running.signal("-INT");
    assert_eq!((running.end().code, folder.files().len()), (Some(130), 0));
}

#[test]
fn an_interrupt_leaves_what_an_earlier_run_has_left() {
    let folder = Folder::new("download-interrupt-earlier");
    fs::write(folder.path(".f.part"), "").expect("a file");
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/f", silent.local_addr().expect("an address"));
    let running = without_keys(&["download", "--url", &url, "-o", &folder.path("f")]).start(0);
    let _connection = silent.accept().expect("a connection");
    running.signal("-INT");
    assert_eq!((running.end().code, folder.files()), (Some(130), vec![".f.part".to_owned()]));
}

#[test]
fn an_interrupted_url_is_not_shown() {
    let folder = Folder::new("download-interrupt-url");
    let service = serving(megabyte(), "SUCCESS", "SLOW:20000");
    let (url, file) = (service.file_url().expect("a URL"), folder.path("f"));
    let running = without_keys(&["download", "--url", &url, "-o", &file]);
    let running = running.stdout(Stdio::piped()).start(1);
    running.signal("-TERM");
    let ended = running.end();
    assert_eq!(ended.code, Some(143));
    assert!(ended.stderr.contains("\nstopped downloading; download again: "), "{ended:?}");
}
