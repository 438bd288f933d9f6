//! Keeps secrets out of messages that quote what came from outside.

use tcss_export::DownloadUrl;

use crate::variables;

/// What stands in the place of a secret.
pub(crate) const MASK: &str = "***";
/// A value this short is no secret, and would be found in every text.
const SHORTEST_SECRET: usize = 4;
/// The digits of a signature.
const SIGNATURE_DIGITS: usize = 64;

/// Returns the text without key, token, signatures and what is secret in URLs.
pub(crate) fn masked(text: &str) -> String {
    let text = variables::secrets()
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

/// A query gives a URL away that has lost its scheme.
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
    fn signatures_are_masked_and_shorter_digits_stay() {
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
