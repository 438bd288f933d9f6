//! Progress and results of downloads.

use std::fs;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::{CHECK, download, download_url, downloads, megabyte, serving};
use crate::support::{Folder, cli, without_keys};

#[test]
fn without_json_the_result_is_one_line() {
    let folder = Folder::new("download-line");
    let service = serving(CHECK.0, "RUNNING:10,SUCCESS", "");
    let ended = download(&service, &folder, &[]);
    let line = format!("{}: 9 bytes, CRC-64 verified\n", folder.path("f"));
    assert_eq!((ended.code, ended.stdout, &*ended.stderr), (Some(0), line, "RUNNING 10 %\n"));
    assert_eq!(folder.files(), ["f"]);
    assert_eq!(folder.read("f"), CHECK.0.as_bytes());
}

#[test]
fn with_json_the_result_is_one_object() {
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
fn a_file_arrives_over_several_connections() {
    let folder = Folder::new("download-connections");
    let file = megabyte().repeat(4);
    let service = serving(file.clone(), "SUCCESS", "");
    let ended = download(&service, &folder, &["--connections", "3", "--json", "--quiet"]);
    assert_eq!((ended.code, &ended.json()["verified"]), (Some(0), &json!(true)), "{ended:?}");
    assert!(folder.read("f") == file);
    assert!(downloads(&service) > 2, "{}", downloads(&service));
}

#[test]
fn a_file_without_a_checksum_is_not_called_verified() {
    let folder = Folder::new("download-unverified");
    let service = serving(CHECK.0, "SUCCESS", "NOCRC");
    let ended = download(&service, &folder, &[]);
    assert!(ended.stdout.ends_with(": 9 bytes, no CRC-64 to verify it with\n"), "{ended:?}");
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
fn a_url_may_come_from_stdin_or_the_environment() {
    let folder = Folder::new("download-hidden-url");
    let service = serving(CHECK.0, "SUCCESS", "");
    let url = service.file_url().expect("a URL");
    let (list, file) = (folder.path("list"), folder.path("f"));
    fs::write(&list, format!("{url}\nnext line\n")).expect("a file");
    let stdin = fs::File::open(&list).expect("a file");
    let ended = without_keys(&["download", "--url", "-", "-o", &file]).stdin(stdin).run();
    assert_eq!((ended.code, folder.read("f")), (Some(0), CHECK.0.into()), "{ended:?}");
    let from_variable = |args: &[&str]| {
        let download = ["download", "--force", "-o", &file, "--json"];
        without_keys(&[&download, args].concat()).env("TCSS_EXPORT_URL", &url).run()
    };
    let ended = from_variable(&[]);
    assert_eq!((ended.code, &ended.json()["job_id"]), (Some(0), &Value::Null), "{ended:?}");
    // A job has precedence, and it needs keys.
    assert_eq!(from_variable(&["J"]).code, Some(2));
}

#[test]
#[cfg(target_os = "linux")]
fn a_closed_stdout_is_noticed_before_the_first_request() {
    let service = serving(CHECK.0, "SUCCESS", "");
    let url = service.file_url().expect("a URL");
    for (redirection, code) in [(">&-", 7), ("1<>/dev/null", 7), (">/dev/null", 0)] {
        let program = env!("CARGO_BIN_EXE_tcss-export");
        let line = format!("exec '{program}' download --url '{url}' -o - {redirection}");
        let mut shell = Command::new("sh");
        shell.args(["-c", &line]).env_clear().stderr(Stdio::null());
        assert_eq!(shell.status().expect("a shell").code(), Some(code), "{redirection}");
        assert_eq!(downloads(&service), usize::from(code == 0));
    }
}

#[test]
fn stdout_holds_only_the_file() {
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
fn a_stdout_that_is_closed_early_ends_with_7() {
    let service = serving(megabyte(), "SUCCESS", "");
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let args = ["download", "J", "-o", "-", "--quiet", "--endpoint", &service.url()];
    let ended = cli(&args).stdout(writer).run();
    assert_eq!(ended.code, Some(7), "{ended:?}");
    assert!(ended.stderr.starts_with("error: the output cannot be written: "), "{ended:?}");
    let hint = "\n  hint           let the program that reads the output read all of it\n";
    assert!(ended.stderr.contains(hint), "{ended:?}");
    assert!(ended.stderr.contains("\n  download with  tcss-export download J -o - "), "{ended:?}");
}

#[test]
fn an_existing_file_is_kept_and_nothing_is_sent() {
    let folder = Folder::new("download-exists");
    fs::write(folder.path("f"), "old").expect("a file");
    let service = serving(CHECK.0, "SUCCESS", "");
    let ended = download(&service, &folder, &[]);
    let hint = "\n  job id  J\n  hint    name another file, or replace this one with --force\n";
    assert_eq!(ended.code, Some(7), "{ended:?}");
    assert!(ended.stderr.ends_with(hint), "{ended:?}");
    let ended = download_url(&service.file_url().expect("a URL"), &folder);
    assert_eq!((ended.code, &ended.error()["kind"]), (Some(7), &json!("file")));
    assert_eq!((folder.read("f"), service.seen().len()), (b"old".to_vec(), 0));
}

#[test]
fn force_replaces_a_file_once_the_new_one_is_complete() {
    let folder = Folder::new("download-force");
    fs::write(folder.path("f"), "old").expect("a file");
    let refusing = serving(CHECK.0, "SUCCESS", "DENIED,DENIED");
    assert_eq!(download(&refusing, &folder, &["--force"]).code, Some(4));
    assert_eq!(folder.read("f"), b"old");
    assert_eq!(download(&refusing, &folder, &["--force"]).code, Some(0));
    assert_eq!((folder.read("f"), folder.files().len()), (CHECK.0.as_bytes().to_vec(), 1));
}

#[test]
fn a_cut_and_an_expired_url_are_reported_and_the_download_continues() {
    let folder = Folder::new("download-cut");
    let service = serving(megabyte(), "SUCCESS", "CUT:400000,EXPIRED");
    let ended = download(&service, &folder, &["--json"]);
    let object = ended.json();
    assert_eq!(
        (ended.code, &object["resumed"], &object["polls"]),
        (Some(0), &json!(true), &json!(2))
    );
    let lines: Vec<_> =
        ended.stderr.lines().filter(|line| !line.starts_with(char::is_numeric)).collect();
    let [cut, expired, renewed, resumed] = lines[..] else { panic!("{ended:?}") };
    assert!(cut.starts_with("the answer was incomplete: "), "{cut}");
    assert!(cut.contains("; retrying in 0."), "{cut}");
    assert!(expired.starts_with("the file server answered AccessDenied: Request has expired"));
    assert_eq!(renewed, "the job gave a new URL");
    assert_eq!(resumed, "resuming after 400,000 of 1,000,000 bytes (40 %)");
    assert_eq!(folder.read("f"), megabyte());
}

#[test]
fn a_wrong_range_is_reported_and_the_download_starts_again() {
    let folder = Folder::new("download-range");
    let ended = download(&serving(megabyte(), "SUCCESS", "CUT:400000,RANGE"), &folder, &[]);
    let lines: Vec<_> =
        ended.stderr.lines().filter(|line| !line.starts_with(char::is_numeric)).collect();
    let [cut, range, restart] = lines[..] else { panic!("{ended:?}") };
    assert!(cut.starts_with("the answer was incomplete: "), "{cut}");
    assert!(range.starts_with("the answer has another range than was requested; retrying in "));
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
    // Bytes that arrive together get one line.
    assert!((1..10).contains(&tenths.len()) && tenths.is_sorted_by(|a, b| a < b), "{ended:?}");
    assert!(tenths.iter().all(|tenth| (1..10).contains(tenth)), "{ended:?}");
}

#[test]
fn quiet_hides_the_progress_of_a_download() {
    let folder = Folder::new("download-quiet");
    let service = serving(megabyte(), "SUCCESS", "CUT:400000");
    let ended = download(&service, &folder, &["--quiet"]);
    assert_eq!((ended.code, &*ended.stderr), (Some(0), ""));
}
