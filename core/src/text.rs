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

/// Returns whether a character is a control or invisible: Unicode's `Default_Ignorable_Code_Point`,
/// which includes `Bidi_Control`, and the line, paragraph and annotation separators.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
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

/// Returns the start of a text from outside as one short line without words that may be secrets:
/// long ones, and those with `?`, `=` or `@`.
///
/// ```
/// use tcss_export_core::text::snippet;
///
/// assert_eq!(snippet("token=EXAMPLE is\nold"), "... is old");
/// ```
pub fn snippet(body: &str) -> String {
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
    use core::ops::RangeInclusive;

    use super::*;

    #[test]
    fn a_brief_text_ends_after_three_hundred_characters() {
        let (fits, long) = ("\u{5bfc}".repeat(300), "\u{5bfc}".repeat(301));
        assert_eq!(brief(&fits).to_string(), fits);
        assert_eq!(brief(&long).to_string(), [&fits, "..."].concat());
        assert_eq!(printable(&long).to_string(), long);
    }

    // As in Unicode's DerivedCoreProperties.txt (Default_Ignorable_Code_Point), which includes all
    // of Bidi_Control in PropList.txt.
    const IGNORABLE: [RangeInclusive<char>; 17] = [
        '\u{ad}'..='\u{ad}',
        '\u{34f}'..='\u{34f}',
        '\u{61c}'..='\u{61c}',
        '\u{115f}'..='\u{1160}',
        '\u{17b4}'..='\u{17b5}',
        '\u{180b}'..='\u{180f}',
        '\u{200b}'..='\u{200f}',
        '\u{202a}'..='\u{202e}',
        '\u{2060}'..='\u{206f}',
        '\u{3164}'..='\u{3164}',
        '\u{fe00}'..='\u{fe0f}',
        '\u{feff}'..='\u{feff}',
        '\u{ffa0}'..='\u{ffa0}',
        '\u{fff0}'..='\u{fff8}',
        '\u{1bca0}'..='\u{1bca3}',
        '\u{1d173}'..='\u{1d17a}',
        '\u{e0000}'..='\u{e0fff}',
    ];

    #[test]
    fn bidirectional_controls_and_invisible_characters_are_replaced() {
        let separators = ['\u{2028}', '\u{2029}', '\u{fff9}', '\u{fffa}', '\u{fffb}'];
        for c in IGNORABLE.into_iter().flatten().chain(separators) {
            assert_eq!(printable(&format!("a{c}b")).to_string(), "a\u{fffd}b", "{c:?}");
        }
        let plain = "\u{5bfc}\u{51fa} caf\u{e9} \u{1f600} \u{a0}-\u{200a}\u{2010}\u{fdff}\u{fe10}";
        assert_eq!(printable(plain).to_string(), plain);
    }
}
