//! Refusals of the file server, and new URLs.

use serde_json::json;
use tcss_export_testkit::wire::WireAnswer;

use super::{CHECK, download, download_url, downloads, serving};
use crate::support::{FIRST_ID, Folder, KEY, cli, server, service, without_keys};

#[test]
fn a_refusal_of_the_file_server_ends_with_4_and_has_its_facts() {
    let folder = Folder::new("download-refused");
    for (fault, code, status) in [("EXPIRED", "AccessDenied", 403), ("DENIED", "AccessDenied", 403)]
    {
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
fn without_a_new_url_the_error_is_that_of_the_job() {
    let folder = Folder::new("download-no-new-url");
    let service = serving(CHECK.0, "SUCCESS,ERROR:InvalidAction", "EXPIRED");
    let ended = download(&service, &folder, &["--json"]);
    let error = ended.error();
    assert_eq!((ended.code, &error["code"]), (Some(4), &json!("InvalidAction")), "{error}");
    let message = error["message"].as_str().expect("a text");
    assert!(message.contains("; a new URL was needed: the URL has expired: "), "{error}");
    // The first answer contained the URL.
    assert_eq!(error["request_id"], "00000000-7e57-4000-8000-000000000002");
    assert_eq!(error["file_request_id"], "00000000-7e57-4000-8000-000000000001");
}

#[test]
fn a_job_that_fails_when_a_new_url_is_needed_is_a_result() {
    let folder = Folder::new("download-failed-later");
    let service = serving(CHECK.0, "SUCCESS,FAILURE:no", "EXPIRED");
    let ended = download(&service, &folder, &["--json", "--quiet"]);
    let object = ended.json();
    assert_eq!((ended.code, &*ended.stderr), (Some(1), ""));
    for (member, expected) in [("job_id", "J"), ("outcome", "failure"), ("failure_message", "no")] {
        assert_eq!(object[member], expected, "{object}");
    }
    assert_eq!(object["request_id"], "00000000-7e57-4000-8000-000000000002");
    let reason = object["new_url_needed"].as_str().expect("a text");
    assert!(reason.starts_with("the URL has expired: the file server answered "), "{reason}");
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
fn after_a_refused_new_url_the_hint_does_not_suggest_the_job_id() {
    let folder = Folder::new("download-refused-twice");
    for faults in ["DENIED,DENIED", "EXPIRED,EXPIRED"] {
        let ended = download(&serving(CHECK.0, "SUCCESS", faults), &folder, &["--json"]);
        let (code, error) = (ended.code, ended.error());
        let hint = "a new URL was refused too: give the request id to the service's support";
        assert_eq!((code, &error["code"]), (Some(4), &json!("AccessDenied")), "{error}");
        assert_eq!(error["hint"], json!(hint), "{error}");
        assert!(error["command"].as_str().expect("a command").contains(" download J "), "{error}");
    }
}

#[test]
fn an_error_unrelated_to_the_url_is_not_blamed_on_it() {
    let folder = Folder::new("download-refused-otherwise");
    for fault in ["HTTP:405", "HTTP:416"] {
        let service = serving(CHECK.0, "SUCCESS", &format!("EXPIRED,{fault}"));
        let ended = download(&service, &folder, &["--json"]);
        let hint = "if it fails again, give the request id to the service's support";
        assert_eq!((ended.code, &ended.error()["hint"]), (Some(4), &json!(hint)), "{ended:?}");
    }
}

#[test]
fn an_expired_url_of_a_job_has_the_request_id_of_its_answer_and_a_hint_about_the_clock() {
    let folder = Folder::new("download-over");
    let files = serving(CHECK.0, "SUCCESS", "");
    let open = format!("{}/f", files.url());
    let service = service(&format!("SUCCESS:{open}?q-sign-time=1699979400;1699983000"));
    let ended = download(&service, &folder, &["--json"]);
    let error = ended.error();
    let hint = "the job gives the same URL again, which has expired by the clock of this \
        machine: set the clock; if it fails again, give the request id to the service's support";
    assert_eq!((ended.code, &error["hint"]), (Some(4), &json!(hint)), "{error}");
    assert_eq!((&error["request_id"], &error["file_request_id"]), (&json!(FIRST_ID), &json!(null)));
    assert_eq!((&error["url"], downloads(&files)), (&json!(format!("{open}?...")), 0));
}

#[test]
fn a_job_that_returns_the_same_url_again_is_reported() {
    let folder = Folder::new("download-same-url");
    let files = serving(CHECK.0, "SUCCESS", "DENIED");
    let script = format!("SUCCESS:{}", files.file_url().expect("a URL"));
    let ended = download(&service(&script), &folder, &["--json"]);
    let (code, error) = (ended.code, ended.error());
    let hint = "the job gives the same URL again: create a new job; if its URL is refused too, \
        give the request id to the service's support";
    assert_eq!(error["hint"], json!(hint), "{error}");
    assert_eq!((code, downloads(&files)), (Some(4), 1));
}

#[test]
fn the_text_of_a_refusal_without_a_message_ends_with_its_code() {
    let body = "<Error><Code>MethodNotAllowed</Code></Error>";
    let server = server(WireAnswer::response(405, &[], body));
    let folder = Folder::new("download-no-message");
    let args = ["download", "--url", &format!("{}/f", server.url()), "-o", &folder.path("f")];
    let ended = without_keys(&args).run();
    let line = "error: the file server refused with MethodNotAllowed\n";
    assert!(ended.code == Some(4) && ended.stderr.starts_with(line), "{ended:?}");
}

#[test]
fn the_text_names_the_server_that_refused() {
    let folder = Folder::new("download-denied");
    let ended = download(&serving(CHECK.0, "SUCCESS", "DENIED,DENIED"), &folder, &["--quiet"]);
    let headline = "error: the file server refused with AccessDenied: ";
    assert!(ended.stderr.starts_with(headline), "{ended:?}");
    assert!(ended.stderr.contains("\n  job id         J\n"), "{ended:?}");
}

#[test]
fn a_file_that_does_not_exist_yet_is_downloaded_later() {
    let folder = Folder::new("download-not-yet");
    let ended = download(&serving(CHECK.0, "SUCCESS", "GONE"), &folder, &[]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let line = "the file server answered NoSuchKey: The specified key does not exist.";
    assert!(ended.stderr.starts_with(line), "{ended:?}");
    assert_eq!(folder.read("f"), CHECK.0.as_bytes());
}

#[test]
fn after_a_missing_file_the_same_command_continues() {
    let folder = Folder::new("download-not-found");
    let service = serving(CHECK.0, "SUCCESS", "GONE,GONE,GONE,GONE,GONE");
    let ended = download(&service, &folder, &["--json"]);
    let error = ended.error();
    assert_eq!((ended.code, &error["code"]), (Some(4), &json!("NoSuchKey")), "{error}");
    assert_eq!((&error["status"], downloads(&service)), (&json!(404), 5));
    let hint = "download again in a minute: the server may not have the file yet; if it is still \
        missing, create a new job";
    assert_eq!(error["hint"], json!(hint), "{error}");
    assert!(error["command"].as_str().expect("a command").contains(" download J "), "{error}");
    assert_eq!(download(&service, &folder, &[]).code, Some(0));
}

#[test]
fn a_bucket_that_does_not_exist_needs_a_new_job() {
    let body = "<Error><Code>NoSuchBucket</Code></Error>";
    let server = server(WireAnswer::response(404, &[], body));
    let folder = Folder::new("download-no-bucket");
    let url = format!("{}/f", server.url());
    let ended = download_url(&url, &folder);
    let (code, error) = (ended.code, ended.error());
    let hint = "the file no longer exists on the server: create a new job";
    assert_eq!((code, &error["hint"]), (Some(4), &json!(hint)), "{error}");
    assert_eq!((&error["command"], server.requests().len()), (&json!(null), 1), "{error}");
}

/// The support code fails if an output contains the key.
#[test]
fn progress_and_error_mask_a_key_that_the_file_server_echoes() {
    let body = format!("<Error><Code>A</Code><Message>{KEY}</Message></Error>");
    for status in [403, 500] {
        let server = server(WireAnswer::response(status, &[], &body));
        let service = service(&format!("SUCCESS:{}/f", server.url()));
        let args = ["download", "J", "-o", "-", "--download-timeout", "1", "--endpoint"];
        let ended = cli(&args).arg(service.url()).run();
        let (progress, error) = ended.stderr.split_once("error: ").expect("an error");
        assert!(progress.contains("answered A: ***") && error.contains("***"), "{ended:?}");
    }
}
