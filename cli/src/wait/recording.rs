//! The file that a wait is written down to.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use serde_json::Value;
use tcss_export::TranscriptLine;

use crate::{
    failure::{Failure, hints},
    terminal::masking::masked,
};

/// A transcript in the making: every line is in the file as soon as it is known.
pub(crate) struct Recording {
    file: File,
    path: PathBuf,
    /// It was made here, and nothing is in it.
    is_new: bool,
}

impl Recording {
    /// Creates the file, for its owner alone; one that exists is replaced only by `force`.
    pub(crate) fn create(path: &Path, force: bool) -> Result<Self, Failure> {
        let mut options = OpenOptions::new();
        options.write(true);
        if force {
            options.create(true).truncate(true);
        } else {
            options.create_new(true);
        }
        let file = for_owner(&mut options).open(path).map_err(|error| refused(path, &error))?;
        keep_for_owner(&file).map_err(|error| refused(path, &error))?;
        Ok(Self { file, path: path.to_owned(), is_new: !force })
    }

    pub(crate) fn write(&mut self, lines: &[TranscriptLine]) -> Result<(), Failure> {
        lines
            .iter()
            .try_for_each(|line| {
                let line = without_secrets(line)? + "\n";
                // In one call, so that no process that ends leaves half a line.
                self.file.write_all(line.as_bytes())?;
                self.is_new = false;
                Ok(())
            })
            .map_err(|error| {
                self.remove_if_new();
                refused(&self.path, &error)
            })
    }

    /// It would be in the way of the next one.
    fn remove_if_new(&self) {
        if self.is_new {
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(unix)]
fn for_owner(options: &mut OpenOptions) -> &mut OpenOptions {
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600)
}

/// A file that was there keeps its mode when it is opened. What is no file, such as a pipe or a
/// device, is left alone.
#[cfg(unix)]
fn keep_for_owner(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;

    match file.metadata()?.is_file() {
        true => file.set_permissions(fs::Permissions::from_mode(0o600)),
        false => Ok(()),
    }
}

#[cfg(not(unix))]
fn keep_for_owner(_file: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
fn for_owner(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

fn refused(path: &Path, error: &io::Error) -> Failure {
    if error.kind() == io::ErrorKind::AlreadyExists {
        return Failure::of_file(path, "exists").with_hint(hints::EXISTS);
    }
    let failure = Failure::of_file(path, &format!("cannot be written: {error}"));
    failure.with_hint(hints::of_io(error.kind()))
}

/// Masks what a message of the service could echo. What came and what was decided by it are masked
/// alike, so that a replay decides the same.
fn without_secrets(line: &TranscriptLine) -> serde_json::Result<String> {
    let mut value = serde_json::to_value(line)?;
    mask(&mut value);
    // By way of the line, which has its members in an order for people.
    serde_json::to_string(&serde_json::from_value::<TranscriptLine>(value)?)
}

fn mask(value: &mut Value) {
    match value {
        Value::String(text) => *text = masked(text),
        Value::Array(values) => values.iter_mut().for_each(mask),
        Value::Object(members) => {
            let of_service = |name: &str| !["line", "action", "site", "job_id"].contains(&name);
            let masked = members.iter_mut().filter(|(name, _)| of_service(name));
            masked.for_each(|(_, value)| mask(value));
        }
        _ => {}
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::{env, process};

    use tcss_export::{Credentials, Endpoint, JobId, Session, ureq::Client};

    use super::*;

    /// Returns the first line of a wait that has not begun.
    fn lines() -> Vec<TranscriptLine> {
        let credentials = Credentials::new("AKIDEXAMPLE", "EXAMPLEKEY").expect("made up");
        let client = Client::new(Session::new(Endpoint::international()), credentials);
        let mut wait = client.follow(JobId::new("J").expect("an id"));
        wait.record();
        wait.take_transcript()
    }

    #[test]
    fn a_new_file_that_takes_no_line_is_not_left_in_the_way() {
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
