//! The recording of a wait in a file.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use serde_json::Value;
use tcss_export::TranscriptLine;

use crate::{
    error::{Error, hints},
    secrets::masked,
};

/// A file that gets each line of the transcript at once.
pub(crate) struct Recording {
    file: File,
    path: PathBuf,
    /// The file was created here and is still empty.
    is_new: bool,
}

impl Recording {
    /// Creates the file, for its owner only; `force` allows the replacement of an existing one.
    pub(crate) fn create(path: &Path, force: bool) -> Result<Self, Error> {
        let mut options = OpenOptions::new();
        options.write(true);
        if force {
            options.create(true).truncate(true);
        } else {
            options.create_new(true);
        }
        let file = for_owner(&mut options).open(path).map_err(|error| refused(path, &error))?;
        restrict_to_owner(&file).map_err(|error| refused(path, &error))?;
        Ok(Self { file, path: path.to_owned(), is_new: !force })
    }

    pub(crate) fn write(&mut self, lines: &[TranscriptLine]) -> Result<(), Error> {
        lines
            .iter()
            .try_for_each(|line| {
                let line = without_secrets(line)? + "\n";
                // One call per line, so that a kill leaves whole lines.
                self.file.write_all(line.as_bytes())?;
                self.is_new = false;
                Ok(())
            })
            .map_err(|error| {
                self.remove_if_new();
                refused(&self.path, &error)
            })
    }

    /// Removes a file that would be in the way of the next recording.
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

/// Sets the mode of an existing file; a pipe or a device keeps its own.
#[cfg(unix)]
fn restrict_to_owner(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;

    match file.metadata()?.is_file() {
        true => file.set_permissions(fs::Permissions::from_mode(0o600)),
        false => Ok(()),
    }
}

#[cfg(not(unix))]
fn restrict_to_owner(_file: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
fn for_owner(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

fn refused(path: &Path, error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::AlreadyExists => Error::of_file(path, "exists").with_hint(hints::EXISTS),
        kind => Error::of_file(path, &format!("cannot be written: {error}"))
            .with_hint(hints::of_io(kind)),
    }
}

/// Masks secrets that the service may echo. Answers and decisions are masked alike, so that a replay
/// decides the same.
fn without_secrets(line: &TranscriptLine) -> serde_json::Result<String> {
    let mut value = serde_json::to_value(line)?;
    mask(&mut value);
    // The type has its members in an order for people.
    serde_json::to_string(&serde_json::from_value::<TranscriptLine>(value)?)
}

fn mask(value: &mut Value) {
    match value {
        Value::String(text) => *text = masked(text),
        Value::Array(values) => values.iter_mut().for_each(mask),
        Value::Object(members) => {
            let is_from_service =
                |name: &str| !["line", "action", "site", "job_id"].contains(&name);
            let members = members.iter_mut().filter(|(name, _)| is_from_service(name));
            members.for_each(|(_, value)| mask(value));
        }
        _ => {}
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
