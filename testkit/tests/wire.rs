//! The server of raw answers and the TLS proxy.
#![cfg(feature = "wire")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tcss_export_testkit::Service;
use tcss_export_testkit::wire::{TlsProxy, WireAnswer, WireServer};

const GET: &[u8] = b"GET / HTTP/1.1\r\n\r\n";
const POST: &[u8] = b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\na\0\xff";

fn connect(addr: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(addr).expect("a listening server");
    // Ends a test that would hang.
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    stream
}

fn exchange(mut stream: impl Read + Write, bytes: &[u8]) -> String {
    stream.write_all(bytes).expect("a reading server");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an end");
    answer
}

fn secure(
    addr: SocketAddr,
    root: &[u8],
    name: &'static str,
) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(root.to_vec())).expect("a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the versions of ring")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(name).expect("a name");
    let client = ClientConnection::new(Arc::new(config), name).expect("a client");
    StreamOwned::new(client, connect(addr))
}

#[test]
fn a_request_is_recorded_byte_for_byte() {
    let server = WireServer::plain([WireAnswer::raw("x").then_close()]).expect("a server");
    exchange(connect(server.addr()), POST);
    assert_eq!(server.requests(), [POST]);
}

#[test]
fn raw_bytes_are_sent_as_they_are() {
    let server = WireServer::plain([WireAnswer::raw("no HTTP").then_close()]).expect("a server");
    assert_eq!(exchange(connect(server.addr()), GET), "no HTTP");
}

#[test]
fn answers_come_in_order_and_the_last_repeats() {
    let answers = [WireAnswer::raw("1"), WireAnswer::raw("2"), WireAnswer::raw("3").then_close()];
    let server = WireServer::plain(answers).expect("a server");
    assert_eq!(exchange(connect(server.addr()), &GET.repeat(3)), "123");
    assert_eq!(exchange(connect(server.addr()), GET), "3");
}

#[test]
fn a_connection_stays_open_until_an_answer_closes_it() {
    let answers = [WireAnswer::raw("1"), WireAnswer::raw("2").then_close()];
    let server = WireServer::plain(answers).expect("a server");
    exchange(connect(server.addr()), &GET.repeat(2));
    assert_eq!((server.connections(), server.requests().len()), (1, 2));
}

#[test]
fn close_ends_the_connection_without_an_answer() {
    let server = WireServer::plain([WireAnswer::Close]).expect("a server");
    assert_eq!(exchange(connect(server.addr()), GET), "");
    assert_eq!(server.requests(), [GET]);
}

#[test]
fn a_slow_answer_is_complete() {
    let answer = WireAnswer::raw("slow").slowly(1, Duration::from_millis(1)).then_close();
    let server = WireServer::plain([answer]).expect("a server");
    assert_eq!(exchange(connect(server.addr()), GET), "slow");
}

#[test]
fn a_dropped_server_does_not_wait_for_a_slow_answer() {
    let answer = WireAnswer::raw("never").slowly(1, Duration::from_secs(3600));
    let server = WireServer::plain([answer]).expect("a server");
    let mut stream = connect(server.addr());
    stream.write_all(GET).expect("a reading server");
    while server.requests().is_empty() {
        std::thread::yield_now();
    }
    drop(server);
    assert_eq!(stream.read(&mut [0]).expect("an end"), 0);
}

#[test]
fn a_dropped_server_does_not_wait_for_a_hanging_client() {
    let server = WireServer::plain([WireAnswer::Hang]).expect("a server");
    let mut stream = connect(server.addr());
    stream.write_all(GET).expect("a reading server");
    while server.requests().is_empty() {
        std::thread::yield_now();
    }
    drop(server);
    assert_eq!(stream.read(&mut [0]).expect("an end"), 0);
}

#[test]
fn a_dropped_server_does_not_wait_for_an_idle_client() {
    let server = WireServer::plain([WireAnswer::raw("x")]).expect("a server");
    let addr = server.addr();
    let mut stream = connect(addr);
    drop(server);
    // The server may have ended before it accepted the connection.
    assert!(stream.read(&mut [0]).map_or(true, |count| count == 0));
    TcpListener::bind(addr).expect("the port is free");
}

#[test]
fn a_server_without_answers_is_an_error() {
    let error = WireServer::plain([]).expect_err("no answers");
    assert_eq!(error.to_string(), "expected at least one answer");
}

#[test]
fn then_cut_ends_tls_without_close_notify() {
    let server = WireServer::tls([WireAnswer::raw("x").then_cut()]).expect("a server");
    let mut stream = secure(server.addr(), server.ca_der(), "localhost");
    stream.write_all(GET).expect("a reading server");
    let error = stream.read_to_end(&mut Vec::new()).expect_err("no close_notify");
    assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof);
}

#[test]
fn the_certificate_is_valid_for_localhost() {
    let server = WireServer::tls([WireAnswer::raw("x").then_close()]).expect("a server");
    let stream = secure(server.addr(), server.ca_der(), "localhost");
    assert_eq!(exchange(stream, POST), "x");
    assert_eq!(server.requests(), [POST]);
}

#[test]
fn the_certificate_is_valid_for_the_loopback_address() {
    let server = WireServer::tls([WireAnswer::raw("x").then_close()]).expect("a server");
    assert_eq!(exchange(secure(server.addr(), server.ca_der(), "127.0.0.1"), GET), "x");
}

#[test]
fn the_certificate_is_not_valid_for_another_name() {
    let server = WireServer::tls([WireAnswer::raw("x")]).expect("a server");
    let mut stream = secure(server.addr(), server.ca_der(), "other.example");
    let error = stream.write_all(GET).expect_err("a wrong name");
    assert!(error.to_string().contains("not valid for name"), "{error}");
}

#[test]
fn pem_and_der_are_the_same_certificate() {
    let server = WireServer::tls([WireAnswer::Close]).expect("a server");
    let pem = CertificateDer::from_pem_slice(server.ca_pem().as_bytes()).expect("PEM");
    assert_eq!(pem.as_ref(), server.ca_der());
}

#[test]
fn a_plain_server_has_no_authority() {
    let server = WireServer::plain([WireAnswer::Close]).expect("a server");
    assert_eq!((server.ca_pem(), server.ca_der()), ("", &[][..]));
}

#[test]
fn the_url_has_scheme_and_port() {
    let plain = WireServer::plain([WireAnswer::Close]).expect("a server");
    let tls = WireServer::tls([WireAnswer::Close]).expect("a server");
    assert_eq!(plain.url(), format!("http://127.0.0.1:{}", plain.addr().port()));
    assert_eq!(tls.url(), format!("https://localhost:{}", tls.addr().port()));
}

#[test]
fn a_tls_proxy_adds_tls_to_the_service() {
    let service = Service::builder().start().expect("a service");
    let proxy = TlsProxy::to(service.addr()).expect("a proxy");
    let request = b"POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let answer = exchange(secure(proxy.addr(), proxy.ca_der(), "localhost"), request);
    assert!(answer.contains("MissingParameter"), "{answer}");
    assert_eq!(service.seen().len(), 1);
}

#[test]
fn a_tls_proxy_forwards_large_bodies_both_ways() {
    let body = "x".repeat(300_000);
    let answer = WireAnswer::json(&body).then_close();
    let server = WireServer::plain([answer]).expect("a server");
    let proxy = TlsProxy::to(server.addr()).expect("a proxy");
    let request = format!("POST / HTTP/1.1\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let stream = secure(proxy.addr(), proxy.ca_der(), "localhost");
    let answer = exchange(stream, request.as_bytes());
    assert!(answer.ends_with(&body));
    assert_eq!(server.requests(), [request.as_bytes()]);
}

#[test]
fn a_tls_proxy_keeps_a_connection_open() {
    let answers = [WireAnswer::raw("1"), WireAnswer::raw("2").then_close()];
    let server = WireServer::plain(answers).expect("a server");
    let proxy = TlsProxy::to(server.addr()).expect("a proxy");
    let stream = secure(proxy.addr(), proxy.ca_der(), "localhost");
    assert_eq!(exchange(stream, &GET.repeat(2)), "12");
    assert_eq!((proxy.connections(), server.connections()), (1, 1));
}

#[test]
fn a_dropped_tls_proxy_does_not_wait_for_a_hanging_service() {
    let server = WireServer::plain([WireAnswer::Hang]).expect("a server");
    let proxy = TlsProxy::to(server.addr()).expect("a proxy");
    let mut stream = secure(proxy.addr(), proxy.ca_der(), "localhost");
    stream.write_all(GET).expect("a reading proxy");
    while server.requests().is_empty() {
        std::thread::yield_now();
    }
    drop(proxy);
    assert!(stream.read(&mut [0]).map_or(true, |count| count == 0));
}
