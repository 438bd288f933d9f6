//! Characters that no part of credentials may have.

use tcss_export::{
    Credentials,
    error::{Field, Reason},
};

use crate::{
    common::{ID, KEY, TOKEN, credentials},
    requests::refused,
};

/// Makes one test a bad character, for each of the three fields.
macro_rules! bad_characters {
    ($($name:ident: $bad:literal => $reason:ident;)*) => {$(
        #[test]
        fn $name() {
            let spoiled = |text: &str| [text, $bad].concat();
            refused(Credentials::new(spoiled(ID), KEY), Field::SecretId, Reason::$reason);
            refused(Credentials::new(ID, spoiled(KEY)), Field::SecretKey, Reason::$reason);
            refused(credentials().with_token(spoiled(TOKEN)), Field::Token, Reason::$reason);
        }
    )*};
}
bad_characters! {
    final_newline_is_refused: "\n" => WhiteSpace;
    final_carriage_return_is_refused: "\r\n" => WhiteSpace;
    final_blank_is_refused: " " => WhiteSpace;
    final_tab_is_refused: "\t" => WhiteSpace;
    nul_is_refused: "\0" => WhiteSpace;
    delete_is_refused: "\u{7f}" => WhiteSpace;
    no_break_space_is_refused: "\u{a0}" => WhiteSpace;
    line_separator_is_refused: "\u{2028}" => WhiteSpace;
    byte_order_mark_is_refused: "\u{feff}" => InvalidCharacter;
    letter_outside_ascii_is_refused: "\u{fc}" => InvalidCharacter;
}

#[test]
fn blank_in_the_middle_is_refused() {
    refused(Credentials::new("AKID FIELD", KEY), Field::SecretId, Reason::WhiteSpace);
    refused(Credentials::new(ID, "Field Cases"), Field::SecretKey, Reason::WhiteSpace);
    refused(credentials().with_token("Field Cases"), Field::Token, Reason::WhiteSpace);
}

#[test]
fn error_names_the_field_and_never_the_value() {
    let error = Credentials::new(ID, format!("{KEY}\n")).unwrap_err();
    assert_eq!(error.to_string(), "secret key contains white space or a control character");
    assert!(!format!("{error:?}").contains(KEY));
}

// Not to be taken for the service's "secret id not found".
#[test]
fn empty_secret_id_is_refused() {
    let error = Credentials::new("", KEY).unwrap_err();
    assert_eq!((error.field(), error.reason()), (Field::SecretId, Reason::Empty));
    assert_eq!(error.to_string(), "secret id is empty");
}

#[test]
fn empty_secret_key_is_refused() {
    let error = Credentials::new(ID, "").unwrap_err();
    assert_eq!((error.field(), error.reason()), (Field::SecretKey, Reason::Empty));
    assert_eq!(error.to_string(), "secret key is empty");
}

#[test]
fn text_of_nothing_but_blanks_is_refused() {
    refused(Credentials::new(ID, "  "), Field::SecretKey, Reason::WhiteSpace);
}
