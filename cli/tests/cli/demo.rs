//! `demo`: the whole way against a service of its own.

use serde_json::json;

use crate::support::{Cli, Folder, without_keys};

/// A demo with unusable proxies and without root certificates.
fn demo(args: &[&str]) -> Cli {
    let nowhere = "http://127.0.0.1:9";
    ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"]
        .iter()
        .fold(without_keys(&[&["demo"], args].concat()), |cli, name| cli.env(name, nowhere))
        .env("SSL_CERT_FILE", "/nonexistent")
        .env("SSL_CERT_DIR", "/nonexistent")
}

#[test]
fn the_demo_ends_with_a_verified_file_and_prints_each_step() {
    let ended = demo(&[]).run();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let verified = "The service computed the signature of each request itself: 6 of 6 were right.\n\
        The file has 3,000,000 bytes, and its CRC-64 is the one that the service gave.\n";
    assert!(ended.stdout.starts_with("The job went from RUNNING to SUCCESS, "), "{ended:?}");
    assert!(ended.stdout.contains(verified), "{ended:?}");
    let steps: Vec<_> = ended.stderr.lines().map(str::trim_start).collect();
    let expected = [
        "A test service listens on http://127.0.0.1:",
        "1. Create: ",
        "The job id is 00000000-7e57-4000-8000-000000000001.",
        "2. Wait: ",
        "request 1: RUNNING 10 %",
        "request 2: RUNNING 55 %",
        "request 3: InternalError; retrying in ",
        "request 4: SUCCESS, http://127.0.0.1:",
        "3. Download: ",
        "The service breaks off once and lets the URL expire.",
        "the answer was incomplete: it ended before the file did; retrying in ",
        "the file server answered AccessDenied: Request has expired (HTTP status 403, ",
        "the job gave a new URL",
        "resuming after 1,200,000 of 3,000,000 bytes (40 %)",
        "report.csv is complete and now in ",
    ];
    for (step, expected) in steps.iter().zip(expected) {
        assert!(step.starts_with(expected), "{step}");
    }
    assert_eq!(steps.len(), expected.len(), "{ended:?}");
}

#[test]
fn the_demo_respects_json_and_quiet() {
    let ended = demo(&["--json", "--quiet"]).run();
    let shown = ended.json();
    assert_eq!((ended.code, &*ended.stderr), (Some(0), ""));
    for (member, expected) in [
        ("first_status", json!("RUNNING")),
        ("last_status", json!("SUCCESS")),
        ("polls", json!(5)),
        ("retries", json!(1)),
        ("new_urls", json!(1)),
        ("bytes", json!(3_000_000)),
        ("verified", json!(true)),
        ("resumed", json!(true)),
        ("requests", json!(6)),
        ("verified_signatures", json!(6)),
    ] {
        assert_eq!(shown[member], expected, "{member}");
    }
}

#[test]
fn the_demo_removes_its_folder() {
    let folder = Folder::new("demo");
    let ended = demo(&["--quiet"]).env("TMPDIR", folder.path("")).run();
    assert_eq!((ended.code, folder.files().len()), (Some(0), 0), "{ended:?}");
}

#[test]
fn a_missing_temporary_folder_ends_with_7() {
    let folder = Folder::new("demo-without");
    let ended = demo(&["--quiet"]).env("TMPDIR", folder.path("missing")).run();
    assert_eq!((ended.code, &*ended.stdout), (Some(7), ""));
    assert!(ended.stderr.contains("TMPDIR"), "{ended:?}");
}
