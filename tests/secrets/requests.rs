//! Credentials, sessions, requests and the stages of a signature.

use tcss_export::{
    Credentials, Endpoint, Session,
    signing::{
        CanonicalHeaders, CanonicalRequest, HexDigest, SigningKey, StringToSign, Timestamp,
        authorization,
    },
};

use crate::{
    assert_chain_clean, assert_debug_clean, assert_display_clean, assert_no_secret,
    common::{BODY, HOST, ID, KEY, SIGNATURE, TIME, TOKEN, action, at, session, with_token},
    request,
};

#[test]
fn credentials_show_their_id_and_no_secret() {
    assert_debug_clean(&with_token());
    assert!(format!("{:?}", with_token()).contains(ID));
}

#[test]
fn credentials_inside_other_values_show_no_secret() {
    assert_debug_clean(&Some(vec![with_token()]));
}

#[test]
fn errors_of_credentials_show_no_secret() {
    for bad in ["\n", " ", "\u{fc}"] {
        assert_chain_clean(&Credentials::new(ID, format!("{KEY}{bad}")).unwrap_err());
        assert_chain_clean(&with_token().with_token(format!("{TOKEN}{bad}")).unwrap_err());
    }
}

#[test]
fn a_session_that_has_signed_shows_no_secret() {
    let mut session = session();
    assert_debug_clean(&session);
    session.request(&action(), &with_token(), at(TIME)).unwrap();
    assert_debug_clean(&session);
}

// `http::Request` hides the headers that are marked sensitive.
#[test]
fn a_signed_request_shows_no_secret() {
    assert_debug_clean(&request());
    assert_debug_clean(request().headers());
    assert_debug_clean(&request().into_parts().0);
}

#[test]
fn errors_of_signing_show_no_secret() {
    let mut session = session();
    let prepared = session.prepare(&action()).unwrap();
    let bad_time = session.sign(&prepared, &with_token(), at(-1)).unwrap_err();
    assert_chain_clean(&bad_time);
    let mut mainland = Session::new(Endpoint::mainland());
    let other_site = mainland.sign(&prepared, &with_token(), at(TIME)).unwrap_err();
    assert_chain_clean(&other_site);
}

#[test]
fn the_error_for_an_endpoint_with_a_password_does_not_show_it() {
    let error = format!("https://user:{KEY}@h.example").parse::<Endpoint>().unwrap_err();
    assert_chain_clean(&error);
}

// Only the last two stages depend on the key; everything that is hashed is public.
#[test]
fn the_stages_of_a_signature_show_no_secret() {
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
    assert_display_clean(&headers.names());
    assert_debug_clean(&headers);
    assert_display_clean(&scope);
    let prepared = session().prepare(&action()).unwrap();
    for public in
        [format!("{request:?}{request}"), format!("{text:?}{text}"), format!("{prepared:?}")]
    {
        assert_no_secret(&public);
    }
}
