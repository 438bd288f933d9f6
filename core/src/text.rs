//! Text from outside, made fit for a terminal or a log line.

use alloc::string::String;
use core::fmt::{self, Write};

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
    Printable(text)
}

/// A text as [`printable`] shows it.
#[derive(Clone, Copy, Debug)]
pub struct Printable<'a>(&'a str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            f.write_char(if is_steering(c) { char::REPLACEMENT_CHARACTER } else { c })?;
        }
        Ok(())
    }
}

fn is_steering(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Words longer than this may be a token or a signature that a page echoes.
const LONGEST_WORD: usize = 36;
const LONGEST_SNIPPET: usize = 120;

/// Returns the beginning of a body for an error message: one line, short, long words left out.
pub(crate) fn snippet(body: &str) -> String {
    let mut snippet = String::new();
    for word in body.split_whitespace() {
        let word = if word.len() > LONGEST_WORD { "..." } else { word };
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
