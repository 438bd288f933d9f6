//! Errors of files.

use std::{
    error::Error as StdError,
    fs, io,
    path::{Path, PathBuf},
};

use tcss_export::{
    driver::{FileError, FileErrorKind, Target},
    text::printable,
};

use super::{Error, ErrorKind, NextCommand, hints};
use crate::text::with_sources;

impl Error {
    /// Creates the error of a file that the user named.
    pub(crate) fn of_file(path: &Path, what: &str) -> Self {
        let path = printable(&path.display().to_string()).to_string();
        Self::new(ErrorKind::File, format!("{path} {what}")).with_path(path)
    }

    /// Converts the error of a download's file, or of stdout without a target.
    pub(crate) fn of_target(error: &FileError, target: Option<&Path>) -> Self {
        let mut converted =
            Self::new(ErrorKind::File, with_sources(error)).with_next_command(next_command(error));
        let (Some(path), Some(target)) = (error.path(), target) else {
            return converted.with_hint(hint_of_stdout(error));
        };
        let hint = match error.kind() {
            _ if is_in_the_way(path, target) => hints::IN_THE_WAY,
            FileErrorKind::Exists if Target::new(target).has_part() => hints::EXISTS_BESIDE_PART,
            _ => hint(error),
        };
        let (path, named) = (format!("{path:?}"), format!("{:?}", named(error, path, target)));
        converted.facts.message = converted.facts.message.replacen(&path, &named, 1);
        converted.with_hint(hint).with_path(named)
    }
}

/// A target that cannot be used stays so for the same command.
const fn next_command(error: &FileError) -> NextCommand {
    match error.kind() {
        FileErrorKind::Exists | FileErrorKind::Directory | FileErrorKind::NotAFile => {
            NextCommand::None
        }
        _ => NextCommand::Same,
    }
}

/// Whether something else than a file has the name of the part file or of its metadata.
fn is_in_the_way(path: &Path, target: &Path) -> bool {
    path != target && fs::symlink_metadata(path).is_ok_and(|found| !found.is_file())
}

/// Returns the path to show: the target's, which the user knows, if the part file is absent or in
/// use by another download.
fn named(error: &FileError, path: &Path, target: &Path) -> PathBuf {
    let is_of_target = match error.kind() {
        FileErrorKind::Open => fs::symlink_metadata(path).is_err(),
        kind => kind == FileErrorKind::Busy,
    };
    if is_of_target { target.to_owned() } else { path.to_owned() }
}

fn io_kind(error: &FileError) -> Option<io::ErrorKind> {
    let source = error.source().and_then(|source| source.downcast_ref::<io::Error>());
    source.map(io::Error::kind)
}

fn hint_of_stdout(error: &FileError) -> &'static str {
    match io_kind(error) {
        Some(io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) => hints::NO_ROOM_TO_STDOUT,
        Some(kind) => hints::of_io(kind),
        None => hints::of_kind(ErrorKind::File),
    }
}

fn hint(error: &FileError) -> &'static str {
    match (error.kind(), io_kind(error)) {
        (FileErrorKind::Lock, _) => hints::NO_LOCKS,
        (_, Some(io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)) => hints::NO_ROOM,
        // Not an error of the system: another file has the name of the part file now.
        (FileErrorKind::Write | FileErrorKind::Rename, Some(io::ErrorKind::Other)) => {
            hints::PART_REMOVED
        }
        (_, Some(kind)) => hints::of_io(kind),
        (FileErrorKind::NoName | FileErrorKind::Directory, None) => hints::NO_FILE,
        (FileErrorKind::NotAFile, None) => hints::NOT_A_FILE,
        (FileErrorKind::Exists, None) => hints::EXISTS,
        (FileErrorKind::Busy, None) => hints::BUSY,
        (_, None) => hints::of_kind(ErrorKind::File),
    }
}
