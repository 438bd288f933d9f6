//! What there is of a download that came to its end.

use std::fs;

use serde_json::{Value, json};

use super::{CHECK, download, download_url, downloads, megabyte, serving};
use crate::support::{Folder, cli};

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
    let hint = "\n  hint           let what reads the output read it to its end\n";
    assert!(ended.stderr.contains(hint), "{ended:?}");
    assert!(ended.stderr.contains("\n  download with  tcss-export download J -o - "), "{ended:?}");
}

#[test]
fn a_file_that_exists_is_kept_and_nothing_is_asked() {
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
fn force_replaces_a_file_once_the_new_one_is_whole() {
    let folder = Folder::new("download-force");
    fs::write(folder.path("f"), "old").expect("a file");
    let gone = serving(CHECK.0, "SUCCESS", "GONE");
    assert_eq!(download(&gone, &folder, &["--force"]).code, Some(4));
    assert_eq!(folder.read("f"), b"old");
    assert_eq!(download(&gone, &folder, &["--force"]).code, Some(0));
    assert_eq!((folder.read("f"), folder.files().len()), (CHECK.0.as_bytes().to_vec(), 1));
}
