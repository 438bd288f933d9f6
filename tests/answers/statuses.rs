//! HTTP statuses, redirects among them.

use tcss_export::error::{Advice, ResponseErrorKind as Kind};

use crate::{GOOD, common::read};

#[test]
fn a_good_answer_counts_with_any_2xx_status() {
    for status in [200, 201, 202, 203, 206, 299] {
        assert!(read(status, &[], GOOD).is_ok(), "{status}");
    }
}

#[test]
fn a_good_answer_with_another_status_is_an_error() {
    for status in [100, 199, 400, 401, 403, 404, 408, 429, 500, 502, 503, 504, 599, 999] {
        let error = read(status, &[], GOOD).unwrap_err();
        assert_eq!(*error.kind(), Kind::Status, "{status}");
        assert_eq!(error.request_id(), Some("r-1"), "{status}");
    }
}

#[test]
fn the_advice_for_a_good_answer_with_another_status_depends_on_the_status() {
    for (status, advice) in [
        (400, Advice::Stop),
        (404, Advice::Stop),
        (408, Advice::Retry),
        (429, Advice::BackOff),
        (500, Advice::Retry),
        (503, Advice::Retry),
    ] {
        assert_eq!(read(status, &[], GOOD).unwrap_err().advice(), advice, "{status}");
    }
}

#[test]
fn a_page_with_status_429_is_throttling() {
    assert!(read(429, &[], "slow down").unwrap_err().is_throttled());
    assert!(read(429, &[], "").unwrap_err().is_throttled());
}

fn host_of(headers: &[(&str, &str)]) -> Option<String> {
    let error = read(302, headers, "").unwrap_err();
    assert_eq!(error.advice(), Advice::Stop);
    match error.kind() {
        Kind::Redirect { host } => host.clone(),
        kind => panic!("{kind:?}"),
    }
}

#[test]
fn the_error_for_a_redirect_names_its_host() {
    let error = read(302, &[("Location", "https://other.example/")], "").unwrap_err();
    assert_eq!(
        error.to_string(),
        "unexpected redirect to other.example (HTTP status 302, no request id)"
    );
}

#[test]
fn every_status_from_300_to_399_is_a_redirect() {
    for status in [300, 301, 302, 303, 304, 307, 308, 399] {
        for body in ["", "<html>", GOOD, "{", "\u{1f}\u{8b}"] {
            let error = read(status, &[], body).unwrap_err();
            assert_eq!(*error.kind(), Kind::Redirect { host: None }, "{status} {body}");
        }
    }
}

#[test]
fn a_redirect_keeps_only_the_host_of_its_location() {
    let location = "https://user:EXAMPLE@other.example:8443/a?sign=EXAMPLE#b";
    assert_eq!(host_of(&[("Location", location)]).as_deref(), Some("other.example"));
}

#[test]
fn a_location_without_a_host_gives_no_host() {
    for location in ["/elsewhere", "elsewhere", "", "?a", "http://", "::", "a b", "导"] {
        let host = host_of(&[("Location", location)]);
        assert!(host.is_none_or(|host| !host.contains('/')), "{location}");
    }
    assert_eq!(host_of(&[("Location", "/elsewhere")]), None);
    assert_eq!(host_of(&[]), None);
}
