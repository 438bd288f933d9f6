//! Text from outside, made fit for a terminal or a log line.

use alloc::string::String;
use core::{
    fmt::{self, Write},
    str::FromStr,
};

use serde_json::value::RawValue;

/// Shows a text from outside with every control character replaced by U+FFFD.
///
/// So neither a line end nor an escape sequence in a server's message can forge a log line or
/// steer a terminal; the marks that reorder text on screen are replaced as well.
///
/// ```
/// use tcss_export_core::text::printable;
///
/// assert_eq!(printable("ok\u{1b}[2J").to_string(), "ok\u{fffd}[2J");
/// ```
#[must_use]
pub const fn printable(text: &str) -> Printable<'_> {
    Printable { text, at_most: usize::MAX }
}

/// Shows a text from outside as [`printable`] does, but no more than 300 characters of it: in an
/// error, where it could be as long as an answer.
#[must_use]
pub const fn brief(text: &str) -> Printable<'_> {
    Printable { text, at_most: 300 }
}

/// A text as [`printable`] shows it.
#[derive(Clone, Copy, Debug)]
pub struct Printable<'a> {
    text: &'a str,
    at_most: usize,
}

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut chars = self.text.chars();
        for c in chars.by_ref().take(self.at_most) {
            f.write_char(if is_steering(c) { char::REPLACEMENT_CHARACTER } else { c })?;
        }
        if chars.next().is_some() { f.write_str("...") } else { Ok(()) }
    }
}

fn is_steering(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Reads a JSON string; anything else is none.
pub(crate) fn json_text(json: &RawValue) -> Option<String> {
    let inner = json.get().strip_prefix('"')?.strip_suffix('"')?;
    // serde_json has found its end, so what has no escapes stands for itself.
    if !inner.contains('\\') {
        return Some(inner.into());
    }
    serde_json::from_str(json.get()).ok()
}

/// Words longer than this may be a token or a signature that a page echoes; shorter ones with a
/// `?`, `=` or `@` may be a URL with a query or a password.
const LONGEST_WORD: usize = 36;
const LONGEST_SNIPPET: usize = 120;

/// Returns the beginning of a body for an error message: one line, short, long words left out.
pub(crate) fn snippet(body: &str) -> String {
    let mut snippet = String::new();
    for word in body.split_whitespace() {
        let may_be_secret = word.len() > LONGEST_WORD || word.contains(['?', '=', '@']);
        let word = if may_be_secret { "..." } else { word };
        if snippet.len() + word.len() >= LONGEST_SNIPPET {
            break;
        }
        if !snippet.is_empty() {
            snippet.push(' ');
        }
        snippet.push_str(word);
    }
    snippet
}

/// Reads a text that is not empty.
pub(crate) fn nonempty_text(json: Option<&RawValue>) -> Option<String> {
    json_text(json?).filter(|text| !text.is_empty())
}

/// Reads a number or a text that holds one.
///
/// The number is read as a text is, because serde_json may miss the nearest one.
fn number<T: FromStr>(json: Option<&RawValue>) -> Option<T> {
    let json = json?;
    match json_text(json) {
        Some(text) => text.parse().ok(),
        None => json.get().parse().ok(),
    }
}

/// Reads how many there are.
pub(crate) fn json_count(json: Option<&RawValue>) -> Option<u64> {
    number(json)
}

/// Reads a progress; infinities and NaN are none.
pub(crate) fn json_progress(json: Option<&RawValue>) -> Option<f64> {
    number(json).filter(|number: &f64| number.is_finite())
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn a_brief_text_ends_after_three_hundred_characters() {
        let (fits, long) = ("\u{5bfc}".repeat(300), "\u{5bfc}".repeat(301));
        assert_eq!(brief(&fits).to_string(), fits);
        assert_eq!(brief(&long).to_string(), [&fits, "..."].concat());
        assert_eq!(printable(&long).to_string(), long);
    }

    #[test]
    fn marks_that_reorder_text_are_replaced() {
        assert_eq!(printable("a\u{202e}b\u{2066}c").to_string(), "a\u{fffd}b\u{fffd}c");
    }
}
