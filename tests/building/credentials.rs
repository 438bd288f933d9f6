//! Which credentials are refused, and how the token is sent.

use bytes::Bytes;
use http::Request;
use tcss_export::{
    Credentials,
    error::{Field, Reason},
};

use crate::{
    assert_refused,
    common::{
        ID, KEY, SIGNATURE, TIME, TOKEN, Wire, action, at, credentials, header, session, signature,
        signed_request, with_token,
    },
};

/// One test for each bad character, in each of the three fields.
macro_rules! bad_characters {
    ($($name:ident: $bad:literal => $reason:ident;)*) => {$(
        #[test]
        fn $name() {
            let with_bad_end = |text: &str| [text, $bad].concat();
            assert_refused(Credentials::new(with_bad_end(ID), KEY), Field::SecretId, Reason::$reason);
            assert_refused(Credentials::new(ID, with_bad_end(KEY)), Field::SecretKey, Reason::$reason);
            assert_refused(credentials().with_token(with_bad_end(TOKEN)), Field::Token, Reason::$reason);
        }
    )*};
}

bad_characters! {
    final_newline_is_refused: "\n" => WhiteSpace;
    final_carriage_return_is_refused: "\r\n" => WhiteSpace;
    final_space_is_refused: " " => WhiteSpace;
    final_tab_is_refused: "\t" => WhiteSpace;
    nul_is_refused: "\0" => WhiteSpace;
    delete_is_refused: "\u{7f}" => WhiteSpace;
    no_break_space_is_refused: "\u{a0}" => WhiteSpace;
    line_separator_is_refused: "\u{2028}" => WhiteSpace;
    byte_order_mark_is_refused: "\u{feff}" => InvalidCharacter;
    letter_outside_ascii_is_refused: "\u{fc}" => InvalidCharacter;
}

#[test]
fn a_space_in_the_middle_is_refused() {
    assert_refused(Credentials::new("AKID FIELD", KEY), Field::SecretId, Reason::WhiteSpace);
    assert_refused(Credentials::new(ID, "Field Cases"), Field::SecretKey, Reason::WhiteSpace);
    assert_refused(credentials().with_token("Field Cases"), Field::Token, Reason::WhiteSpace);
}

#[test]
fn the_error_names_the_field_and_not_the_value() {
    let error = Credentials::new(ID, format!("{KEY}\n")).unwrap_err();
    assert_eq!(error.to_string(), "secret key contains white space or a control character");
    assert!(!format!("{error:?}").contains(KEY));
}

// The service would answer with the misleading "secret id not found".
#[test]
fn an_empty_secret_id_is_refused() {
    let error = Credentials::new("", KEY).unwrap_err();
    assert_eq!((error.field(), error.reason()), (Field::SecretId, Reason::Empty));
    assert_eq!(error.to_string(), "secret id is empty");
}

#[test]
fn an_empty_secret_key_is_refused() {
    let error = Credentials::new(ID, "").unwrap_err();
    assert_eq!((error.field(), error.reason()), (Field::SecretKey, Reason::Empty));
    assert_eq!(error.to_string(), "secret key is empty");
}

#[test]
fn a_secret_key_of_spaces_is_refused() {
    assert_refused(Credentials::new(ID, "  "), Field::SecretKey, Reason::WhiteSpace);
}

fn signed_with(credentials: &Credentials) -> Request<Bytes> {
    session().request(&action(), credentials, at(TIME)).unwrap()
}

#[test]
fn an_absent_token_has_no_header() {
    assert!(!signed_request().headers().contains_key("x-tc-token"));
}

#[test]
fn an_empty_token_has_no_header() {
    let request = signed_with(&credentials().with_token("").unwrap());
    assert!(!request.headers().contains_key("x-tc-token"));
}

#[test]
fn debug_text_has_the_id_and_neither_key_nor_token() {
    let credentials = Credentials::new("AKIDEXAMPLE", "EXAMPLEKEY").unwrap();
    let shown = format!("{:?}", credentials.with_token("EXAMPLETOKEN").unwrap());
    assert!(shown.contains("AKIDEXAMPLE") && shown.contains("has_token: true"), "{shown}");
    assert!(!shown.contains("EXAMPLEKEY") && !shown.contains("EXAMPLETOKEN"), "{shown}");
}

#[test]
fn an_empty_token_replaces_an_earlier_one() {
    let request = signed_with(&with_token().with_token("").unwrap());
    assert!(!request.headers().contains_key("x-tc-token"));
}

#[test]
fn the_token_is_sent() {
    assert_eq!(header(&signed_with(&with_token()), "x-tc-token"), TOKEN);
}

#[test]
fn the_token_does_not_change_the_signature() {
    assert_eq!(signature(&signed_with(&with_token())), SIGNATURE);
}

// Two sets of credentials, used in turn.
#[test]
fn every_request_uses_the_id_key_and_token_of_one_set() {
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
