//! Results on stdout, everything else on stderr.

use std::{
    fs,
    io::{self, ErrorKind as IoErrorKind, Write},
    path::Path,
};

use console::Term;
use serde::Serialize;
use tcss_export::core::text::printable;

use crate::{
    error::{Error, ErrorKind, Result, hints},
    text::{columns, wrapped},
};

/// The end of a command that printed its result.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ending {
    Done,
    JobFailed,
    /// A replay decides otherwise than the recording.
    ReplayDiffers,
    /// A request of another program is signed otherwise than here.
    RequestDiffers,
    /// The exit code of the first check that failed, or 0.
    Checked(u8),
    /// The help was printed because no command was given.
    NoCommand,
}

impl Ending {
    pub(crate) const fn exit_code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::JobFailed | Self::ReplayDiffers | Self::RequestDiffers => 1,
            Self::Checked(code) => code,
            Self::NoCommand => 2,
        }
    }
}

/// The format of results and errors, and where they go.
#[derive(Clone, Copy)]
pub(crate) struct Output {
    pub(crate) json: bool,
    pub(crate) quiet: bool,
    /// Stdout is reserved for the file of a download or its URL.
    pub(crate) results_on_stderr: bool,
}

/// The state of stdout after a write.
#[derive(PartialEq, Eq)]
pub(crate) enum Stdout {
    Open,
    /// The reader closed the pipe, which is not an error: it needs no more.
    Closed,
}

impl Output {
    /// Prints a result: the object as JSON, or the text for people.
    pub(crate) fn result(
        &self,
        object: &impl Serialize,
        text: impl FnOnce() -> String,
    ) -> Result<Stdout> {
        let text = if self.json { json(&Versioned::new(object)) } else { text() };
        if self.results_on_stderr {
            self.stderr(&text);
            return Ok(Stdout::Open);
        }
        self.print(&text)
    }

    /// Writes to stdout and flushes it.
    pub(crate) fn print(&self, text: &str) -> Result<Stdout> {
        let mut stdout = io::stdout().lock();
        match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
            Ok(()) => Ok(Stdout::Open),
            Err(error) if error.kind() == IoErrorKind::BrokenPipe => Ok(Stdout::Closed),
            Err(error) => {
                let message = format!("stdout cannot be written: {error}");
                Err(Error::new(ErrorKind::File, message).with_hint(hints::of_io(error.kind())))
            }
        }
    }

    /// Prints a line of progress, unless `--quiet` is set.
    pub(crate) fn progress(&self, line: &str) {
        if !self.quiet {
            self.stderr(&(wrapped(line, columns(&Term::stderr()), 4) + "\n"));
        }
    }

    pub(crate) fn error(&self, error: &Error) {
        self.stderr(&if self.json { json(&Versioned::new(error)) } else { lines(error) });
    }

    /// Writes to stderr; a failure cannot be reported anywhere.
    pub(crate) fn stderr(&self, text: &str) {
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }
}

/// Returns the text of an error. Commands and URLs stay whole, so that they can be copied.
fn lines(error: &Error) -> String {
    let columns = columns(&Term::stderr());
    let is_prose =
        |line: &str| ["error: ", "  tried ", "  hint "].iter().any(|s| line.starts_with(s));
    let line = |line: &str| match is_prose(line) {
        true => wrapped(line, columns, 4) + "\n",
        false => format!("{line}\n"),
    };
    error.to_string().lines().map(line).collect()
}

/// The version of all JSON output. It changes if a member is removed or gets another meaning; new
/// members do not change it.
const VERSION: u32 = 1;

/// An object of the JSON output, with the version as its first member.
#[derive(Serialize)]
struct Versioned<'a, T> {
    version: u32,
    #[serde(flatten)]
    object: &'a T,
}

impl<'a, T> Versioned<'a, T> {
    const fn new(object: &'a T) -> Self {
        Self { version: VERSION, object }
    }
}

/// Fails if stdout was closed at the start, for a command whose result must not get lost. A program
/// that opens `/dev/null` for reading and writing as stdout looks the same.
pub(crate) fn check_stdout(hint: &'static str) -> Result<()> {
    match stdout_is_closed() {
        true => Err(Error::new(ErrorKind::File, "stdout is closed or /dev/null").with_hint(hint)),
        false => Ok(()),
    }
}

/// Returns whether stdout was closed at the start. The standard library then opens `/dev/null` for
/// reading and writing in its place. A shell's redirection opens it only for writing.
fn stdout_is_closed() -> bool {
    let is_null = fs::read_link("/proc/self/fd/1").is_ok_and(|to| to == Path::new("/dev/null"));
    let info = fs::read_to_string("/proc/self/fdinfo/1").unwrap_or_default();
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
    let access = flags.and_then(|flags| flags.trim().bytes().last());
    // The last octal digit is the access mode. 2 means reading and writing.
    is_null && access == Some(b'2')
}

/// Returns an object as a line that cannot control a terminal.
pub(crate) fn json(object: &impl Serialize) -> String {
    // Cannot fail: the keys of every object here are strings.
    let text = serde_json::to_string(object).unwrap_or_default();
    text.chars().map(escaped).collect::<String>() + "\n"
}

/// Escapes what can control a terminal and serde_json does not escape. The text stays the same.
fn escaped(c: char) -> String {
    let shown = printable(c.encode_utf8(&mut [0; 4])).to_string();
    match shown.starts_with(char::REPLACEMENT_CHARACTER) {
        // JSON escapes are UTF-16.
        true => c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect(),
        false => shown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_holds_no_control_character_and_reads_back_to_the_same_text() {
        let text = "a\u{1b}[2J\u{7f}\u{9b}\u{202e}\u{e0041}\u{fffd}\u{e9}\u{1f600}\"\\";
        let json = json(&text);
        assert!(!json.trim_end().contains(|c: char| c.is_control() || c == '\u{202e}'));
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }
}
