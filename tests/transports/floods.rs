//! Endless answers: the client closes the connection after a bounded number of bytes.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    thread,
};

use tcss_export::{driver::TransportErrorKind, error::SendError};

use crate::clients::{LIBRARIES, Setup};

/// The limit of bytes that a client may take. A client and its socket buffer much less.
const MOST: usize = 64 << 20;

/// Sends the start of an answer, then the same bytes until the client closes the connection.
/// Returns the number of bytes sent.
fn flood(mut stream: TcpStream, start: &[u8], repeated: &[u8]) -> usize {
    let repeated = repeated.repeat((64 << 10) / repeated.len() + 1);
    let mut sent = 0;
    // Read the request, or its start.
    let _ = stream.read(&mut [0; 4096]);
    let mut is_open = stream.write_all(start).is_ok();
    while is_open && sent < MOST {
        is_open = stream.write_all(&repeated).is_ok();
        sent += repeated.len();
    }
    sent
}

/// Sends one request to a server that floods the client. Returns the error.
fn flooded(setup: &Setup, start: &'static str, repeated: &str) -> TransportErrorKind {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let repeated = repeated.to_owned();
    let server = thread::spawn(move || {
        flood(listener.accept().unwrap().0, start.as_bytes(), repeated.as_bytes())
    });
    let client = setup.client_at(&url, &[]);
    let Err(SendError::Transport(error)) = client.send() else { panic!("expected no answer") };
    // An async client closes the connection in a task of its runtime.
    drop(client);
    let sent = server.join().unwrap();
    assert!(sent < MOST, "{setup:?} took {sent} bytes");
    error.kind()
}

#[test]
fn endless_interim_responses_are_a_broken_connection() {
    let long = format!("HTTP/1.1 102 {}\r\n\r\n", "E".repeat(60_000));
    let setups = LIBRARIES.iter().copied().map(Setup::new);
    for setup in setups.filter(Setup::limits_interim_heads) {
        for head in ["HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 103 E\r\n\r\n", &long] {
            let kind = flooded(&setup, "", head);
            assert_eq!(kind, TransportErrorKind::Connection, "{setup:?}");
        }
    }
}

#[test]
fn an_endless_head_is_a_broken_connection() {
    for library in LIBRARIES {
        let kind = flooded(&Setup::new(*library), "HTTP/1.1 200 OK\r\n", "X: y\r\n");
        assert_eq!(kind, TransportErrorKind::Connection, "{library:?}");
    }
}

#[test]
fn endless_trailers_are_a_truncated_transfer() {
    let start = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n";
    for library in LIBRARIES {
        let kind = flooded(&Setup::new(*library), start, "X: y\r\n");
        assert_eq!(kind, TransportErrorKind::Truncated, "{library:?}");
    }
}
