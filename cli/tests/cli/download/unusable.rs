//! Answers that do not give the file.

use serde_json::{Value, json};
use tcss_export_testkit::wire::{WireAnswer, WireServer};

use super::{CHECK, download, download_url, serving};
use crate::support::{Folder, cli, server};

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
    let hint = "the bytes were discarded, and no file was written or replaced; ";
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
fn a_server_that_is_not_trusted_ends_with_5() {
    let folder = Folder::new("download-untrusted");
    let server = WireServer::tls([WireAnswer::response(200, &[], "x")]).expect("a server");
    let ended = download_url(&format!("{}/f?EXAMPLEQUERY", server.url()), &folder);
    assert_eq!((ended.code, &ended.error()["kind"]), (Some(5), &json!("transport")), "{ended:?}");
}
