//! The headers of a request: their names and values, and which are marked sensitive.

use std::collections::BTreeSet;

use bytes::Bytes;
use http::Request;
use proptest::prelude::*;
use tcss_export::{
    Language,
    error::{Field, Reason},
};

use crate::{
    assert_refused,
    common::{
        HOST, ID, SIGNATURE, TIME, TOKEN, action, at, credentials, header, session, signature,
        signed_request, with_token,
    },
    names, sign,
};

const ALWAYS: [&str; 6] =
    ["authorization", "content-type", "host", "x-tc-action", "x-tc-timestamp", "x-tc-version"];
const WHEN_SET: [&str; 4] = ["x-tc-language", "x-tc-region", "x-tc-requestclient", "x-tc-token"];

/// A request with every header that a session can send.
fn full() -> Request<Bytes> {
    let session = session().with_region("ap-guangzhou").unwrap();
    let mut session = session.with_language(Language::English).with_client_label("nightly");
    session.request(&action(), &with_token(), at(TIME)).unwrap()
}

#[test]
fn a_plain_request_has_the_six_documented_headers() {
    assert_eq!(names(&signed_request()), BTreeSet::from(ALWAYS));
}

#[test]
fn a_full_request_has_the_ten_documented_headers() {
    assert_eq!(names(&full()), ALWAYS.into_iter().chain(WHEN_SET).collect());
}

#[test]
fn region_language_label_and_token_do_not_change_the_signature() {
    assert_eq!(signature(&full()), SIGNATURE);
}

#[test]
fn header_values_are_the_documented_ones() {
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
    assert_eq!(header(&signed_request(), "authorization"), expected);
}

#[test]
fn no_header_is_repeated() {
    for request in [signed_request(), full()] {
        assert_eq!(request.headers().len(), names(&request).len());
    }
}

#[test]
fn no_header_is_empty() {
    let session = session().with_region("").unwrap().with_client_label("导出");
    for request in [sign(session), signed_request(), full()] {
        assert!(request.headers().values().all(|value| !value.is_empty()));
    }
}

// The debug output of a transport then hides them too.
#[test]
fn only_authorization_and_token_are_marked_sensitive() {
    let request = full();
    let marked = request.headers().iter().filter(|(_, value)| value.is_sensitive());
    let marked: BTreeSet<_> = marked.map(|(name, _)| name.as_str()).collect();
    assert_eq!(marked, BTreeSet::from(["authorization", "x-tc-token"]));
}

#[test]
fn a_request_is_a_post_to_the_root_without_a_query() {
    let request = signed_request();
    assert_eq!(request.method(), http::Method::POST);
    assert_eq!(request.uri().to_string(), format!("https://{HOST}/"));
    assert!(header(&request, "authorization").starts_with("TC3-HMAC-SHA256 "));
}

#[test]
fn a_language_is_parsed_from_its_header_value_in_any_case() {
    assert_eq!("ZH-cn".parse(), Ok(Language::Chinese));
    assert_eq!("en-US".parse(), Ok(Language::English));
    assert_refused("de-DE".parse::<Language>(), Field::Language, Reason::Unknown);
    assert_refused("".parse::<Language>(), Field::Language, Reason::Unknown);
}

// The service refuses an empty region header.
#[test]
fn an_unset_region_has_no_header() {
    assert!(!signed_request().headers().contains_key("x-tc-region"));
}

#[test]
fn an_empty_region_has_no_header() {
    let request = sign(session().with_region("").unwrap());
    assert!(!request.headers().contains_key("x-tc-region"));
}

#[test]
fn an_empty_region_replaces_an_earlier_one() {
    let session = session().with_region("ap-guangzhou").unwrap().with_region("").unwrap();
    assert!(!sign(session).headers().contains_key("x-tc-region"));
}

#[test]
fn the_region_is_sent() {
    let request = sign(session().with_region("ap-guangzhou").unwrap());
    assert_eq!(header(&request, "x-tc-region"), "ap-guangzhou");
}

#[test]
fn a_region_set_after_a_request_is_sent_with_the_next() {
    let mut session = session();
    session.request(&action(), &credentials(), at(TIME)).unwrap();
    let request = sign(session.with_region("ap-guangzhou").unwrap());
    assert_eq!(header(&request, "x-tc-region"), "ap-guangzhou");
}

#[test]
fn a_region_that_would_break_a_header_is_refused() {
    for region in ["ap\r\nX-Evil: 1", "ap guangzhou", "ap\0", "广州", "ap_guangzhou", "\n"] {
        let result = session().with_region(region);
        assert_refused(result, Field::Region, Reason::InvalidCharacter);
    }
}

#[test]
fn a_label_loses_characters_that_the_service_refuses() {
    let request = sign(session().with_client_label("my app/1.0"));
    assert_eq!(header(&request, "x-tc-requestclient"), "my app1.0");
}

#[test]
fn a_label_without_a_permitted_character_has_no_header() {
    for label in ["", "   ", "导出", "\r\n", "///"] {
        let request = sign(session().with_client_label(label));
        assert!(!request.headers().contains_key("x-tc-requestclient"), "{label:?}");
    }
}

#[test]
fn a_label_cannot_start_another_header() {
    let request = sign(session().with_client_label("a\r\nX-Evil: 1"));
    assert_eq!(header(&request, "x-tc-requestclient"), "aX-Evil 1");
    assert!(!request.headers().contains_key("x-evil"));
}

proptest! {
    // The service permits 128 letters, digits and `-_ ,;.`.
    #[test]
    fn any_label_is_sent_in_the_permitted_form(label: String) {
        let request = sign(session().with_client_label(&label));
        let sent = header(&request, "x-tc-requestclient");
        prop_assert!(sent.len() <= 128);
        prop_assert!(sent.chars().all(|c| c.is_ascii_alphanumeric() || "-_ ,;.".contains(c)));
        prop_assert_eq!(request.headers().contains_key("x-tc-requestclient"), !sent.is_empty());
    }
}

#[test]
fn a_label_of_200_letters_is_cut_to_128() {
    let request = sign(session().with_client_label(&"a".repeat(200)));
    assert_eq!(header(&request, "x-tc-requestclient").len(), 128);
}
