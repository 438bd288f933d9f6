//! Which URLs are accepted, and the request that is sent: target, headers, address policy, limits.

use std::{
    net::{Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use proptest::prelude::*;
use tcss_export::{
    actions::DescribeExportJobResult,
    core::{Mono, download::Download, read_answer},
    download::Policy,
    driver::{AddressPolicy, Limits, Network},
    error::{BuildError, Field, Reason},
};

use crate::{
    run::{Run, run, run_from, url},
    server::{Reply, digits},
    with::with,
};

/// A presigned URL that is valid for an hour after [`TIME`](crate::run::TIME).
pub(crate) const SIGNED: &str = "https://export-1250000000.cos.ap-guangzhou.myqcloud.com/p%2Fq%2B(1)%20x.csv\
    ?q-sign-time=1699979400;1699983000&k=a%2Bb";

fn accepted(text: &str, policy: &Policy) -> Result<Download, BuildError> {
    Download::new(url(text), policy, 7, Mono::default())
}

#[track_caller]
fn assert_refused(text: &str, policy: &Policy, reason: Reason) {
    let error = accepted(text, policy).unwrap_err();
    assert_eq!((error.field(), error.reason()), (Field::DownloadUrl, reason), "{text}");
}

#[test]
fn an_unusable_url_is_refused_with_its_reason() {
    let any = with(Policy::default(), |p| {
        p.allow_http = true;
        p.private_networks = everything();
    });
    for (text, reason) in [
        ("file:///etc/passwd", Reason::UrlScheme),
        ("file://localhost/etc/passwd", Reason::UrlScheme),
        ("ftp://h.example/a", Reason::UrlScheme),
        ("/a.csv", Reason::UrlScheme),
        ("h.example/a.csv", Reason::UrlScheme),
        ("https://u:EXAMPLE@h.example/a", Reason::UserInfo),
        ("https://h.example/a b", Reason::WhiteSpace),
        ("https://h.example/a\r\nx: y", Reason::WhiteSpace),
        ("https://h.example/a#b", Reason::Fragment),
        ("https://", Reason::Host),
    ] {
        assert_refused(text, &any, reason);
    }
}

#[test]
fn plain_http_needs_an_option() {
    let text = "http://h.example/result.csv";
    assert_refused(text, &Policy::default(), Reason::PlainHttp);
    assert!(accepted(text, &with(Policy::default(), |p| p.allow_http = true)).is_ok());
    let loopback = with(Policy::default(), |p| p.allow_loopback = true);
    assert!(accepted("http://127.0.0.1:8080/a", &loopback).is_ok());
}

/// Returns networks with every address.
fn everything() -> Vec<Network> {
    let v4 = Ipv4Addr::UNSPECIFIED.into()..=Ipv4Addr::BROADCAST.into();
    let v6 = Ipv6Addr::UNSPECIFIED.into()..=Ipv6Addr::from(u128::MAX).into();
    vec![v4, v6]
}

#[test]
fn private_addresses_need_an_option() {
    let policy = with(Policy::default(), |p| p.private_networks = everything());
    for text in [
        "https://10.0.0.1/a",
        "https://169.254.0.24/a",
        "https://192.168.1.1/a",
        "https://[fe80::1]/a",
        "https://[::ffff:10.0.0.1]/a",
    ] {
        assert_refused(text, &Policy::default(), Reason::PrivateAddress);
        let download = accepted(text, &policy).unwrap();
        assert_eq!(limits(download).address_policy, AddressPolicy::PublicAnd(everything().into()));
    }
    // A metadata service returns keys.
    for text in ["https://169.254.0.23/a", "https://[::ffff:169.254.169.254]/a"] {
        assert_refused(text, &policy, Reason::PrivateAddress);
    }
}

fn limits(download: Download) -> Limits {
    let request = Run::of(download).start();
    request.extensions().get().cloned().expect("limits among the extensions")
}

#[test]
fn the_request_carries_the_address_policy() {
    let loopback = with(Policy::default(), |p| p.allow_loopback = true);
    let private = with(Policy::default(), |p| p.private_networks = everything());
    for (text, policy, address_policy) in [
        ("https://h.example/a", &Policy::default(), AddressPolicy::Public),
        ("https://h.example/a", &loopback, AddressPolicy::Public),
        ("https://127.0.0.1/a", &loopback, AddressPolicy::Loopback),
        ("http://localhost/a", &loopback, AddressPolicy::Loopback),
        ("https://h.example/a", &private, AddressPolicy::PublicAnd(everything().into())),
        ("http://localhost/a", &private, AddressPolicy::Loopback),
    ] {
        assert_eq!(
            limits(accepted(text, policy).unwrap()).address_policy,
            address_policy,
            "{text}"
        );
    }
}

#[test]
fn the_request_carries_its_time_limits() {
    let second = Duration::from_secs(1);
    let policy = with(Policy::default(), |p| p.stall_limit = 20 * second);
    let limited = limits(accepted("https://h.example/a", &policy).unwrap());
    assert_eq!((limited.stall, limited.total), (Some(20 * second), None));
    assert_eq!(limited.read_limit(), 20 * second);

    let policy = with(policy, |p| p.total_limit = Some(90 * second));
    for (passed, left) in [(0, 90), (80, 10)] {
        let mut run = Run::of(accepted("https://h.example/a", &policy).unwrap());
        run.now += passed * second;
        let limited = Limits::of(&run.start());
        assert_eq!(limited.total, Some(left * second));
        assert_eq!(limited.read_limit(), left.min(20) * second);
    }
}

proptest! {
    #[test]
    fn an_accepted_url_is_sent_unchanged(rest in "[!\"$-~\u{80}-\u{2fff}]{0,60}") {
        let text = format!("https://h.example/{rest}");
        if let Ok(download) = accepted(&text, &Policy::default()) {
            let request = Run::of(download).start();
            let target = request.uri().path_and_query().map(|target| target.as_str());
            prop_assert_eq!(target, text.strip_prefix("https://h.example"));
            prop_assert_eq!(request.headers()["host"].as_bytes(), b"h.example");
        }
    }

    #[test]
    fn any_character_of_a_presigned_url_is_accepted(rest in "[A-Za-z0-9;,/?:@&=+$._!~*'()%-]{0,80}") {
        let text = format!("https://h.example/{rest}");
        prop_assert!(accepted(&text, &Policy::default()).is_ok(), "{}", text);
    }

    #[test]
    fn any_text_is_accepted_or_refused_without_a_panic(text in "\\PC{1,80}") {
        let policy = with(Policy::default(), |p| { p.allow_http = true; p.private_networks = everything(); });
        if let Ok(download) = accepted(&text, &policy) {
            prop_assert!(text.to_ascii_lowercase().starts_with("http"));
            Run::of(download).start();
        }
    }
}

#[test]
fn the_request_target_is_the_text_of_the_url() {
    let request = run_from(SIGNED).start();
    let target = request.uri().path_and_query().map(|target| target.as_str());
    let expected = "/p%2Fq%2B(1)%20x.csv?q-sign-time=1699979400;1699983000&k=a%2Bb";
    assert_eq!(target, Some(expected));
    assert_eq!(request.uri().scheme_str(), Some("https"));
    let host = "export-1250000000.cos.ap-guangzhou.myqcloud.com";
    assert_eq!(request.uri().authority().map(|authority| authority.as_str()), Some(host));
    assert_eq!(request.headers()["host"], host);
}

#[test]
fn a_request_has_these_headers_and_no_others() {
    let mut run = run();
    run.serve_all(&digits(), &[Reply::Cut(3), Reply::Correct]);
    let headers = |exchange: usize| {
        let headers = run.exchanges[exchange].request.headers().iter();
        let mut headers: Vec<_> =
            headers.map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        headers.sort_unstable();
        headers
    };
    assert_eq!(headers(0), [("accept-encoding", "identity"), ("host", "h.example")]);
    let expected = [
        ("accept-encoding", "identity"),
        ("host", "h.example"),
        ("if-range", "\"v1\""),
        ("range", "bytes=3-"),
    ];
    assert_eq!(headers(1), expected);
}

#[test]
fn the_first_request_downloads_the_file() {
    let mut run = run();
    run.serve(&digits(), Reply::Correct);
    assert_eq!(run.exchanges.len(), 1);
    assert_eq!(run.exchanges[0].request.method(), "GET");
    assert_eq!(run.outcome().unwrap().report.requests, 1);
}

#[test]
fn json_escapes_are_decoded_before_the_url_is_used() {
    let body = r#"{"Response":{"ExportStatus":"SUCCESS","DownloadURL":"https:\/\/h.example\/a?x=1\u0026y=2"}}"#;
    let answer = read_answer::<DescribeExportJobResult>(&http::Response::new(body)).unwrap();
    let url = answer.response.download_url.unwrap();
    assert_eq!(url.as_str(), "https://h.example/a?x=1&y=2");
    let request = run_from(url.as_str()).start();
    assert_eq!(request.uri().to_string(), "https://h.example/a?x=1&y=2");
}

#[test]
fn nothing_is_added_to_the_query() {
    let request = run_from("https://h.example/a?sign=abc").start();
    assert_eq!(request.uri().to_string(), "https://h.example/a?sign=abc");
}
