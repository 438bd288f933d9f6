//! The search itself would notice each of the secrets.

use tcss_export::DownloadUrl;

use crate::{
    common::KEY,
    looking::{URL, assert_clean},
    samples::request,
};

#[test]
#[should_panic(expected = "FieldCasesSecretKey0001 in")]
fn finds_a_secret_key() {
    assert_clean(&format!("key: {KEY}"));
}

#[test]
#[should_panic(expected = "FieldCasesToken0001 in")]
fn finds_a_token() {
    assert_clean(&format!("{:?}", request().headers()["x-tc-token"].to_str()));
}

#[test]
#[should_panic(expected = "64 hex digits in")]
fn finds_any_signature() {
    assert_clean(&format!("Signature={}", "0f".repeat(32)));
}

#[test]
#[should_panic(expected = "q-signature=ExampleQuery0001 in")]
fn finds_the_query_of_a_url() {
    assert_clean(DownloadUrl::new(URL).unwrap().as_str());
}
