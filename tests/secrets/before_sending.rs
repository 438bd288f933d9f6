//! Credentials, and all that is made of them before a request is sent.

use tcss_export::{
    Credentials, Endpoint, Session,
    signing::{
        CanonicalHeaders, CanonicalRequest, HexDigest, SigningKey, StringToSign, Timestamp,
        authorization,
    },
};

use crate::{
    common::{BODY, HOST, ID, KEY, SIGNATURE, TIME, TOKEN, action, at, session, with_token},
    looking::{assert_chain_clean, assert_debug_clean, assert_holds_no_secret, assert_shown_clean},
    samples::request,
};

#[test]
fn credentials() {
    assert_debug_clean(&with_token());
    assert!(format!("{:?}", with_token()).contains(ID));
}

#[test]
fn credentials_in_other_values() {
    assert_debug_clean(&Some(vec![with_token()]));
}

#[test]
fn errors_of_credentials() {
    for bad in ["\n", " ", "\u{fc}"] {
        assert_chain_clean(&Credentials::new(ID, format!("{KEY}{bad}")).unwrap_err());
        assert_chain_clean(&with_token().with_token(format!("{TOKEN}{bad}")).unwrap_err());
    }
}

#[test]
fn session_that_has_signed() {
    let mut session = session();
    assert_debug_clean(&session);
    session.request(&action(), &with_token(), at(TIME)).unwrap();
    assert_debug_clean(&session);
}

// `http::Request` shows its headers; those marked sensitive are hidden by it.
#[test]
fn built_request() {
    assert_debug_clean(&request());
    assert_debug_clean(request().headers());
    assert_debug_clean(&request().into_parts().0);
}

#[test]
fn errors_of_signing() {
    let mut session = session();
    let prepared = session.prepare(&action()).unwrap();
    let bad_time = session.sign(&prepared, &with_token(), at(-1)).unwrap_err();
    assert_chain_clean(&bad_time);
    let mut mainland = Session::new(Endpoint::mainland());
    let other_site = mainland.sign(&prepared, &with_token(), at(TIME)).unwrap_err();
    assert_chain_clean(&other_site);
}

#[test]
fn endpoint_with_a_password_is_refused_without_it() {
    let error = format!("https://user:{KEY}@h.example").parse::<Endpoint>().unwrap_err();
    assert_chain_clean(&error);
}

// What is hashed is public; only the last two stages depend on the key.
#[test]
fn stages_of_a_signature() {
    let headers = [("content-type", "application/json"), ("host", HOST)];
    let headers = headers.into_iter().chain([("x-tc-action", "DescribeExportJobResult")]);
    let headers = CanonicalHeaders::new(headers).unwrap();
    let hash = HexDigest::of(BODY.as_bytes());
    let request = CanonicalRequest::new("POST", "/", "", &headers, hash);
    let text = StringToSign::new(Timestamp::new(TIME).unwrap(), "tcss", request.hash());
    let scope = text.scope();
    let key = SigningKey::derive(&with_token(), &scope);
    let signature = key.sign(&text);
    assert_eq!(signature.as_str(), SIGNATURE);
    let value = authorization(&with_token(), &scope, headers.names(), &signature).unwrap();

    assert_debug_clean(&key);
    assert_debug_clean(&signature);
    assert_debug_clean(&value);
    assert_shown_clean(&headers.names());
    assert_debug_clean(&headers);
    assert_shown_clean(&scope);
    let prepared = session().prepare(&action()).unwrap();
    for public in
        [format!("{request:?}{request}"), format!("{text:?}{text}"), format!("{prepared:?}")]
    {
        assert_holds_no_secret(&public);
    }
}
