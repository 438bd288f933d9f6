//! The state of a run in a file, so that a later run continues where a killed one stopped.

#[cfg(unix)]
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::{
    fmt::Display,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tcss_export::{
    JobId, Target,
    core::{Creation, Wall},
};

use crate::error::{Error, Result};

const VERSION: u32 = 1;
/// Real ones have a few kilobytes, but the arguments may have megabytes of ids.
const SIZE_LIMIT: u64 = 16 << 20;
/// How often the file may be replaced while it is opened.
const MOST_TRIES: u32 = 100;

/// What is known about an export. It contains no secret and no URL of a file.
#[derive(Serialize, Deserialize)]
pub(crate) struct State {
    version: u32,
    pub(crate) site: String,
    /// The id of a permanent key.
    pub(crate) secret_id: Option<String>,
    pub(crate) creation: Creation,
    #[serde(flatten)]
    pub(crate) phase: Phase,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "snake_case")]
pub(crate) enum Phase {
    /// The job may have been created.
    Creating,
    /// The job exists, and its file is to be downloaded.
    Waiting { job_id: JobId },
    /// The file is complete.
    Done { result: Value },
}

impl State {
    pub(crate) const fn new(site: String, secret_id: Option<String>, creation: Creation) -> Self {
        Self { version: VERSION, site, secret_id, creation, phase: Phase::Creating }
    }
}

/// A state file that no other process uses.
pub(crate) struct StateFile {
    path: PathBuf,
    /// Holds the lock.
    file: File,
    /// `None` in a new file, and if no job is under way.
    state: Option<State>,
}

impl StateFile {
    /// Opens or creates the file for its owner only, locks it and reads the state.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let mut file = Self::lock(path)?;
        file.state = file.read()?;
        Ok(file)
    }

    fn lock(path: &Path) -> Result<Self> {
        let unusable = |problem: &dyn Display| {
            Error::of_file(path, &format!("cannot be used: {problem}"))
                .with_hint("give --state a regular file in a folder that can be written to")
        };
        for _ in 0..MOST_TRIES {
            if fs::symlink_metadata(path).is_ok_and(|found| !found.is_file()) {
                return Err(unusable(&"it is not a regular file"));
            }
            let file = options().open(path);
            let file = file.map_err(|error| unusable(&error).or_limit(&error))?;
            match file.try_lock() {
                Ok(()) if is_at(&file, path) => {
                    return Ok(Self { path: path.to_owned(), file, state: None });
                }
                // Another run has replaced it meanwhile.
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    return Err(Error::of_file(path, "is in use by another run")
                        .with_hint("wait until it has ended, or give --state another file"));
                }
                Err(TryLockError::Error(error)) => return Err(unusable(&error)),
            }
        }
        Err(unusable(&"something replaces it again and again"))
    }

    pub(crate) const fn state(&self) -> Option<&State> {
        self.state.as_ref()
    }

    fn read(&self) -> Result<Option<State>> {
        let mut text = String::new();
        let read = (&self.file).take(SIZE_LIMIT).read_to_string(&mut text);
        read.map_err(|error| self.unreadable(&error))?;
        if text.is_empty() {
            return Ok(None);
        }
        let version = serde_json::from_str::<Value>(&text).map(|state| state["version"].clone());
        match version.map_err(|error| self.unreadable(&error))? {
            version if version == VERSION => {}
            version => {
                return Err(self.unreadable(&format_args!(
                    "expected version {VERSION}, got version {version}"
                )));
            }
        }
        serde_json::from_str(&text).map(Some).map_err(|error| self.unreadable(&error))
    }

    fn unreadable(&self, problem: &dyn Display) -> Error {
        Error::of_file(&self.path, &format!("cannot be read as a state: {problem}"))
            .with_hint("look for the job with jobs, then give --state another file")
    }

    /// Replaces the state durably: after a crash the file has the old or the new one.
    pub(crate) fn set(&mut self, state: Option<State>) -> Result<()> {
        let json = state.as_ref().map(serde_json::to_vec).transpose();
        let replaced = json.map_err(io::Error::from);
        let replaced = replaced.and_then(|json| self.replaced(&json.unwrap_or_default()));
        self.file = replaced.map_err(|error| {
            Error::of_file(&self.path, &format!("cannot be written: {error}")).or_limit(&error)
        })?;
        self.state = state;
        Ok(())
    }

    /// Sets the phase of the export that is under way.
    pub(crate) fn set_phase(&mut self, phase: Phase) -> Result<()> {
        match self.state.take() {
            Some(state) => self.set(Some(State { phase, ..state })),
            None => Ok(()),
        }
    }

    /// Records when the create is sent again. If that cannot be written, the last time stays.
    pub(crate) fn repeat_at(&mut self, at: Wall) {
        let Some(state) = &mut self.state else { return };
        state.creation.repeat_at(at);
        let json = serde_json::to_vec(state).map_err(io::Error::from);
        if let Ok(file) = json.and_then(|json| self.replaced(&json)) {
            self.file = file;
        }
    }

    fn replaced(&self, bytes: &[u8]) -> io::Result<File> {
        let new = new_path(&self.path);
        // A killed run may have left it. It may also be a link, or belong to somebody else.
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = options().create_new(true).open(&new)?;
        // From the rename on, it is this file that others lock.
        file.try_lock().map_err(io::Error::from)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&new, &self.path)?;
        // Not all file systems can sync a folder.
        let _ = File::open(folder(&self.path)).and_then(|folder| folder.sync_all());
        Ok(file)
    }
}

/// Returns the path of the next state, until it is complete.
fn new_path(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    path.with_file_name(name)
}

fn folder(path: &Path) -> &Path {
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    folder.unwrap_or_else(|| Path::new("."))
}

/// Returns whether the state, or its temporary file, has the path of a file of the download.
pub(crate) fn shares_file(path: &Path, output: &Target) -> bool {
    // The download itself refuses a path without a name.
    let outputs = output.paths().into_iter().flatten();
    let states = [path, &*new_path(path)].map(place);
    outputs.map(|output| place(&output)).any(|output| states.contains(&output))
}

/// Returns the path through the real folder, if it exists.
fn place(path: &Path) -> PathBuf {
    let real = fs::canonicalize(folder(path));
    let real = real.map(|real| real.join(path.file_name().unwrap_or_default()));
    real.unwrap_or_else(|_| path.to_owned())
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true);
    #[cfg(unix)]
    options.mode(0o600);
    options
}

/// Returns whether the path still leads to this open file.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    let id = |found: fs::Metadata| (found.dev(), found.ino());
    let ids = (file.metadata().map(id), fs::metadata(path).map(id));
    matches!(ids, (Ok(opened), Ok(found)) if opened == found)
}

#[cfg(not(unix))]
const fn is_at(_: &File, _: &Path) -> bool {
    true
}
