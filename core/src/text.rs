//! Makes text from outside safe for a terminal or a log line.

use alloc::string::String;
use core::{
    fmt::{self, Write},
    str::FromStr,
};

/// Shows a text with U+FFFD in place of control characters, bidirectional controls and invisible
/// characters, so that a server's message cannot forge a log line or control a terminal.
///
/// ```
/// use tcss_export_core::text::printable;
///
/// assert_eq!(printable("ok\u{1b}[2J").to_string(), "ok\u{fffd}[2J");
/// ```
pub const fn printable(text: &str) -> impl fmt::Display + '_ {
    Printable { text, at_most: usize::MAX }
}

/// Shows at most 300 characters of a text, as [`printable`] does.
pub const fn brief(text: &str) -> impl fmt::Display + '_ {
    Printable { text, at_most: 300 }
}

struct Printable<'a> {
    text: &'a str,
    at_most: usize,
}

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut chars = self.text.chars();
        for c in chars.by_ref().take(self.at_most) {
            f.write_char(if is_unsafe(c) { char::REPLACEMENT_CHARACTER } else { c })?;
        }
        if chars.next().is_some() { f.write_str("...") } else { Ok(()) }
    }
}

/// Returns whether a character is a control, a bidirectional control (Unicode's `Bidi_Control`) or
/// invisible: a soft hyphen, a zero-width character, a line separator or a tag.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

/// Parses a number that consists of digits only.
pub(crate) fn digits<T: FromStr>(text: &str) -> Option<T> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
}

/// A longer word may be a token or a signature; a shorter one with `?`, `=` or `@` may be a URL
/// with a query or a password.
const LONGEST_WORD: usize = 36;
const LONGEST_SNIPPET: usize = 120;

/// Returns the start of a body as one short line without words that may be secrets.
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

#[cfg(test)]
mod tests {
    use alloc::{format, string::ToString};

    use super::*;

    #[test]
    fn a_brief_text_ends_after_three_hundred_characters() {
        let (fits, long) = ("\u{5bfc}".repeat(300), "\u{5bfc}".repeat(301));
        assert_eq!(brief(&fits).to_string(), fits);
        assert_eq!(brief(&long).to_string(), [&fits, "..."].concat());
        assert_eq!(printable(&long).to_string(), long);
    }

    // Unicode's PropList.txt lists these characters (Bidi_Control).
    #[test]
    fn bidirectional_controls_and_invisible_characters_are_replaced() {
        let marks = ['\u{61c}', '\u{200e}', '\u{200f}'].into_iter();
        let marks = marks.chain('\u{202a}'..='\u{202e}').chain('\u{2066}'..='\u{2069}');
        let invisible = ['\u{ad}', '\u{200b}', '\u{2060}', '\u{feff}', '\u{e0001}', '\u{e0041}'];
        for c in marks.chain(invisible) {
            assert_eq!(printable(&format!("a{c}b")).to_string(), "a\u{fffd}b", "{c:?}");
        }
        let plain = "\u{5bfc}\u{51fa} caf\u{e9} \u{1f600} \u{a0}-";
        assert_eq!(printable(plain).to_string(), plain);
    }
}
