//! Answers that point elsewhere.

use tcss_export::error::{Advice, ResponseErrorKind as Kind};

use crate::{common::read, reading::GOOD};

fn host_of(headers: &[(&str, &str)]) -> Option<String> {
    let error = read(302, headers, "").unwrap_err();
    assert_eq!(error.advice(), Advice::Stop);
    match error.kind() {
        Kind::Redirect { host } => host.clone(),
        kind => panic!("{kind:?}"),
    }
}

// Field case T4.
#[test]
fn t4_redirect_is_told_with_its_host() {
    let error = read(302, &[("Location", "https://other.example/")], "").unwrap_err();
    assert_eq!(
        error.to_string(),
        "unexpected redirect to other.example (HTTP status 302, no request id)"
    );
}

#[test]
fn t4_every_status_from_300_to_399_is_a_redirect() {
    for status in [300, 301, 302, 303, 304, 307, 308, 399] {
        for body in ["", "<html>", GOOD, "{", "\u{1f}\u{8b}"] {
            let error = read(status, &[], body).unwrap_err();
            assert_eq!(*error.kind(), Kind::Redirect { host: None }, "{status} {body}");
        }
    }
}

#[test]
fn only_the_host_of_a_location_is_told() {
    let location = "https://user:EXAMPLE@other.example:8443/a?sign=EXAMPLE#b";
    assert_eq!(host_of(&[("Location", location)]).as_deref(), Some("other.example"));
}

#[test]
fn location_without_a_host_has_none() {
    for location in ["/elsewhere", "elsewhere", "", "?a", "http://", "::", "a b", "导"] {
        let host = host_of(&[("Location", location)]);
        assert!(host.is_none_or(|host| !host.contains('/')), "{location}");
    }
    assert_eq!(host_of(&[("Location", "/elsewhere")]), None);
    assert_eq!(host_of(&[]), None);
}
