//! The recording of a wait in a file.

#[cfg(unix)]
use std::os::unix::fs::OpenOptionsExt;
use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use serde_json::Value;
use tcss_export::core::wait::TranscriptLine;

use crate::{
    error::{Error, Result, hints},
    output::json,
    secrets::{masked, without_keys},
};

/// A file that gets each line of the transcript at once.
pub(crate) struct Recording {
    file: File,
    path: PathBuf,
    /// The temporary file. It replaces the old file after the first exchange.
    part: Option<PathBuf>,
    /// The file was created here and is still empty.
    is_new: bool,
}

impl Recording {
    /// Creates the file for its owner only. `force` allows it to replace an existing file, or to
    /// write to a pipe or a device.
    pub(crate) fn create(path: &Path, force: bool) -> Result<Self> {
        let part = (force && is_replaceable(path)).then(|| part_of(path));
        let file = match &part {
            Some(part) => remove(part).and_then(|()| new_file(part)),
            None if force => OpenOptions::new().write(true).open(path),
            None => new_file(path),
        };
        let file = file.map_err(|error| refused(path, &error))?;
        Ok(Self { file, path: path.to_owned(), part, is_new: !force })
    }

    pub(crate) fn write(&mut self, lines: &[TranscriptLine]) -> Result<()> {
        let written = self.try_write(lines);
        written.map_err(|error| self.failed(&error))
    }

    /// Writes a picture instead of lines.
    pub(crate) fn save(mut self, picture: &str) -> Result<()> {
        let written = self.file.write_all(picture.as_bytes()).and_then(|()| self.replace());
        written.map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &io::Error) -> Error {
        if self.is_new {
            // The empty file would prevent the next recording.
            let _ = fs::remove_file(&self.path);
        }
        refused(&self.path, error)
    }

    fn try_write(&mut self, lines: &[TranscriptLine]) -> io::Result<()> {
        for line in lines {
            let text = without_secrets(line)?;
            // Write each line in one call, so that a killed process leaves no partial line.
            self.file.write_all(text.as_bytes())?;
            self.is_new = false;
        }
        match lines.iter().any(|line| matches!(line, TranscriptLine::Polled(_))) {
            true => self.replace(),
            false => Ok(()),
        }
    }

    /// Replaces the old file, if there is one. A symbolic link is replaced itself, not its target.
    fn replace(&mut self) -> io::Result<()> {
        self.part.take().map_or(Ok(()), |part| fs::rename(part, &self.path))
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        if let Some(part) = &self.part {
            let _ = fs::remove_file(part);
        }
    }
}

/// Returns whether a rename may replace this path: not a pipe, a device or a link to an open file,
/// such as `/dev/stdout`.
fn is_replaceable(path: &Path) -> bool {
    let is_descriptor = fs::read_link(path).is_ok_and(|to| to.starts_with("/proc"));
    !is_descriptor && fs::metadata(path).map_or(true, |found| found.is_file())
}

fn part_of(path: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".part");
    path.with_file_name(name)
}

fn new_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    options.mode(0o600);
    options.open(path)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

fn refused(path: &Path, error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::AlreadyExists => Error::of_file(path, "exists").with_hint(hints::EXISTS),
        kind => Error::of_file(path, &format!("cannot be written: {error}"))
            .with_hint(hints::of_io(kind))
            .or_limit(error),
    }
}

/// Masks secrets that the service may echo. Answers and decisions are masked alike, so that a
/// replay decides the same.
fn without_secrets(line: &TranscriptLine) -> serde_json::Result<String> {
    let mut value = serde_json::to_value(line)?;
    mask(&mut value);
    // The type has its members in an order for people.
    Ok(json(&serde_json::from_value::<TranscriptLine>(value)?))
}

/// Masks the texts of the service. The others are words of the recording, which a secret may equal.
fn mask(value: &mut Value) {
    let Value::Object(members) = value else { return };
    for (name, value) in members {
        match (&**name, value) {
            ("request_id", Value::String(id)) => *id = without_keys(id),
            // `Encoding` and `Unknown` are variants that hold a text.
            (
                "code" | "message" | "failure_message" | "download_url" | "host" | "content_type"
                | "snippet" | "outcome" | "Encoding" | "Unknown",
                Value::String(text),
            ) => *text = masked(text),
            (_, value) => mask(value),
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::{env, process};

    use tcss_export::{Credentials, Endpoint, JobId, Session, hyper::Client};

    use super::*;

    /// Returns the first line of a wait.
    fn lines() -> Vec<TranscriptLine> {
        let credentials = Credentials::new("AKIDEXAMPLE", "EXAMPLEKEY").expect("made up");
        let client = Client::new(Session::new(Endpoint::international()), credentials);
        let mut wait = client.follow(JobId::new("J").expect("an id"));
        wait.record();
        wait.take_transcript()
    }

    #[test]
    fn a_new_file_without_a_line_is_removed() {
        for (before, is_left) in [(0, false), (1, true)] {
            let path = env::temp_dir().join(format!("tcss-export-recording-{}", process::id()));
            let mut recording = Recording::create(&path, false).expect("a new file");
            (0..before).for_each(|_| recording.write(&lines()).expect("written"));
            recording.file = File::options().write(true).open("/dev/full").expect("a full disk");
            recording.write(&lines()).expect_err("no room");
            assert_eq!(fs::remove_file(&path).is_ok(), is_left);
        }
    }
}
