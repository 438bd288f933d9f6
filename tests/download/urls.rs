//! Which URLs are taken, and that they are sent as they are.

use std::time::Duration;

use proptest::prelude::*;
use tcss_export::{
    core::{Mono, download::Download},
    download::Policy,
    driver::{AddressPolicy, Limits},
    error::{BuildError, Field, Reason},
};

use crate::trial::{Trial, url};
use crate::with::with;

fn taken(text: &str, policy: &Policy) -> Result<Download, BuildError> {
    Download::new(url(text), policy, 7, Mono::default())
}

#[track_caller]
fn assert_refused(text: &str, policy: &Policy, reason: Reason) {
    let error = taken(text, policy).unwrap_err();
    assert_eq!((error.field(), error.reason()), (Field::DownloadUrl, reason), "{text}");
}

#[test]
fn what_is_no_url_of_a_file_server_is_refused() {
    let any = with(Policy::default(), |p| {
        p.allow_http = true;
        p.allow_private = true;
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
    assert!(taken(text, &with(Policy::default(), |p| p.allow_http = true)).is_ok());
    assert!(taken("http://127.0.0.1:8080/a", &Policy::default()).is_ok());
}

#[test]
fn private_addresses_need_an_option() {
    for text in [
        "https://10.0.0.1/a",
        "https://169.254.0.23/a",
        "https://192.168.1.1/a",
        "https://[fe80::1]/a",
        "https://[::ffff:10.0.0.1]/a",
    ] {
        assert_refused(text, &Policy::default(), Reason::PrivateAddress);
        let download = taken(text, &with(Policy::default(), |p| p.allow_private = true)).unwrap();
        assert_eq!(limits(download).address_policy, AddressPolicy::Any);
    }
}

fn limits(download: Download) -> Limits {
    let request = Trial::of(download).start();
    *request.extensions().get().expect("limits among the extensions")
}

#[test]
fn the_reach_goes_with_the_request() {
    let private = with(Policy::default(), |p| p.allow_private = true);
    for (text, policy, address_policy) in [
        ("https://h.example/a", &Policy::default(), AddressPolicy::Public),
        ("https://127.0.0.1/a", &Policy::default(), AddressPolicy::Loopback),
        ("http://localhost/a", &Policy::default(), AddressPolicy::Loopback),
        ("https://h.example/a", &private, AddressPolicy::Any),
        ("http://localhost/a", &private, AddressPolicy::Loopback),
    ] {
        assert_eq!(limits(taken(text, policy).unwrap()).address_policy, address_policy, "{text}");
    }
}

#[test]
fn the_limits_of_time_go_with_the_request() {
    let second = Duration::from_secs(1);
    let policy = with(Policy::default(), |p| p.stall_limit = 20 * second);
    let limited = limits(taken("https://h.example/a", &policy).unwrap());
    assert_eq!((limited.stall, limited.total), (Some(20 * second), None));
    assert_eq!(limited.read_limit(), 20 * second);

    let policy = with(policy, |p| p.total_limit = Some(90 * second));
    for (passed, left) in [(0, 90), (80, 10)] {
        let mut trial = Trial::of(taken("https://h.example/a", &policy).unwrap());
        trial.now += passed * second;
        let limited = Limits::of(&trial.start());
        assert_eq!(limited.total, Some(left * second));
        assert_eq!(limited.read_limit(), left.min(20) * second);
    }
}

proptest! {
    #[test]
    fn d3_what_is_taken_is_sent_as_it_is(rest in "[!\"$-~\u{80}-\u{2fff}]{0,60}") {
        let text = format!("https://h.example/{rest}");
        if let Ok(download) = taken(&text, &Policy::default()) {
            let request = Trial::of(download).start();
            let target = request.uri().path_and_query().map(|target| target.as_str());
            prop_assert_eq!(target, text.strip_prefix("https://h.example"));
            prop_assert_eq!(request.headers()["host"].as_bytes(), b"h.example");
        }
    }

    /// Nothing that may stand in a presigned URL is refused.
    #[test]
    fn d3_what_a_presigned_url_holds_is_taken(rest in "[A-Za-z0-9;,/?:@&=+$._!~*'()%-]{0,80}") {
        let text = format!("https://h.example/{rest}");
        prop_assert!(taken(&text, &Policy::default()).is_ok(), "{}", text);
    }

    #[test]
    fn any_text_is_taken_or_refused(text in "\\PC{1,80}") {
        let policy = with(Policy::default(), |p| { p.allow_http = true; p.allow_private = true; });
        if let Ok(download) = taken(&text, &policy) {
            prop_assert!(text.to_ascii_lowercase().starts_with("http"));
            Trial::of(download).start();
        }
    }
}
