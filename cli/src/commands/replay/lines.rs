use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
};

use tcss_export::{TranscriptLine, text::printable};

use crate::failure::{Failure, Kind};

/// No line of a transcript is as long: an answer has at most a megabyte.
const LONGEST_LINE: u64 = 1 << 24;
/// What is wrong with a line may quote a good part of it.
const LONGEST_REASON: usize = 200;

/// The lines of a transcript, numbered as an editor does.
pub(super) struct Lines {
    reader: Box<dyn BufRead>,
    name: String,
    number: usize,
}

impl Lines {
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        if path == Path::new("-") {
            let reader = Box::new(io::stdin().lock());
            return Ok(Self { reader, name: "stdin".to_owned(), number: 0 });
        }
        let name = printable(&path.display().to_string()).to_string();
        let file = File::open(path).map_err(|error| unreadable(&name, &error))?;
        Ok(Self { reader: Box::new(BufReader::new(file)), name, number: 0 })
    }

    /// Returns the next line that is not blank.
    pub(super) fn next(&mut self) -> Result<Option<TranscriptLine>, Failure> {
        loop {
            let mut line = Vec::new();
            let read = (&mut *self.reader).take(LONGEST_LINE).read_until(b'\n', &mut line);
            read.map_err(|error| unreadable(&self.name, &error))?;
            if line.is_empty() {
                return Ok(None);
            }
            self.number += 1;
            if !line.trim_ascii().is_empty() {
                let line = serde_json::from_slice(&line);
                return line.map(Some).map_err(|error| self.odd(&without_place(&error)));
            }
        }
    }

    /// Returns the number of the last line.
    pub(super) const fn number(&self) -> usize {
        self.number
    }

    /// Tells that this is no transcript, by its last line.
    pub(super) fn odd(&self, reason: &str) -> Failure {
        let short: String = reason.chars().take(LONGEST_REASON).collect();
        let line = self.number.max(1);
        let message = format!("{} is not a recording: line {line}: {short}", self.name);
        Failure::new(Kind::Usage, message)
            .with_path(self.name.clone())
            .with_hint("give it a file that wait --record wrote")
    }
}

fn unreadable(name: &str, error: &io::Error) -> Failure {
    Failure::new(Kind::File, format!("{name} cannot be read: {error}"))
        .with_path(name.to_owned())
        .with_hint("check its name and its permissions")
}

/// Words an error without its place, whose line is always the first.
fn without_place(error: &serde_json::Error) -> String {
    if error.is_eof() {
        return "it stops in the middle".to_owned();
    }
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(&*text, |(reason, _)| reason).to_owned()
}
