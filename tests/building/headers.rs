//! The headers of a request: which, with what values, and which are secret.

use std::collections::BTreeSet;

use bytes::Bytes;
use http::Request;
use tcss_export::{
    Language,
    error::{Field, Reason},
};

use crate::{
    common::{
        HOST, ID, SIGNATURE, TIME, TOKEN, action, at, f0, header, session, signature, with_token,
    },
    requests::{names, refused, sign},
};

const ALWAYS: [&str; 6] =
    ["authorization", "content-type", "host", "x-tc-action", "x-tc-timestamp", "x-tc-version"];
const WHEN_SET: [&str; 4] = ["x-tc-language", "x-tc-region", "x-tc-requestclient", "x-tc-token"];

fn full() -> Request<Bytes> {
    let session = session().with_region("ap-guangzhou").unwrap();
    let mut session = session.with_language(Language::English).with_client_label("nightly");
    session.request(&action(), &with_token(), at(TIME)).unwrap()
}

#[test]
fn plain_request_has_the_six_documented_headers() {
    assert_eq!(names(&f0()), BTreeSet::from(ALWAYS));
}

#[test]
fn full_request_has_the_ten_documented_headers() {
    assert_eq!(names(&full()), ALWAYS.into_iter().chain(WHEN_SET).collect());
}

#[test]
fn settings_do_not_change_the_signature() {
    assert_eq!(signature(&full()), SIGNATURE);
}

#[test]
fn values_are_the_documented_ones() {
    let request = full();
    for (name, value) in [
        ("content-type", "application/json"),
        ("host", HOST),
        ("x-tc-action", "DescribeExportJobResult"),
        ("x-tc-version", "2020-11-01"),
        ("x-tc-timestamp", "1699979400"),
        ("x-tc-region", "ap-guangzhou"),
        ("x-tc-language", "en-US"),
        ("x-tc-requestclient", "nightly"),
        ("x-tc-token", TOKEN),
    ] {
        assert_eq!(header(&request, name), value, "{name}");
    }
}

#[test]
fn authorization_is_the_documented_one() {
    let expected = format!(
        "TC3-HMAC-SHA256 Credential={ID}/2023-11-14/tcss/tc3_request, \
         SignedHeaders=content-type;host;x-tc-action, Signature={SIGNATURE}"
    );
    assert_eq!(header(&f0(), "authorization"), expected);
}
#[test]
fn no_header_stands_there_twice() {
    for request in [f0(), full()] {
        assert_eq!(request.headers().len(), names(&request).len());
    }
}

#[test]
fn no_header_is_empty() {
    let session = session().with_region("").unwrap().with_client_label("导出");
    for request in [sign(session), f0(), full()] {
        assert!(request.headers().values().all(|value| !value.is_empty()));
    }
}

// So that a transport's own debug output hides them too.
#[test]
fn authorization_and_token_are_marked_sensitive_and_no_other() {
    let request = full();
    let marked = request.headers().iter().filter(|(_, value)| value.is_sensitive());
    let marked: BTreeSet<_> = marked.map(|(name, _)| name.as_str()).collect();
    assert_eq!(marked, BTreeSet::from(["authorization", "x-tc-token"]));
}
#[test]
fn request_is_a_post_to_the_root_without_a_query() {
    let request = f0();
    assert_eq!(request.method(), http::Method::POST);
    assert_eq!(request.uri().to_string(), format!("https://{HOST}/"));
    assert!(header(&request, "authorization").starts_with("TC3-HMAC-SHA256 "));
}

#[test]
fn language_is_read_from_its_header_value_in_any_case() {
    assert_eq!("ZH-cn".parse(), Ok(Language::Chinese));
    assert_eq!("en-US".parse(), Ok(Language::English));
    refused("de-DE".parse::<Language>(), Field::Language, Reason::Unknown);
    refused("".parse::<Language>(), Field::Language, Reason::Unknown);
}
