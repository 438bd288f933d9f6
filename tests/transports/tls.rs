//! TLS: which alerts of a server are permanent, and the operating system's root certificates.

use std::{
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
    process::{Command, Output},
    thread,
    time::Duration,
};

use tcss_export::{driver::TransportErrorKind, error::SendError};
use tcss_export_testkit::wire::{WireAnswer, WireServer};

use crate::{
    clients::{HttpClient, LIBRARIES, Library, Setup, Wire},
    setup::short_limit,
};

/// Answers the ClientHello with a fatal alert.
fn refuse(mut stream: TcpStream, alert: u8) -> io::Result<()> {
    // Type, version and length of the record.
    let mut head = [0; 5];
    stream.read_exact(&mut head)?;
    let mut hello = vec![0; u16::from_be_bytes([head[3], head[4]]).into()];
    stream.read_exact(&mut hello)?;
    stream.write_all(&[21, 3, 3, 0, 2, 2, alert])
}

/// Returns the error of each client for this alert.
fn errors_after(alert: u8) -> Vec<TransportErrorKind> {
    let error_of = |library: &_| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let server = thread::spawn(move || refuse(listener.accept().unwrap().0, alert).unwrap());
        let client =
            Setup { http: HttpClient::Custom, ..Setup::new(*library) }.client_at(&url, &[]);
        let Err(SendError::Transport(error)) = client.send() else { panic!("expected no answer") };
        server.join().unwrap();
        error.kind()
    };
    LIBRARIES.iter().map(error_of).collect()
}

// The alert numbers are in RFC 8446, appendix B.2, and in RFC 7301.

#[test]
fn an_alert_that_refuses_the_client_is_permanent() {
    for alert in [40, 42, 43, 44, 45, 46, 48, 49, 70, 71, 109, 110, 112, 116, 120] {
        let errors = errors_after(alert);
        assert!(
            errors.iter().all(|error| *error == TransportErrorKind::Permanent),
            "{alert}: {errors:?}"
        );
    }
}

#[test]
fn an_alert_about_an_internal_error_or_damaged_bytes_is_a_broken_connection() {
    for alert in [20, 50, 80] {
        let errors = errors_after(alert);
        assert!(
            errors.iter().all(|error| *error == TransportErrorKind::Connection),
            "{alert}: {errors:?}"
        );
    }
}

/// Sends the first bytes of a long handshake record one by one, until the client hangs up.
fn drip(mut stream: TcpStream) {
    let mut is_open = stream.write_all(&[22, 3, 3, 0x3f, 0, 2, 0, 0x3e, 0]).is_ok();
    while is_open {
        thread::sleep(Duration::from_millis(20));
        is_open = stream.write_all(&[0]).is_ok();
    }
}

#[test]
fn a_server_that_drips_its_handshake_is_a_timeout() {
    for library in LIBRARIES {
        for http in [HttpClient::Default, HttpClient::Custom] {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let url = format!("https://{}", listener.local_addr().unwrap());
            let server = thread::spawn(move || drip(listener.accept().unwrap().0));
            let setup = Setup { http, ..Setup::new(*library) };
            let client = setup.client_at(&url, &[]).with_policy(short_limit());
            let Err(SendError::Transport(error)) = client.send() else { panic!("no error") };
            // An async client closes the connection in a task of its runtime.
            drop(client);
            assert_eq!(error.kind(), TransportErrorKind::Timeout, "{setup:?}");
            server.join().unwrap();
        }
    }
}

// The environment names the file of root certificates, so each client that `new` builds runs in a
// child process: this binary again, with one test.

/// Tells the child the URL of its server.
const CHILD_URL: &str = "TCSS_EXPORT_TEST_URL";

/// Sends one request and prints the result, if this process is a child.
fn run_as_child(library: Library) {
    let Ok(url) = std::env::var(CHILD_URL) else { return };
    let setup = Setup { wire: Wire::Tls, ..Setup::new(library) };
    match setup.client_at(&url, &[]).send() {
        Ok(answer) => println!("status={}", answer.response.status),
        Err(SendError::Transport(error)) => println!("error={:?}", error.kind()),
        Err(error) => println!("{error}"),
    }
}

/// Runs a child against a TLS server whose authority is or is not among the roots.
fn run(child: &str, trusted: bool) -> String {
    let running = r#"{"Response":{"ExportStatus":"RUNNING"}}"#;
    let server = WireServer::tls([WireAnswer::json(running)]).unwrap();
    let other = WireServer::tls([WireAnswer::Close]).unwrap();
    let roots = if trusted { server.ca_pem() } else { other.ca_pem() };
    let file = std::env::temp_dir().join(format!("tcss-export-roots-{}", server.addr().port()));
    std::fs::write(&file, roots).unwrap();
    let Output { stdout, .. } = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture", &format!("tls::{child}")])
        .env("SSL_CERT_FILE", &file)
        .env_remove("SSL_CERT_DIR")
        .env(CHILD_URL, server.url())
        .output()
        .unwrap();
    std::fs::remove_file(&file).unwrap();
    String::from_utf8(stdout).unwrap()
}

fn assert_uses_the_system_roots(child: &str) {
    let trusted = run(child, true);
    assert!(trusted.contains("status=RUNNING"), "{trusted}");
    let untrusted = run(child, false);
    assert!(
        untrusted.contains(&format!("error={:?}", TransportErrorKind::Permanent)),
        "{untrusted}"
    );
}

#[cfg(feature = "ureq")]
#[test]
fn ureq_child() {
    run_as_child(Library::Ureq);
}

#[cfg(feature = "ureq")]
#[test]
fn ureq_uses_the_system_roots_and_an_unknown_authority_is_a_permanent_error() {
    assert_uses_the_system_roots("ureq_child");
}

#[cfg(feature = "hyper")]
#[test]
fn hyper_child() {
    run_as_child(Library::Hyper);
}

#[cfg(feature = "hyper")]
#[test]
fn hyper_uses_the_system_roots_and_an_unknown_authority_is_a_permanent_error() {
    assert_uses_the_system_roots("hyper_child");
}

#[cfg(feature = "reqwest")]
#[test]
fn reqwest_child() {
    run_as_child(Library::Reqwest);
}

#[cfg(feature = "reqwest")]
#[test]
fn reqwest_uses_the_system_roots_and_an_unknown_authority_is_a_permanent_error() {
    assert_uses_the_system_roots("reqwest_child");
}
