//! HTTPS with the roots that `SSL_CERT_FILE` names, and the proxy of the environment.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;

use serde_json::json;
use tcss_export_testkit::wire::{ConnectProxy, TlsProxy, WireAnswer, WireServer};

use crate::support::{Ended, KEY, URL, cli, service};

/// A host that only a proxy can resolve.
const HOST: &str = "gw.example";
const LOGIN: &str = "EXAMPLEUSER:EXAMPLE%20WORD";
/// User and password in Base64, from `base64(1)`.
const BASIC: &str = "RVhBTVBMRVVTRVI6RVhBTVBMRSBXT1JE";
const SUCCESS: &str =
    r#"{"Response":{"ExportStatus":"SUCCESS","DownloadURL":"https://h.example/a"}}"#;

const RESULT: [&str; 3] = ["result", "J", "--json"];

const CHECK_PROXY: &str =
    "check the proxy that HTTPS_PROXY or ALL_PROXY names; NO_PROXY excepts hosts from it";

/// Writes a root certificate to a file.
fn roots(name: &str, pem: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, pem).expect("a file");
    path
}

/// Runs a command about a job with these roots.
fn run(command: &str, url: &str, roots: PathBuf) -> Ended {
    cli(&[command, "J", "--json", "--endpoint", url]).env("SSL_CERT_FILE", roots).run()
}

/// Runs a command with these variables, and checks that the output does not show the login.
fn run_with(
    args: &[&str],
    server: &WireServer,
    endpoint: &str,
    variables: &[(&str, &str)],
) -> Ended {
    let roots = roots(&format!("proxies-{}.pem", server.addr().port()), server.ca_pem());
    let cli = cli(args).arg("--endpoint").arg(endpoint).env("SSL_CERT_FILE", roots);
    let ended = variables.iter().fold(cli, |cli, (name, value)| cli.env(name, value)).run();
    for secret in ["EXAMPLEUSER", "WORD", BASIC] {
        let is_shown = ended.stdout.contains(secret) || ended.stderr.contains(secret);
        assert!(!is_shown, "{ended:?}");
    }
    ended
}

/// Returns the text of a member of the error object.
fn text(ended: &Ended, member: &str) -> String {
    ended.error()[member].as_str().expect("a text").to_owned()
}

fn server(host: &str) -> WireServer {
    WireServer::tls_for(host, [WireAnswer::json(SUCCESS)]).expect("a server")
}

fn url(proxy: SocketAddr) -> String {
    format!("http://{LOGIN}@{proxy}")
}

#[test]
fn a_job_is_followed_over_https() {
    let service = service(&format!("SUCCESS:{URL}"));
    let proxy = TlsProxy::to(service.addr()).expect("a proxy");
    let ended = run("wait", &proxy.url(), roots("followed.pem", proxy.ca_pem()));
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

#[test]
fn a_wait_uses_the_proxy_of_the_environment() {
    let server = server(HOST);
    let proxy = ConnectProxy::to(server.addr()).expect("a proxy");
    for command in ["result", "wait"] {
        let ended = run_with(
            &[command, "J", "--json"],
            &server,
            HOST,
            &[("https_proxy", &url(proxy.addr()))],
        );
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.stdout.contains("https://h.example/a"), "{ended:?}");
    }
    for request in proxy.requests() {
        let head = String::from_utf8(request).expect("UTF-8");
        assert!(head.starts_with("CONNECT gw.example:443 HTTP/1.1\r\nHost: gw.example:443\r\n"));
        assert!(head.contains(&format!("\r\nProxy-Authorization: Basic {BASIC}\r\n")), "{head}");
        assert!(!head.contains("User-Agent") && !head.contains(KEY), "{head}");
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
    let ended = run_with(&RESULT, &server, &endpoint, &variables);
    assert_eq!((ended.code, proxy.connections()), (Some(0), 0), "{ended:?}");
    let ended = run_with(&RESULT, &server, &endpoint, &variables[..1]);
    assert_eq!((ended.code, proxy.connections()), (Some(0), 1), "{ended:?}");
}

#[test]
fn a_download_uses_the_proxy_of_the_environment() {
    let answer = WireAnswer::response(200, &[("Content-Length", "9")], "123456789");
    let server = WireServer::tls_for(HOST, [answer]).expect("a server");
    let proxy = ConnectProxy::to(server.addr()).expect("a proxy");
    let file = format!("https://{HOST}/f?EXAMPLEQUERY");
    let variables = [("https_proxy", &*url(proxy.addr()))];
    let ended = run_with(&["download", "--url", &file, "-o", "-"], &server, HOST, &variables);
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
        let ended = run_with(
            &[command, "J", "--json"],
            &server,
            HOST,
            &[("https_proxy", &url(proxy.addr()))],
        );
        assert_eq!((ended.code, &*ended.stdout), (Some(5), ""), "{ended:?}");
        let expected = format!("the proxy at {} refused to connect with status 407", proxy.addr());
        assert!(text(&ended, "message").contains(&expected), "{ended:?}");
        assert!(text(&ended, "hint").starts_with("the proxy wants a login: "), "{ended:?}");
    }
    assert_eq!(proxy.requests().len(), 2);
}

#[test]
fn an_unreachable_proxy_is_named() {
    let closed = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port");
    let ended = run_with(&RESULT, &server(HOST), HOST, &[("https_proxy", &url(closed))]);
    assert_eq!(ended.code, Some(5), "{ended:?}");
    let expected = format!("the connection through the proxy at {closed} failed: ");
    assert!(text(&ended, "message").contains(&expected), "{ended:?}");
    assert_eq!(text(&ended, "hint"), CHECK_PROXY);
}

#[test]
fn the_hint_of_a_download_that_the_proxy_refuses_is_about_the_proxy() {
    let proxy = WireServer::plain([WireAnswer::response(403, &[], "").then_close()]);
    let proxy = proxy.expect("a server");
    let args = ["download", "--url", "https://h.example/f?EXAMPLEQUERY", "-o", "-", "--json"];
    let variables = [("https_proxy", &*url(proxy.addr()))];
    let ended = run_with(&args, &server(HOST), HOST, &variables);
    assert_eq!((ended.code, text(&ended, "hint")), (Some(5), CHECK_PROXY.to_owned()), "{ended:?}");
}

#[test]
fn a_proxy_that_cannot_be_used_is_reported_with_its_variable() {
    let value = format!("socks5://{LOGIN}@proxy.example");
    let download = ["download", "--url", "https://h.example/f?EXAMPLEQUERY", "-o", "-", "--json"];
    for args in [&["wait", "J", "--json"], &["result", "J", "--json"], &download[..]] {
        let ended = run_with(args, &server(HOST), HOST, &[("ALL_PROXY", &value)]);
        assert_eq!((ended.code, text(&ended, "kind")), (Some(2), "usage".to_owned()), "{ended:?}");
        let expected = "ALL_PROXY names a proxy of scheme socks5: ";
        assert!(text(&ended, "message").contains(expected), "{ended:?}");
        let hint = "set HTTPS_PROXY or ALL_PROXY to http://host:port, or unset it; lower-case \
            names take precedence";
        assert_eq!(text(&ended, "hint"), hint);
    }
}
