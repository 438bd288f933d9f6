//! Answers without a usable file.

use serde_json::{Value, json};
use tcss_export_testkit::wire::{WireAnswer, WireServer};

use super::{CHECK, download, download_url, serving};
use crate::support::{FIRST_ID, Folder, cli, server, service};

#[test]
fn an_answer_that_cannot_be_used_ends_with_6() {
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
fn an_answer_that_cannot_be_used_has_its_status_and_request_id() {
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
fn the_hint_says_if_wrong_bytes_were_discarded_or_written() {
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
fn a_missing_required_checksum_ends_with_6_and_has_no_next_command() {
    let folder = Folder::new("download-require-crc");
    let service = serving(CHECK.0, "SUCCESS", "OK,NOCRC");
    assert_eq!(download(&service, &folder, &["--require-crc", "--json"]).code, Some(0));
    let ended = download(&service, &folder, &["--require-crc", "--force", "--json"]);
    let error = ended.error();
    let hint = "leave out --require-crc if a check of the length is enough";
    assert_eq!((ended.code, &error["kind"]), (Some(6), &json!("answer")), "{error}");
    assert_eq!((&error["hint"], &error["command"]), (&json!(hint), &Value::Null), "{error}");
}

#[test]
fn an_unusable_url_of_the_job_is_not_blamed_on_the_user() {
    let folder = Folder::new("download-job-url");
    let no_scheme = "it must begin with https://";
    for (url, reason, shown) in [
        ("file:///etc/passwd", no_scheme, "file:///etc/passwd"),
        ("garbage", no_scheme, "..."),
        (
            "https://u:EXAMPLEQUERY@h.example/f",
            "it must not have a user part",
            "https://h.example/f",
        ),
    ] {
        let service = service(&format!("SUCCESS:{url}"));
        let ended = download(&service, &folder, &["--json"]);
        let expected = json!({
            "kind": "usage", "code": null, "status": null, "file_request_id": null,
            "message": format!("the job gave a URL that cannot be used: {reason}"),
            "request_id": FIRST_ID, "job_id": "J", "url": shown, "tried": null,
            "hint": "give the request id to the service's support", "command": null,
        });
        assert_eq!((ended.code, ended.error()), (Some(2), expected));
    }
    assert!(folder.files().is_empty());
}

#[test]
fn an_unusable_new_url_of_the_job_is_not_blamed_on_the_user() {
    let folder = Folder::new("download-renewed-url");
    let service = serving(CHECK.0, "SUCCESS,SUCCESS:garbage", "EXPIRED");
    let ended = download(&service, &folder, &["--json"]);
    let (error, file_id) = (ended.error(), "00000000-7e57-4000-8000-000000000001");
    let message = "the job gave a URL that cannot be used: it must begin with https://";
    assert_eq!((ended.code, &error["message"]), (Some(2), &json!(message)), "{error}");
    assert_eq!((&error["request_id"], &error["file_request_id"]), (&Value::Null, &json!(file_id)));
    assert_eq!(error["hint"], "give the job id to the service's support");
}

#[test]
fn the_next_command_has_the_option_that_allows_the_url() {
    let folder = Folder::new("download-allowed");
    let network = "use --allow-network fd00::1, or its network, if you trust it";
    for (url, option, hint) in [
        ("http://1.2.3.4/f", "--allow-http", "the bytes can be changed on the way"),
        ("https://10.0.0.1/f", "--allow-private", "resolve to such addresses"),
        ("https://198.18.0.9/f", "--allow-network 198.18.0.0/15", "if you trust it"),
        ("https://[fd00::1]/f", "--allow-network fd00::1", network),
    ] {
        let service = service(&format!("SUCCESS:{url}"));
        let ended = download(&service, &folder, &["--json"]);
        let command = format!(
            "tcss-export download J -o {} --interval 0 --endpoint {} {option}",
            folder.path("f"),
            service.url()
        );
        let error = ended.error();
        assert!(error["hint"].as_str().is_some_and(|text| text.ends_with(hint)), "{error}");
        assert_eq!((ended.code, &error["command"]), (Some(2), &json!(command)), "{error}");
        assert_eq!(error["url"], url);
    }
}

#[test]
fn an_option_allows_only_its_networks() {
    let folder = Folder::new("download-private");
    let service = service("SUCCESS:https://10.0.0.1:1/f");
    for option in ["--allow-network=11.0.0.0/8", "--allow-network=10.0.0.2,10.0.0.3"] {
        assert_eq!(download(&service, &folder, &[option]).code, Some(2), "{option}");
    }
    let ended = download(&service, &folder, &["--allow-network", "10.0.0.0/x"]);
    let text = "invalid value '10.0.0.0/x' for '--allow-network <NETWORK>': expected a network \
        like 198.18.0.0/15";
    assert!(ended.code == Some(2) && ended.stderr.contains(text), "{ended:?}");
}

#[test]
fn the_error_of_a_job_has_the_url_without_its_query() {
    let folder = Folder::new("download-where");
    let service = serving(CHECK.0, "SUCCESS", "CRC");
    let ended = download(&service, &folder, &[]);
    let line = format!("\n  url            {}/served.csv?...\n", service.url());
    assert!(ended.stderr.contains(&line), "{ended:?}");
}

#[test]
fn an_untrusted_server_ends_with_5() {
    let folder = Folder::new("download-untrusted");
    let server = WireServer::tls([WireAnswer::response(200, &[], "x")]).expect("a server");
    let ended = download_url(&format!("{}/f?EXAMPLEQUERY", server.url()), &folder);
    assert_eq!((ended.code, &ended.error()["kind"]), (Some(5), &json!("transport")), "{ended:?}");
}
