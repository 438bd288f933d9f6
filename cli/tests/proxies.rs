//! The proxy of the environment.
#![cfg(unix)]

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;
use tcss_export_testkit::wire::{ConnectProxy, WireAnswer, WireServer};

/// A host that only a proxy can resolve.
const HOST: &str = "gw.example";
const LOGIN: &str = "EXAMPLEUSER:EXAMPLE%20WORD";
/// User and password in Base64, from `base64(1)`.
const BASIC: &str = "RVhBTVBMRVVTRVI6RVhBTVBMRSBXT1JE";
const SUCCESS: &str =
    r#"{"Response":{"ExportStatus":"SUCCESS","DownloadURL":"https://h.example/a"}}"#;

const CHECK_PROXY: &str =
    "check the proxy that HTTPS_PROXY or ALL_PROXY names; NO_PROXY excepts hosts from it";

/// A run that has ended.
#[derive(Debug)]
struct Ended {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Ended {
    fn message(&self) -> String {
        self.text("message")
    }

    fn hint(&self) -> String {
        self.text("hint")
    }

    fn text(&self, member: &str) -> String {
        let line = self.stderr.lines().last().expect("an error object");
        let object: Value = serde_json::from_str(line).expect("an error object");
        object["error"][member].as_str().expect("a text").to_owned()
    }
}

/// Runs a command about a job.
fn run(command: &str, server: &WireServer, endpoint: &str, variables: &[(&str, &str)]) -> Ended {
    run_args(&[command, "J", "--json"], server, endpoint, variables)
}

/// Runs a command with these variables, and checks that the output does not show the login.
fn run_args(
    args: &[&str],
    server: &WireServer,
    endpoint: &str,
    variables: &[(&str, &str)],
) -> Ended {
    let name = format!("proxies-{}.pem", server.addr().port());
    let roots = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&roots, server.ca_pem()).expect("a file");
    let output = Command::new(env!("CARGO_BIN_EXE_tcss-export"))
        .args(args)
        .args(["--endpoint", endpoint])
        .env_clear()
        .env("SSL_CERT_FILE", &roots)
        .env("TENCENTCLOUD_SECRET_ID", "AKIDEXAMPLE")
        .env("TENCENTCLOUD_SECRET_KEY", "EXAMPLEKEY")
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .output()
        .expect("the binary runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    let (stdout, stderr) = (text(output.stdout), text(output.stderr));
    for secret in ["EXAMPLEUSER", "WORD", BASIC] {
        assert!(!stdout.contains(secret) && !stderr.contains(secret), "{stdout}{stderr}");
    }
    Ended { code: output.status.code(), stdout, stderr }
}

fn server(host: &str) -> WireServer {
    WireServer::tls_for(host, [WireAnswer::json(SUCCESS)]).expect("a server")
}

fn url(proxy: SocketAddr) -> String {
    format!("http://{LOGIN}@{proxy}")
}

#[test]
fn a_wait_uses_the_proxy_of_the_environment() {
    let server = server(HOST);
    let proxy = ConnectProxy::to(server.addr()).expect("a proxy");
    for command in ["result", "wait"] {
        let ended = run(command, &server, HOST, &[("https_proxy", &url(proxy.addr()))]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.stdout.contains("https://h.example/a"), "{ended:?}");
    }
    for request in proxy.requests() {
        let text = String::from_utf8(request).expect("a head of text");
        assert!(text.starts_with("CONNECT gw.example:443 HTTP/1.1\r\nHost: gw.example:443\r\n"));
        assert!(text.contains(&format!("\r\nProxy-Authorization: Basic {BASIC}\r\n")), "{text}");
        assert!(!text.contains("User-Agent") && !text.contains("EXAMPLEKEY"), "{text}");
    }
    assert_eq!((proxy.requests().len(), server.requests().len()), (2, 2));
}

#[test]
fn an_exception_connects_directly() {
    // Connects to this machine, but is not a loopback address.
    let server = server("0.0.0.0");
    let endpoint = format!("0.0.0.0:{}", server.addr().port());
    let proxy = ConnectProxy::to(server.addr()).expect("a proxy");
    let variables = [("ALL_PROXY", &*url(proxy.addr())), ("NO_PROXY", "a.example,0.0.0.0")];
    let ended = run("result", &server, &endpoint, &variables);
    assert_eq!((ended.code, proxy.connections()), (Some(0), 0), "{ended:?}");
    let ended = run("result", &server, &endpoint, &variables[..1]);
    assert_eq!((ended.code, proxy.connections()), (Some(0), 1), "{ended:?}");
}

#[test]
fn a_download_uses_the_proxy_of_the_environment() {
    let answer = WireAnswer::response(200, &[("Content-Length", "9")], "123456789");
    let server = WireServer::tls_for(HOST, [answer]).expect("a server");
    let proxy = ConnectProxy::to(server.addr()).expect("a proxy");
    let url = format!("https://{HOST}/f?EXAMPLEQUERY");
    let login = self::url(proxy.addr());
    let variables = [("https_proxy", &*login)];
    let ended = run_args(&["download", "--url", &url, "-o", "-"], &server, HOST, &variables);
    assert_eq!((ended.code, &*ended.stdout), (Some(0), "123456789"), "{ended:?}");
    let request = String::from_utf8(server.requests().remove(0)).expect("UTF-8");
    assert!(request.starts_with("GET /f?EXAMPLEQUERY HTTP/1.1\r\n"), "{request}");
    assert_eq!((proxy.requests().len(), server.requests().len()), (1, 1));
}

#[test]
fn status_407_ends_a_wait_and_the_error_names_proxy_and_status() {
    let proxy = WireServer::plain([WireAnswer::response(407, &[], "").then_close()]);
    let proxy = proxy.expect("a server");
    let server = server(HOST);
    for command in ["result", "wait"] {
        let ended = run(command, &server, HOST, &[("https_proxy", &url(proxy.addr()))]);
        assert_eq!((ended.code, &*ended.stdout), (Some(5), ""), "{ended:?}");
        let expected = format!("the proxy at {} refused to connect with status 407", proxy.addr());
        assert!(ended.message().contains(&expected), "{ended:?}");
        assert!(ended.hint().starts_with("the proxy wants a login: "), "{ended:?}");
    }
    assert_eq!(proxy.requests().len(), 2);
}

#[test]
fn an_unreachable_proxy_is_named() {
    let closed = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port");
    let ended = run("result", &server(HOST), HOST, &[("https_proxy", &url(closed))]);
    assert_eq!(ended.code, Some(5), "{ended:?}");
    let expected = format!("the connection through the proxy at {closed} failed: ");
    assert!(ended.message().contains(&expected), "{ended:?}");
    assert_eq!(ended.hint(), CHECK_PROXY);
}

#[test]
fn the_hint_of_a_download_that_the_proxy_refuses_is_about_the_proxy() {
    let proxy = WireServer::plain([WireAnswer::response(403, &[], "").then_close()]);
    let proxy = proxy.expect("a server");
    let args = ["download", "--url", "https://h.example/f?EXAMPLEQUERY", "-o", "-", "--json"];
    let variables = [("https_proxy", &*url(proxy.addr()))];
    let ended = run_args(&args, &server(HOST), HOST, &variables);
    assert_eq!((ended.code, ended.hint()), (Some(5), CHECK_PROXY.to_owned()), "{ended:?}");
}

#[test]
fn a_proxy_that_cannot_be_used_is_reported_with_its_variable() {
    let value = format!("socks5://{LOGIN}@proxy.example");
    let url = ["download", "--url", "https://h.example/f?EXAMPLEQUERY", "-o", "-", "--json"];
    for args in [&["wait", "J", "--json"], &["result", "J", "--json"], &url[..]] {
        let ended = run_args(args, &server(HOST), HOST, &[("ALL_PROXY", &value)]);
        assert_eq!((ended.code, ended.text("kind")), (Some(2), "usage".to_owned()), "{ended:?}");
        let expected = "ALL_PROXY names a proxy of scheme socks5: ";
        assert!(ended.message().contains(expected), "{ended:?}");
        let hint = "set HTTPS_PROXY or ALL_PROXY to http://host:port, or unset it; lower-case \
            names take precedence";
        assert_eq!(ended.hint(), hint);
    }
}
