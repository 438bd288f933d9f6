//! Every transport through a proxy; the tests check the bytes that proxy and server receive.
//!
//! The environment names the proxy and the root certificates, so each client runs in a child
//! process: this binary again, with the test `child::child`.
#![cfg(all(unix, any(feature = "hyper", feature = "reqwest", feature = "ureq")))]

mod child;
mod downloads;
#[path = "../common/with.rs"]
mod with;

use std::net::{SocketAddr, TcpListener};

use tcss_export_testkit::wire::{ConnectProxy, WireAnswer, WireServer};

use crate::child::{BASIC, LOGIN, Run};

const LIBRARIES: &[&str] = &[
    #[cfg(feature = "ureq")]
    "ureq",
    #[cfg(feature = "hyper")]
    "hyper",
    #[cfg(feature = "reqwest")]
    "reqwest",
];

/// A host name that only a proxy can resolve.
const HOST: &str = "gw.example";

/// An address of this machine that is not a loopback address.
const HERE: &str = "0.0.0.0";
const RUNNING: &str = r#"{"Response":{"ExportStatus":"RUNNING"}}"#;

fn server(host: &str) -> WireServer {
    WireServer::tls_for(host, [WireAnswer::json(RUNNING)]).unwrap()
}

fn proxy_to(server: &WireServer) -> ConnectProxy {
    ConnectProxy::to(server.addr()).unwrap()
}

/// A proxy that only sends this answer.
fn proxy_that_answers(answer: WireAnswer) -> WireServer {
    WireServer::plain([answer]).unwrap()
}

/// The URL of a proxy, with a login.
fn url(proxy: SocketAddr) -> String {
    format!("http://{LOGIN}@{proxy}")
}

/// The lines of a request's head, without the empty last one.
fn head(request: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(request);
    let (head, _) = text.split_once("\r\n\r\n").expect("a whole head");
    head.split("\r\n").map(str::to_owned).collect()
}

/// Asserts that both exchanges of the child succeeded.
fn assert_succeeds(text: &str) {
    assert_eq!(text.matches("status=Running").count(), 2, "{text}");
}

#[test]
fn the_tunnel_leads_to_the_signed_host_and_host_header_and_tls_name_do_not_change() {
    for library in LIBRARIES {
        // Its certificate is for this name only.
        let server = server(HOST);
        let proxy = proxy_to(&server);
        let run = Run::new(&server, HOST).env("HTTPS_PROXY", format!("http://{}", proxy.addr()));
        assert_succeeds(&run.with(library));

        let asked = proxy.requests();
        assert_eq!(asked.len(), 1, "{library}: one tunnel for both exchanges");
        let mut lines = head(&asked[0]);
        // ureq adds this one.
        lines.retain(|line| line != "Proxy-Connection: Keep-Alive");
        assert_eq!(lines, ["CONNECT gw.example:443 HTTP/1.1", "Host: gw.example:443"], "{library}");

        let requests = server.requests();
        assert_eq!(requests.len(), 2, "{library}");
        for request in requests {
            let lines = head(&request);
            assert_eq!(lines[0], "POST / HTTP/1.1", "{library}");
            let hosts: Vec<_> =
                lines.iter().filter(|line| line.to_lowercase().starts_with("host:")).collect();
            assert_eq!(hosts.len(), 1, "{library}");
            assert!(hosts[0].ends_with(": gw.example"), "{library}: {hosts:?}");
            assert!(!lines.iter().any(|line| line.to_lowercase().starts_with("proxy-")));
        }
    }
}

#[test]
fn the_login_is_sent_only_to_the_proxy() {
    for library in LIBRARIES {
        let server = server(HOST);
        let proxy = proxy_to(&server);
        let run = Run::new(&server, "gw.example:8443").env("all_proxy", url(proxy.addr()));
        assert_succeeds(&run.with(library));
        let lines = head(&proxy.requests()[0]);
        assert_eq!(lines[0], "CONNECT gw.example:8443 HTTP/1.1", "{library}");
        assert!(lines.contains(&format!("Proxy-Authorization: Basic {BASIC}")), "{library}");
        let inner = String::from_utf8_lossy(&server.requests()[0]).into_owned();
        assert!(!inner.contains(BASIC), "{library}");
    }
}

#[test]
fn no_proxy_and_without_proxy_connect_directly() {
    for library in LIBRARIES {
        let server = server(HERE);
        let proxy = proxy_to(&server);
        let address = format!("https://{HERE}:{}", server.addr().port());
        let run = || Run::new(&server, &*address).env("HTTPS_PROXY", url(proxy.addr()));
        assert_succeeds(&run().env("NO_PROXY", "a.example, 0.0.0.0/8").with(library));
        assert_succeeds(&run().options("without_proxy").with(library));
        assert_eq!((server.connections(), proxy.connections()), (2, 0), "{library}");
        assert_succeeds(&run().env("NO_PROXY", "other.example").with(library));
        assert_eq!(proxy.requests().len(), 1, "{library}");
    }
}

#[test]
fn a_loopback_endpoint_is_never_reached_through_a_proxy() {
    for library in LIBRARIES {
        let server = WireServer::plain([WireAnswer::json(RUNNING)]).unwrap();
        let proxy = proxy_to(&server);
        let run = ["http_proxy", "https_proxy", "all_proxy"]
            .iter()
            .fold(Run::new(&server, server.url()), |run, name| run.env(name, url(proxy.addr())));
        assert_succeeds(&run.with(library));
        assert_eq!(proxy.connections(), 0, "{library}");
    }
}

#[cfg(feature = "ureq")]
#[test]
fn an_agent_built_by_the_user_gets_no_proxy_from_the_environment() {
    let server = WireServer::plain([WireAnswer::Close]).unwrap();
    let run = Run::new(&server, "0.0.0.0:9").env("https_proxy", url(server.addr()));
    let text = run.with("custom_agent");
    assert!(text.contains("error=") && !text.contains("typed"), "{text}");
    assert_eq!(server.connections(), 0);
}

/// Runs each client through a proxy that opens the tunnel with this answer.
fn outputs_through(answer: &str, libraries: &[&str]) -> Vec<String> {
    let run = |library: &&str| {
        let server = server(HOST);
        let proxy = ConnectProxy::answering(answer, server.addr()).unwrap();
        Run::new(&server, HOST).env("https_proxy", url(proxy.addr())).with(library)
    };
    libraries.iter().map(run).collect()
}

#[test]
fn every_status_2xx_opens_a_tunnel() {
    // reqwest takes 200 only.
    let libraries: Vec<_> = LIBRARIES.iter().copied().filter(|name| *name != "reqwest").collect();
    for answer in [
        "HTTP/1.1 201 Created\r\n\r\n",
        "HTTP/1.0 299 X\r\nVia: 1.0 x\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
    ] {
        outputs_through(answer, &libraries).iter().for_each(|text| assert_succeeds(text));
    }
}

#[test]
fn an_answer_that_opens_a_tunnel_may_have_many_headers() {
    let answer = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: y\r\n".repeat(90));
    outputs_through(&answer, LIBRARIES).iter().for_each(|text| assert_succeeds(text));
}

/// Runs each client against a proxy that sends this answer to CONNECT, and returns the outputs.
fn outputs_after(answer: &WireAnswer) -> Vec<(&'static str, String)> {
    let server = server(HOST);
    let run = |library: &&'static str| {
        let proxy = proxy_that_answers(answer.clone());
        let text = Run::new(&server, HOST).env("https_proxy", url(proxy.addr())).with(library);
        assert_eq!(proxy.requests().len(), 2, "{library}: one CONNECT for each exchange: {text}");
        let address = proxy.addr().to_string();
        assert!(text.contains("typed") && text.contains(&address), "{text}");
        (*library, text)
    };
    let texts = LIBRARIES.iter().map(run).collect();
    assert_eq!(server.connections(), 0);
    texts
}

#[test]
fn status_407_of_a_proxy_is_a_permanent_error_that_names_proxy_and_status() {
    let headers = [("Proxy-Authenticate", "Basic realm=\"x\""), ("Connection", "close")];
    let answer = WireAnswer::response(407, &headers, "login required").then_close();
    for (_, text) in outputs_after(&answer) {
        assert!(text.contains("error=Permanent"), "{text}");
        assert!(text.contains("refused to connect with status 407 Proxy Auth"), "{text}");
    }
}

#[test]
fn status_502_of_a_proxy_is_a_broken_connection_that_names_the_status() {
    for (library, text) in outputs_after(&WireAnswer::response(502, &[], "").then_close()) {
        assert!(text.contains("error=Connection"), "{text}");
        let expected = match library {
            // reqwest does not report the status.
            "reqwest" => ": the connection through the proxy at ",
            _ => "refused to connect with status 502 Bad Gateway",
        };
        assert!(text.contains(expected), "{text}");
    }
}

#[test]
fn a_proxy_that_closes_or_does_not_speak_http_is_a_broken_connection() {
    for answer in [WireAnswer::Close, WireAnswer::raw("SSH-2.0-x\r\n\r\n").then_close()] {
        for (_, text) in outputs_after(&answer) {
            assert!(text.contains("error=Connection"), "{text}");
            assert!(text.contains(": the connection through the proxy at "), "{text}");
        }
    }
}

#[test]
fn a_silent_proxy_is_a_timeout() {
    let server = server(HOST);
    for library in LIBRARIES {
        let proxy = proxy_that_answers(WireAnswer::Hang);
        let run =
            Run::new(&server, HOST).env("https_proxy", url(proxy.addr())).options("short_limit");
        let text = run.with(library);
        assert_eq!(text.matches("error=Timeout").count(), 2, "{text}");
        assert_eq!(proxy.requests().len(), 2, "{library}");
    }
}

#[test]
fn the_error_for_an_unreachable_proxy_names_it() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = server(HOST);
    for library in LIBRARIES {
        let text = Run::new(&server, HOST).env("https_proxy", url(closed)).with(library);
        assert!(text.contains("error=Connection"), "{text}");
        let expected = format!(": the connection through the proxy at {closed} failed");
        assert!(text.contains(&expected) && text.contains("refused"), "{text}");
    }
}

#[test]
fn a_certificate_for_another_host_is_a_permanent_error_through_a_proxy_too() {
    let server = server("other.example");
    let proxy = proxy_to(&server);
    for library in LIBRARIES {
        let text = Run::new(&server, HOST).env("https_proxy", url(proxy.addr())).with(library);
        assert!(text.contains("error=Permanent"), "{text}");
        assert!(text.contains(": the connection through the proxy at "), "{text}");
        assert!(text.contains("certificate"), "{text}");
    }
    assert!(server.requests().is_empty());
}

#[test]
fn an_unusable_proxy_setting_is_reported_at_the_first_request() {
    let server = server(HOST);
    for library in LIBRARIES {
        for (value, expected) in [
            (
                format!("socks5h://{LOGIN}@p.example"),
                "https_proxy names a proxy of scheme socks5h:",
            ),
            (format!("https://{LOGIN}@p.example"), "https_proxy names a proxy of scheme https:"),
            (format!("http://{LOGIN}@p.example:x"), "https_proxy is not the URL of a proxy"),
        ] {
            let text = Run::new(&server, HOST).env("https_proxy", value).with(library);
            assert!(text.contains("error=Permanent") && text.contains("typed"), "{text}");
            assert!(text.contains(expected), "{text}");
        }
    }
    assert_eq!(server.connections(), 0);
}
