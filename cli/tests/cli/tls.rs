//! HTTPS end to end, with the roots that `SSL_CERT_FILE` names.

use std::fs;
use std::path::PathBuf;

use serde_json::json;
use tcss_export_testkit::wire::{TlsProxy, WireAnswer, WireServer};

use crate::support::{Ended, URL, cli, service};

/// Writes a root certificate to a file.
fn roots(name: &str, pem: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, pem).expect("a file");
    path
}

fn run(command: &str, url: &str, roots: PathBuf) -> Ended {
    cli(&[command, "J", "--json", "--endpoint", url]).env("SSL_CERT_FILE", roots).run()
}

#[test]
fn a_job_is_followed_over_https() {
    let service = service(&format!("SUCCESS:{URL}"));
    let front = TlsProxy::to(service.addr()).expect("a front");
    let ended = run("wait", &front.url(), roots("followed.pem", front.ca_pem()));
    assert_eq!((ended.code, &ended.json()["download_url"]), (Some(0), &json!(URL)), "{ended:?}");
}

#[test]
fn a_page_over_https_cannot_be_used() {
    let server = WireServer::tls([WireAnswer::json("page")]).expect("a server");
    let ended = run("result", &server.url(), roots("page.pem", server.ca_pem()));
    assert_eq!((ended.code, &ended.error()["kind"]), (Some(6), &json!("answer")), "{ended:?}");
}

#[test]
fn a_certificate_that_is_not_trusted_is_named_with_a_hint() {
    let server = WireServer::tls([WireAnswer::json("page")]).expect("a server");
    let other = WireServer::tls([WireAnswer::json("page")]).expect("a server");
    for command in ["result", "wait"] {
        let ended = run(command, &server.url(), roots(command, other.ca_pem()));
        let error = ended.error();
        assert_eq!((ended.code, &error["kind"]), (Some(5), &json!("transport")), "{ended:?}");
        assert!(error["message"].as_str().expect("a text").contains("certificate"), "{ended:?}");
        assert!(error["hint"].as_str().expect("a hint").contains("certificates"), "{ended:?}");
    }
    assert!(server.requests().is_empty());
}
