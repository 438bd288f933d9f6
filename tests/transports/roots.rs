//! The operating system's roots, for clients made by `new`. What they are is told by the
//! environment, so the client runs in a process of its own.

use std::process::{Command, Output};

use tcss_export::driver::TransportErrorKind;
use tcss_export_testkit::wire::{WireAnswer, WireServer};

use crate::clients::{Library, Setup, Wire};

const CHILD: &str = "TCSS_EXPORT_TEST_URL";

/// The child's half: without the variable it has nothing to do.
fn child(library: Library) {
    let Ok(url) = std::env::var(CHILD) else { return };
    let setup = Setup { wire: Wire::Tls, ..Setup::own(library) };
    match setup.client_at(&url, &[]).send() {
        Ok(answer) => println!("status={}", answer.response.status),
        Err(tcss_export::error::SendError::Transport(error)) => {
            println!("fault={:?}", error.kind())
        }
        Err(error) => println!("{error}"),
    }
}

/// Runs the child's half against a TLS server, with or without its authority among the roots.
fn run(child: &str, trusted: bool) -> String {
    let running = r#"{"Response":{"ExportStatus":"RUNNING"}}"#;
    let server = WireServer::tls([WireAnswer::json(running)]).unwrap();
    let stranger = WireServer::tls([WireAnswer::Close]).unwrap();
    let roots = if trusted { server.ca_pem() } else { stranger.ca_pem() };
    let file = std::env::temp_dir().join(format!("tcss-export-roots-{}", server.addr().port()));
    std::fs::write(&file, roots).unwrap();
    let Output { stdout, .. } = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture", &format!("roots::{child}")])
        .env("SSL_CERT_FILE", &file)
        .env_remove("SSL_CERT_DIR")
        .env(CHILD, server.url())
        .output()
        .unwrap();
    std::fs::remove_file(&file).unwrap();
    String::from_utf8(stdout).unwrap()
}

fn check(child: &str) {
    let trusted = run(child, true);
    assert!(trusted.contains("status=RUNNING"), "{trusted}");
    let untrusted = run(child, false);
    assert!(
        untrusted.contains(&format!("fault={:?}", TransportErrorKind::Permanent)),
        "{untrusted}"
    );
}

#[cfg(feature = "ureq")]
#[test]
fn ureq_child() {
    child(Library::Ureq);
}

#[cfg(feature = "ureq")]
#[test]
fn ureq_uses_the_systems_roots_and_a_stranger_is_a_permanent_fault() {
    check("ureq_child");
}

#[cfg(feature = "hyper")]
#[test]
fn hyper_child() {
    child(Library::Hyper);
}

#[cfg(feature = "hyper")]
#[test]
fn hyper_uses_the_systems_roots_and_a_stranger_is_a_permanent_fault() {
    check("hyper_child");
}

#[cfg(feature = "reqwest")]
#[test]
fn reqwest_child() {
    child(Library::Reqwest);
}

#[cfg(feature = "reqwest")]
#[test]
fn reqwest_uses_the_systems_roots_and_a_stranger_is_a_permanent_fault() {
    check("reqwest_child");
}
