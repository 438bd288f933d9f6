//! Looks for secrets in all that can be shown.

use std::{
    error::Error,
    fmt::{Debug, Display},
};

use crate::common::{KEY, SIGNATURE, TOKEN};

pub(crate) const QUERY: &str = "q-signature=ExampleQuery0001";
pub(crate) const URL: &str = "https://h.example/a.csv?q-signature=ExampleQuery0001";

const SECRETS: [&str; 4] = [KEY, TOKEN, SIGNATURE, QUERY];

/// Fails if a text holds one of the secrets, or digits that could be a signature.
#[track_caller]
pub(crate) fn assert_clean(text: &str) {
    assert_holds_no_secret(text);
    let mut words = text.split(|c: char| !c.is_ascii_hexdigit());
    assert!(!words.any(|word| word.len() >= 64), "64 hex digits in {text}");
}

#[track_caller]
pub(crate) fn assert_holds_no_secret(text: &str) {
    for secret in SECRETS {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

#[track_caller]
pub(crate) fn assert_debug_clean(value: &impl Debug) {
    assert_clean(&format!("{value:?}"));
    assert_clean(&format!("{value:#?}"));
}

#[track_caller]
pub(crate) fn assert_shown_clean<T: Debug + Display>(value: &T) {
    assert_debug_clean(value);
    assert_clean(&value.to_string());
}

/// Looks through an error and all its sources.
#[track_caller]
pub(crate) fn assert_chain_clean(error: &(dyn Error + 'static)) {
    let mut next = Some(error);
    while let Some(error) = next {
        assert_clean(&format!("{error:?}"));
        assert_clean(&format!("{error:#?}"));
        assert_clean(&error.to_string());
        next = error.source();
    }
}
