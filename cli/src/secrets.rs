//! The environment variables that hold keys, and the masking of secrets in text.

use std::{env, ffi::OsString};

use tcss_export::DownloadUrl;

pub(crate) const SECRET_ID: &str = "TENCENTCLOUD_SECRET_ID";
pub(crate) const SECRET_KEY: &str = "TENCENTCLOUD_SECRET_KEY";
/// The service's tools use different names; the first variable that is not empty counts.
const TOKENS: [&str; 3] =
    ["TENCENTCLOUD_TOKEN", "TENCENTCLOUD_SESSION_TOKEN", "TENCENTCLOUD_SECURITY_TOKEN"];

/// The client reads them in this order; the first one that is not empty counts.
const PROXIES: [&str; 4] = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];

/// Replaces a secret.
pub(crate) const MASK: &str = "***";
/// A shorter value is not a secret, and many texts contain it.
const SHORTEST_SECRET: usize = 4;
const SIGNATURE_DIGITS: usize = 64;

/// Reads a variable; an empty one counts as unset. The error is a value that is not UTF-8.
pub(crate) fn variable(name: &str) -> Result<Option<String>, OsString> {
    let value = env::var_os(name).filter(|value| !value.is_empty());
    value.map(OsString::into_string).transpose()
}

/// Returns the name of the variable that sets the token, if any.
pub(crate) fn token_variable() -> Option<&'static str> {
    TOKENS.into_iter().find(|name| !env::var_os(name).unwrap_or_default().is_empty())
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
    let secrets = [SECRET_KEY].into_iter().chain(TOKENS);
    let text = secrets
        .filter_map(|name| variable(name).ok().flatten())
        .filter(|secret| secret.len() >= SHORTEST_SECRET)
        .fold(text.to_owned(), |text, secret| text.replace(&secret, MASK));
    text.split_inclusive(char::is_whitespace).map(masked_word).collect()
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
        let digits = "0123456789abcdef".repeat(4);
        assert_eq!(masked(&format!("Signature={digits}, x")), "Signature=***, x");
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
    fn blanks_and_line_ends_stay() {
        assert_eq!(masked("a  b\n\tc "), "a  b\n\tc ");
    }
}
