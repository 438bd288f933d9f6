//! No secret is ever printed: every public type that can hold a secret is formatted with `Debug`
//! and `Display`, with its whole chain of sources, and searched.

mod answers;
#[path = "../common/mod.rs"]
mod common;
mod requests;
mod waiting;
#[path = "../common/with.rs"]
mod with;

use std::{
    error::Error,
    fmt::{Debug, Display},
};

use bytes::Bytes;
use common::{KEY, SIGNATURE, TIME, TOKEN, action, at, response, session, signature, with_token};
use http::{Request, Response};
use tcss_export::DownloadUrl;

const QUERY: &str = "q-signature=ExampleQuery0001";
const URL: &str = "https://h.example/a.csv?q-signature=ExampleQuery0001";

const SECRETS: [&str; 4] = [KEY, TOKEN, SIGNATURE, QUERY];

/// Fails if a text contains one of the secrets, or digits that could be a signature.
#[track_caller]
fn assert_clean(text: &str) {
    assert_no_secret(text);
    let mut words = text.split(|c: char| !c.is_ascii_hexdigit());
    assert!(!words.any(|word| word.len() >= 64), "64 hex digits in {text}");
}

#[track_caller]
fn assert_no_secret(text: &str) {
    for secret in SECRETS {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

#[track_caller]
fn assert_debug_clean(value: &impl Debug) {
    assert_clean(&format!("{value:?}"));
    assert_clean(&format!("{value:#?}"));
}

#[track_caller]
fn assert_display_clean<T: Debug + Display>(value: &T) {
    assert_debug_clean(value);
    assert_clean(&value.to_string());
}

/// Searches an error and all its sources.
#[track_caller]
fn assert_chain_clean(error: &(dyn Error + 'static)) {
    let mut next = Some(error);
    while let Some(error) = next {
        assert_clean(&format!("{error:?}"));
        assert_clean(&format!("{error:#?}"));
        assert_clean(&error.to_string());
        next = error.source();
    }
}

/// A signed request with a token.
fn request() -> Request<Bytes> {
    let request = session().request(&action(), &with_token(), at(TIME)).unwrap();
    assert_eq!(signature(&request), SIGNATURE);
    assert_eq!(request.headers()["x-tc-token"], TOKEN);
    request
}

/// The page of a bad gateway that sends the request back.
fn echo() -> String {
    let request = request();
    let header = |name: &str| request.headers()[name].to_str().unwrap().to_owned();
    format!("you sent Authorization: {} and a token", header("authorization"))
}

/// An answer for every kind of error.
fn bad_answers() -> Vec<Response<Bytes>> {
    let location = format!("https://user:{KEY}@other.example/a?{QUERY}");
    let cut = format!(r#"{{"Response":{{"DownloadURL":"{URL}","#);
    let nonsense = format!(r#"{{"Response":{{"DownloadURL":"{URL}",!"#);
    let unexpected = format!(r#"{{"DownloadURL":"{URL}"}}"#);
    let result = format!(r#"{{"Response":{{"ExportStatus":"SUCCESS","DownloadURL":"{URL}"}}}}"#);
    let odd_error = format!(r#"{{"Response":{{"Error":"{}"}}}}"#, echo());
    vec![
        response(302, &[("location", &location)], ""),
        response(200, &[("content-encoding", "gzip")], &result),
        response(200, &[], vec![b' '; tcss_export::core::ANSWER_LIMIT + 1]),
        response(200, &[], ""),
        response(502, &[("content-type", "text/html")], echo()),
        response(200, &[], &cut),
        response(200, &[], &nonsense),
        response(200, &[], &unexpected),
        response(500, &[], &result),
        response(200, &[], &odd_error),
        response(200, &[], r#"{"Response":{"Error":{"Code":"InternalError","Message":"m"}}}"#),
    ]
}

// The search itself finds each kind of secret.

#[test]
#[should_panic(expected = "FieldCasesSecretKey0001 in")]
fn the_search_finds_a_secret_key() {
    assert_clean(&format!("key: {KEY}"));
}

#[test]
#[should_panic(expected = "FieldCasesToken0001 in")]
fn the_search_finds_a_token() {
    assert_clean(&format!("{:?}", request().headers()["x-tc-token"].to_str()));
}

#[test]
#[should_panic(expected = "64 hex digits in")]
fn the_search_finds_any_signature() {
    assert_clean(&format!("Signature={}", "0f".repeat(32)));
}

#[test]
#[should_panic(expected = "q-signature=ExampleQuery0001 in")]
fn the_search_finds_the_query_of_a_url() {
    assert_clean(DownloadUrl::new(URL).unwrap().as_str());
}
