//! HTTPS with the roots that `SSL_CERT_FILE` names, and the proxy of the environment.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::thread;

use serde_json::json;
use tcss_export_testkit::wire::{CertificateFault, ConnectProxy, TlsProxy, WireAnswer, WireServer};

use crate::support::{Ended, KEY, URL, cli, service, without_keys};

/// A host that only a proxy can resolve.
const HOST: &str = "gw.example";
const LOGIN: &str = "EXAMPLEUSER:EXAMPLE%20WORD";
/// User and password in Base64, from `base64(1)`.
const BASIC: &str = "RVhBTVBMRVVTRVI6RVhBTVBMRSBXT1JE";
const SUCCESS: &str =
    r#"{"Response":{"ExportStatus":"SUCCESS","DownloadURL":"https://h.example/a"}}"#;

const RESULT: [&str; 3] = ["result", "J", "--json"];

const CHECK_PROXY: &str = "check the proxy that https_proxy names; NO_PROXY excepts hosts from it";

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
    // One of our hints contains this text.
    let shown = format!("{}{}", ended.stdout, ended.stderr).replace("USER:PASSWORD@", "");
    for secret in ["EXAMPLEUSER", "WORD", BASIC] {
        assert!(!shown.contains(secret), "{ended:?}");
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
        let message = format!(
            "localhost:{}: the request cannot be sent: no authority that this machine trusts \
             issued the server's certificate",
            server.addr().port()
        );
        assert_eq!(error["message"], message);
        let file = roots(command, other.ca_pem());
        let hint = format!(
            "if you trust the server or a proxy on the way, add its authority to {}, which \
             SSL_CERT_FILE names",
            file.display()
        );
        assert_eq!(error["hint"], hint);
    }
    assert!(server.requests().is_empty());
}

/// Returns message and hint after a server whose certificate has a fault.
fn with_fault(fault: CertificateFault) -> [String; 2] {
    let server = WireServer::tls_with(fault, [WireAnswer::json("page")]).expect("a server");
    let ended = run("result", &server.url(), roots(&format!("{fault:?}"), server.ca_pem()));
    assert_eq!((ended.code, server.requests().len()), (Some(5), 0), "{ended:?}");
    ["message", "hint"].map(|member| text(&ended, member))
}

#[test]
fn a_certificate_that_is_not_valid_now_is_reported_with_dates_and_the_clock() {
    for (fault, date) in [
        (CertificateFault::NotValidYet, "is not valid before 2100-01-01 00:00 UTC"),
        (CertificateFault::Expired, "expired on 2001-01-01 00:00 UTC"),
    ] {
        let [message, hint] = with_fault(fault);
        let expected = format!("certificate {date}, and this machine's clock shows 20");
        assert!(message.contains(&expected), "{message}");
        assert!(message.ends_with(" UTC"), "{message}");
        assert!(hint.starts_with("set the clock of this machine if it is wrong; "), "{hint}");
    }
}

#[test]
fn the_certificate_of_an_authority_is_explained() {
    let [message, hint] = with_fault(CertificateFault::OfAuthority);
    assert!(message.ends_with("of an authority, perhaps self-signed, and not one for a server"));
    assert_eq!(hint, "give the server a certificate of its own, issued by that authority");
}

#[test]
fn the_names_of_the_wrong_certificate_are_shown() {
    let server = server(HOST);
    let host = format!("localhost:{}", server.addr().port());
    let url = format!("https://{host}");
    let ended = run("result", &url, roots("names.pem", server.ca_pem()));
    let message = format!(
        "{host}: the request cannot be sent: the server's certificate is not for localhost, but \
         for gw.example"
    );
    assert_eq!((ended.code, text(&ended, "message")), (Some(5), message), "{ended:?}");
    let hint = format!("check the host of --endpoint (now {url}), and what is between it");
    assert!(text(&ended, "hint").starts_with(&hint), "{ended:?}");
}

#[test]
fn without_root_certificates_the_hint_names_their_package() {
    let server = WireServer::tls([WireAnswer::json("page")]).expect("a server");
    let ended = run("result", &server.url(), roots("empty.pem", ""));
    let message = ": the request cannot be sent: this machine has no root certificates";
    assert!(text(&ended, "message").ends_with(message), "{ended:?}");
    assert_eq!(ended.code, Some(5));
    assert!(text(&ended, "hint").contains("SSL_CERT_FILE"), "{ended:?}");
}

#[test]
fn another_protocol_is_not_reported_as_a_broken_network() {
    let tls = WireServer::tls([WireAnswer::json("page")]).expect("a server");
    let plain = TcpListener::bind("127.0.0.1:0").expect("a port");
    let plain_addr = plain.local_addr().expect("an address");
    let answering = thread::spawn(move || {
        let (mut stream, _) = plain.accept().expect("a connection");
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").expect("an answer");
        // Until the client closes the connection.
        stream.read_to_end(&mut Vec::new()).unwrap_or_default();
    });
    let other = WireServer::plain([WireAnswer::raw("220 smtp.example\r\n\r\n").then_close()]);
    let other = other.expect("a server");
    let http = |server: &WireServer| format!("http://{}", server.addr());
    for (url, message, hint) in [
        (http(&tls), "the answer is not HTTP: ", "another protocol answers there"),
        (http(&other), "the answer is not HTTP: ", "another protocol answers there"),
        (
            format!("https://{plain_addr}"),
            "the connection failed: the server sent something else than TLS",
            "what answers there speaks no TLS",
        ),
    ] {
        let ended = run("result", &url, roots("protocol.pem", tls.ca_pem()));
        assert_eq!(ended.code, Some(5), "{ended:?}");
        let (_, host) = url.split_once("://").expect("a scheme");
        let message = format!("{host}: {message}");
        assert!(text(&ended, "message").starts_with(&message), "{ended:?}");
        let hint = format!("check the scheme and the port of --endpoint (now {url}): {hint}");
        assert!(text(&ended, "hint").starts_with(&hint), "{ended:?}");
    }
    answering.join().expect("a whole exchange");
}

#[test]
fn a_download_from_another_protocol_names_the_url() {
    let tls = WireServer::tls([WireAnswer::json("page")]).expect("a server");
    let url = format!("http://{}/f?EXAMPLEQUERY", tls.addr());
    let download = ["download", "--url", &url, "-o", "-", "--json", "--download-timeout", "0.3"];
    let ended = without_keys(&download).run();
    let hint = "check the scheme and the port of the URL: another protocol answers there";
    assert!(text(&ended, "hint").starts_with(hint), "{ended:?}");
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
fn a_service_elsewhere_cannot_name_a_file_on_this_machine() {
    let local = WireServer::plain([WireAnswer::response(200, &[], "local")]).expect("a server");
    let file = format!("{}/f?EXAMPLEQUERY", local.url());
    let done = format!(r#"{{"Response":{{"ExportStatus":"SUCCESS","DownloadURL":"{file}"}}}}"#);
    let server = WireServer::tls_for(HOST, [WireAnswer::json(done)]).expect("a server");
    let proxy = ConnectProxy::to(server.addr()).expect("a proxy");
    let variables = [("https_proxy", &*url(proxy.addr()))];
    let ended =
        run_with(&["download", "J", "-o", "-", "--quiet", "--json"], &server, HOST, &variables);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(text(&ended, "message").contains("it has a private address"), "{ended:?}");
    assert!(local.requests().is_empty() && ended.stdout.is_empty(), "{ended:?}");
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
        let hint = "check user and password in https_proxy; encode special characters as %XX";
        assert_eq!(text(&ended, "hint"), hint);
    }
    assert_eq!(proxy.requests().len(), 2);
}

/// Returns the message and the hint after a proxy that wants a login by this scheme, as JSON and as
/// text.
fn refused_login(variable: &str, login: &str, scheme: &str) -> (String, String) {
    let answer = WireAnswer::response(407, &[("Proxy-Authenticate", scheme)], "").then_close();
    let proxy = WireServer::plain([answer]).expect("a server");
    let url = format!("http://{login}{}", proxy.addr());
    let run = |flag| run_with(&["result", "J", flag], &server(HOST), HOST, &[(variable, &url)]);
    let ended = run("--json");
    let (message, hint) = (text(&ended, "message"), text(&ended, "hint"));
    let shown = run("--quiet").stderr;
    assert!(shown.contains(&message) && shown.contains(&format!("hint  {hint}\n")), "{shown}");
    (message, hint)
}

#[test]
fn the_hint_for_a_missing_proxy_login_shows_the_form_of_the_url() {
    for variable in ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
        let (message, hint) = refused_login(variable, "", r#"Basic realm="a""#);
        let expected = format!(
            "the proxy wants a login: put it in {variable}, as in http://USER:PASSWORD@host:port"
        );
        assert_eq!(hint, expected);
        assert!(message.ends_with("407 Proxy Authentication Required; it accepts logins by Basic"));
    }
}

#[test]
fn a_login_that_the_proxy_refuses_is_reported_with_the_schemes_it_accepts() {
    let login = format!("{LOGIN}@");
    let (message, hint) = refused_login("https_proxy", &login, "Basic");
    assert!(message.ends_with(", although a login was sent; it accepts logins by Basic"));
    assert!(hint.starts_with("check user and password in https_proxy"), "{hint}");
    let (message, hint) = refused_login("https_proxy", &login, "Negotiate, NTLM");
    assert!(message.ends_with("a login was sent; it accepts logins by Negotiate, NTLM"));
    let expected =
        "use a proxy that accepts logins by Basic, the only ones that this program sends";
    assert_eq!(hint, expected);
}

/// The support code fails if an output contains the login.
#[test]
fn a_proxy_login_in_a_page_of_the_proxy_is_masked() {
    let (_, password) = LOGIN.split_once(':').expect("a password");
    let page = format!("<p>{password} {BASIC}</p>");
    let proxy = WireServer::plain([WireAnswer::response(200, &[], &page)]).expect("a server");
    let url = format!("http://{LOGIN}@{}", proxy.addr());
    // The page is the answer of the service: a loopback service uses no proxy.
    let ended =
        run_with(&["result", "J", "--json"], &proxy, &proxy.url(), &[("https_proxy", &url)]);
    assert_eq!(ended.code, Some(6), "{ended:?}");
    assert!(text(&ended, "message").contains("<p>*** "), "{ended:?}");
}

#[test]
fn an_unreachable_proxy_is_named() {
    let closed = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port");
    let ended = run_with(&RESULT, &server(HOST), HOST, &[("https_proxy", &url(closed))]);
    assert_eq!(ended.code, Some(5), "{ended:?}");
    let expected = format!(
        "gw.example:443: the connection failed: the connection through the proxy at {closed} \
         failed: tcp connect error: Connection refused"
    );
    assert!(text(&ended, "message").starts_with(&expected), "{ended:?}");
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
        assert_eq!(text(&ended, "hint"), "set ALL_PROXY to http://host:port, or unset it");
    }
}
