//! The masking of secrets in text.

use std::{cmp::Reverse, env, ffi::OsString};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use tcss_export::DownloadUrl;

use crate::keys;

/// The client uses the first one that is not empty.
const PROXIES: [&str; 4] = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];

/// Replaces a secret.
pub(crate) const MASK: &str = "***";
/// Shorter values are not treated as secrets: many texts contain them by chance.
const SHORTEST_SECRET: usize = 4;
/// The object store signs with SHA-1 (40 digits), the service with SHA-256 (64 digits).
const SIGNATURE_DIGITS: usize = 40;

/// Reads a variable; an empty one counts as unset. The error is a value that is not UTF-8.
pub(crate) fn variable(name: &str) -> Result<Option<String>, OsString> {
    let value = env::var_os(name).filter(|value| !value.is_empty());
    value.map(OsString::into_string).transpose()
}

/// Returns the name of the variable that sets the proxy.
pub(crate) fn proxy_variable() -> &'static str {
    let is_set = |name: &&str| {
        env::var_os(name).is_some_and(|value| !value.to_string_lossy().trim().is_empty())
    };
    PROXIES.into_iter().find(is_set).unwrap_or("HTTPS_PROXY")
}

/// Returns the text without the key, the token, signatures and the secret parts of URLs.
pub(crate) fn masked(text: &str) -> String {
    without_keys(text).split_inclusive(char::is_whitespace).map(masked_word).collect()
}

/// Returns the text without the key and the token. For ids, because they may look like signatures.
pub(crate) fn without_keys(text: &str) -> String {
    let proxies = PROXIES.into_iter().filter_map(|name| variable(name).ok().flatten());
    let logins: Vec<String> = proxies.filter_map(|url| proxy_login(&url)).collect();
    let passwords = logins.iter().filter_map(|login| Some(login.split_once(':')?.1.to_owned()));
    let keys = keys::secrets().into_iter().chain(secret_variables());
    let secrets = keys.chain(passwords).filter(|secret| secret.len() >= SHORTEST_SECRET);
    let mut secrets: Vec<_> = secrets.collect();
    // Masking a part of a secret first would hide the rest of it from the search.
    secrets.sort_by_key(|secret| Reverse(secret.len()));
    let text = secrets
        .into_iter()
        .fold(text.to_owned(), |text, secret| without_starts(&secret, &without(&secret, &text)));
    // The start of a login is the user, which is not a secret.
    logins.iter().fold(text, |text, login| without(login, &text))
}

/// Returns the keys and tokens of the environment, also those that are not in use.
fn secret_variables() -> impl Iterator<Item = String> {
    let is_secret = |name: &str| {
        name.starts_with("TENCENTCLOUD_") && (name.ends_with("_KEY") || name.ends_with("_TOKEN"))
    };
    let set = env::vars_os().filter(move |(name, _)| name.to_str().is_some_and(is_secret));
    set.filter_map(|(_, value)| value.into_string().ok())
}

/// Returns the text without a secret, in any of its forms.
fn without(secret: &str, text: &str) -> String {
    let text = forms(secret).iter().fold(text.to_owned(), |text, form| text.replace(form, MASK));
    text.split_inclusive(char::is_whitespace).map(|word| without_escaped(secret, word)).collect()
}

/// Masks the start of a secret, in any of its forms, where a text was cut.
fn without_starts(secret: &str, text: &str) -> String {
    forms(secret).iter().fold(text.to_owned(), |text, form| without_start(form, &text))
}

fn without_start(secret: &str, text: &str) -> String {
    const CUT: &str = "...";
    let (mut shown, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once(CUT) {
        let lengths = SHORTEST_SECRET..secret.len().min(before.len() + 1);
        let starts = lengths.rev().filter_map(|length| secret.get(..length));
        let kept = starts.filter_map(|start| before.strip_suffix(start)).next();
        let mask = if kept.is_some() { MASK } else { "" };
        shown.extend([kept.unwrap_or(before), mask, CUT]);
        rest = after;
    }
    shown + rest
}

/// Masks a word that contains a secret in percent-encoding: programs differ in the characters that
/// they encode, and in the case of the digits.
fn without_escaped(secret: &str, word: &str) -> String {
    let is_secret = percent_decode_str(word).decode_utf8_lossy().contains(secret);
    let blank = &word[word.trim_end().len()..];
    if is_secret { [MASK, blank].concat() } else { word.to_owned() }
}

/// Returns `user:password` of a proxy's URL, which is sent as base64.
fn proxy_login(url: &str) -> Option<String> {
    let (login, _) = url.rsplit_once('@')?;
    let login = login.split_once("://").map_or(login, |(_, login)| login);
    let login = percent_decode_str(login).decode_utf8().ok()?;
    (login.contains(':') && login.len() >= SHORTEST_SECRET).then(|| login.into_owned())
}

/// All characters except the unreserved ones of RFC 3986.
const RESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Returns the forms of a secret: plain, and as in URLs, JSON and base64. Base64 has no padding, so
/// that it matches text with and without padding.
fn forms(secret: &str) -> [String; 6] {
    // A percent sign of the secret is encoded, too, so only escapes start with one.
    let in_lower_case = |piece: &str| match piece.starts_with('%') {
        true => piece.to_ascii_lowercase(),
        false => piece.to_owned(),
    };
    [
        secret.to_owned(),
        utf8_percent_encode(secret, &RESERVED).to_string(),
        // Decoding does not find it after half an escape, such as `%3EXAMPLE%2f`.
        utf8_percent_encode(secret, &RESERVED).map(in_lower_case).collect(),
        secret.replace('/', "\\/"),
        STANDARD_NO_PAD.encode(secret),
        URL_SAFE_NO_PAD.encode(secret),
    ]
}

fn masked_word(word: &str) -> String {
    let text = word.trim_end();
    let shown = match DownloadUrl::new(text) {
        Some(url) if is_url(text) => without_signatures(&url.to_string()),
        _ => without_signatures(text),
    };
    shown + &word[text.len()..]
}

/// Recognizes a URL that lost its scheme by its query.
fn is_url(word: &str) -> bool {
    word.contains("://") || word.split_once('?').is_some_and(|(_, query)| query.contains('='))
}

fn without_signatures(text: &str) -> String {
    let mut shown = String::new();
    for run in text.split_inclusive(|c: char| !c.is_ascii_hexdigit()) {
        let digits = run.trim_end_matches(|c: char| !c.is_ascii_hexdigit());
        shown.push_str(if digits.len() < SIGNATURE_DIGITS { digits } else { MASK });
        shown.push_str(&run[digits.len()..]);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_masked_and_shorter_hex_texts_stay() {
        for digits in ["0123456789abcdef".repeat(4), "0123456789".repeat(4)] {
            assert_eq!(masked(&format!("Signature={digits}, x")), "Signature=***, x");
        }
        let digits = "0123456789".repeat(4);
        assert_eq!(masked(&digits[1..]), digits[1..]);
        assert_eq!(without_keys(&digits), digits);
        assert_eq!(masked("id 00000000-7e57-4000"), "id 00000000-7e57-4000");
    }

    #[test]
    fn urls_lose_query_and_user_part() {
        assert_eq!(
            masked("at https://h.example/a?q=EXAMPLE now"),
            "at https://h.example/a?... now"
        );
        assert_eq!(masked("h.example/a?q=EXAMPLE"), "...");
        assert_eq!(masked("why? a=b"), "why? a=b");
        assert_eq!(masked("'https://u:EXAMPLE@h.example'"), "'https://h.example'");
    }

    #[test]
    fn the_start_of_a_secret_before_a_cut_is_masked() {
        let shown = |text| without_starts("EXAMPLEKEY", text);
        assert_eq!(shown("a EXAMPLEKE... b"), "a ***... b");
        assert_eq!(shown("EXAM...EXAM"), "***...EXAM");
        assert_eq!(shown("EXA... EXAMPLER..."), "EXA... EXAMPLER...");
    }

    // From Python's `urllib.parse.quote`, .NET's `HttpUtility.UrlEncode` and JavaScript's
    // `encodeURI`, and one with an encoded letter.
    #[test]
    fn a_secret_is_masked_whichever_characters_are_encoded() {
        for word in ["EXAMPLE/k%3F%3D", "EXAMPLE%2fk%3f%3d", "EXAMPLE/k?=%20x", "%45XAMPLE/k?="] {
            let shown = without("EXAMPLE/k?=", &format!("a {word}\n%2F"));
            assert!(!shown.contains("XAMPLE") && shown.ends_with("\n%2F"), "{shown}");
        }
    }

    #[test]
    fn a_secret_is_masked_after_half_an_escape() {
        for form in ["EXAMPLE/k", "EXAMPLE%2Fk", "EXAMPLE%2fk"] {
            assert_eq!(without("EXAMPLE/k", &format!("%3{form}")), "%3***", "{form}");
        }
    }

    #[test]
    fn blanks_and_line_ends_stay() {
        assert_eq!(masked("a  b\n\tc "), "a  b\n\tc ");
    }

    #[test]
    fn a_login_has_a_password_and_four_characters() {
        assert_eq!(proxy_login("http://u:EXAMPLE@h.example").as_deref(), Some("u:EXAMPLE"));
        assert_eq!(proxy_login("u%3Ab:c@h.example").as_deref(), Some("u:b:c"));
        for url in ["http://admin@h.example", "http://u:b@h.example", "http://h.example"] {
            assert_eq!(proxy_login(url), None, "{url}");
        }
    }

    #[test]
    fn each_occurrence_of_a_secret_is_masked() {
        let text = "a=EXAMPLEKEY,b=EXAMPLEKEY EXAMPLEKEY";
        assert_eq!(without("EXAMPLEKEY", text), "a=***,b=*** ***");
    }

    // From `base64`, `base64 | tr +/ -_` and Python's `urllib.parse.quote`.
    #[test]
    fn a_secret_has_the_forms_of_urls_json_and_base64() {
        let expected = [
            "EXAMPLE/k?~+>",
            "EXAMPLE%2Fk%3F~%2B%3E",
            "EXAMPLE%2fk%3f~%2b%3e",
            "EXAMPLE\\/k?~+>",
            "RVhBTVBMRS9rP34rPg",
            "RVhBTVBMRS9rP34rPg",
        ];
        assert_eq!(forms("EXAMPLE/k?~+>"), expected);
        assert_eq!(forms("EXAMPLE~~~~??")[4..], ["RVhBTVBMRX5+fn4/Pw", "RVhBTVBMRX5-fn4_Pw"]);
    }
}
