//! Results on stdout, all else on stderr.

use std::io::{self, ErrorKind, Write};

use indicatif::ProgressDrawTarget;
use serde::Serialize;
use tcss_export::text::printable;

use crate::failure::{Failure, Kind, hints};

/// Whether a bar can be drawn on stderr: a terminal that can move its cursor, which one of
/// TERM=dumb cannot. indicatif goes by the same, and would draw nothing there.
pub(crate) fn has_bars() -> bool {
    !ProgressDrawTarget::stderr().is_hidden()
}

/// How results and errors are worded, and where they go.
pub(crate) struct Output {
    json: bool,
    quiet: bool,
    results_on_stderr: bool,
}

/// Whether somebody reads stdout.
#[derive(PartialEq, Eq)]
pub(crate) enum Reader {
    There,
    /// The pipe is closed, which is no error: whoever read has seen enough.
    Gone,
}

impl Output {
    pub(crate) const fn new(json: bool, quiet: bool) -> Self {
        Self { json, quiet, results_on_stderr: false }
    }

    /// Leaves stdout to a file that is written there.
    pub(crate) const fn with_results_on_stderr(mut self) -> Self {
        self.results_on_stderr = true;
        self
    }

    pub(crate) const fn is_json(&self) -> bool {
        self.json
    }

    pub(crate) const fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Prints a result: as one JSON object, or as `text` for people.
    pub(crate) fn result(
        &self,
        object: &impl Serialize,
        text: impl FnOnce() -> String,
    ) -> Result<Reader, Failure> {
        let text = if self.json { json(object) } else { text() };
        if self.results_on_stderr {
            self.complain(&text);
            return Ok(Reader::There);
        }
        self.print(&text)
    }

    /// Prints one of many objects, whatever is asked for people.
    pub(crate) fn line(&self, object: &impl Serialize) -> Result<Reader, Failure> {
        self.print(&json(object))
    }

    /// Writes to stdout, at once.
    pub(crate) fn print(&self, text: &str) -> Result<Reader, Failure> {
        let mut stdout = io::stdout().lock();
        match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
            Ok(()) => Ok(Reader::There),
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Reader::Gone),
            Err(error) => {
                let message = format!("stdout cannot be written: {error}");
                Err(Failure::new(Kind::File, message).with_hint(hints::of_io(error.kind())))
            }
        }
    }

    /// Prints a line of progress, unless none is wanted.
    pub(crate) fn progress(&self, line: &str) {
        if !self.quiet {
            self.complain(&format!("{line}\n"));
        }
    }

    /// Writes to stderr; if that fails nobody can be told.
    pub(crate) fn complain(&self, text: &str) {
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }

    pub(crate) fn worded(&self, failure: &Failure) -> String {
        if self.json { json(failure) } else { failure.to_string() }
    }
}

fn json(object: &impl Serialize) -> String {
    // Every object here has texts for keys and no value that can fail.
    let text = serde_json::to_string(object).unwrap_or_default();
    text.chars().map(escaped).collect::<String>() + "\n"
}

/// Escapes what could steer a terminal and serde_json leaves as it is: it stays the same text.
fn escaped(c: char) -> String {
    let shown = printable(c.encode_utf8(&mut [0; 4])).to_string();
    match shown.starts_with(char::REPLACEMENT_CHARACTER) {
        true => format!("\\u{:04x}", u32::from(c)),
        false => shown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_holds_no_control_character_and_reads_back_to_the_same_text() {
        let text = "a\u{1b}[2J\u{7f}\u{9b}\u{202e}\u{fffd}\u{e9}\u{1f600}\"\\";
        let json = json(&text);
        assert!(!json.trim_end().contains(|c: char| c.is_control() || c == '\u{202e}'));
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }
}
