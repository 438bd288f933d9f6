//! Credentials with a token and without.

use bytes::Bytes;
use http::Request;
use tcss_export::Credentials;

use crate::common::{
    ID, KEY, SIGNATURE, TIME, TOKEN, Wire, action, at, credentials, f0, header, session, signature,
    with_token,
};

fn signed_with(credentials: &Credentials) -> Request<Bytes> {
    session().request(&action(), credentials, at(TIME)).unwrap()
}
#[test]
fn absent_token_has_no_header() {
    assert!(!f0().headers().contains_key("x-tc-token"));
}

#[test]
fn empty_token_has_no_header() {
    let request = signed_with(&credentials().with_token("").unwrap());
    assert!(!request.headers().contains_key("x-tc-token"));
}

#[test]
fn empty_token_takes_the_place_of_an_earlier_one() {
    let request = signed_with(&with_token().with_token("").unwrap());
    assert!(!request.headers().contains_key("x-tc-token"));
}

#[test]
fn token_is_sent() {
    assert_eq!(header(&signed_with(&with_token()), "x-tc-token"), TOKEN);
}

#[test]
fn token_does_not_change_the_signature() {
    assert_eq!(signature(&signed_with(&with_token())), SIGNATURE);
}

// A provider that hands out two sets in turn.
#[test]
fn every_request_carries_one_set_and_is_signed_with_its_key() {
    let sets = ["A", "B"].map(|set| {
        let [id, key, token] = [ID, KEY, TOKEN].map(|text| [text, set].concat());
        (Credentials::new(&*id, &*key).unwrap().with_token(&*token).unwrap(), id, key, token)
    });
    let mut session = session();
    for (nth, (credentials, id, key, token)) in (0..).zip(sets.iter().cycle().take(1_000)) {
        let time = TIME + nth * 173;
        let request = session.request(&action(), credentials, at(time)).unwrap();
        let verified = Wire::of(&request).verify(time, id, key).unwrap();
        assert_eq!(verified.secret_id, *id, "signing {nth}");
        assert_eq!(header(&request, "x-tc-token"), token, "signing {nth}");
    }
}
