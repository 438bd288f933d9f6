//! What can be wrong with a file.

use std::{
    error::Error,
    fs, io,
    path::{Path, PathBuf},
};

use tcss_export::{
    driver::{FileError, FileErrorKind, Target},
    text::printable,
};

use super::{Again, Failure, Kind, hints, service::with_sources};

impl Failure {
    /// Tells what is wrong with a file that the user has named.
    pub(crate) fn of_file(path: &Path, what: &str) -> Self {
        let path = printable(&path.display().to_string()).to_string();
        Self::new(Kind::File, format!("{path} {what}")).with_path(path)
    }

    /// Tells what is wrong with the file of a download, or with stdout if there is no target.
    pub(crate) fn of_target(error: &FileError, target: Option<&Path>) -> Self {
        let failure = Self::new(Kind::File, with_sources(error)).with_again(again(error));
        let (Some(path), Some(target)) = (error.path(), target) else {
            return failure.with_hint(hint_of_stdout(error));
        };
        let hint = match error.kind() {
            _ if is_in_the_way(path, target) => hints::IN_THE_WAY,
            FileErrorKind::Exists if Target::new(target).has_part() => hints::EXISTS_BESIDE_PART,
            _ => hint(error),
        };
        let (path, named) = (format!("{path:?}"), format!("{:?}", named(error, path, target)));
        let message = failure.message.replacen(&path, &named, 1);
        Self { message, ..failure }.with_hint(hint).with_path(named)
    }
}

/// The same command meets the same file again.
const fn again(error: &FileError) -> Again {
    match error.kind() {
        FileErrorKind::Exists | FileErrorKind::Directory | FileErrorKind::NotAFile => Again::Never,
        _ => Again::AsItWas,
    }
}

/// Whether what has the name of the part or of its note is no file.
fn is_in_the_way(path: &Path, target: &Path) -> bool {
    path != target && fs::symlink_metadata(path).is_ok_and(|found| !found.is_file())
}

/// Returns the path to show: what is wrong with a part that is not there, or that another download
/// is at, is wrong with the target, whose name the user knows.
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
        None => hints::of_kind(Kind::File),
    }
}

fn hint(error: &FileError) -> &'static str {
    match (error.kind(), io_kind(error)) {
        (FileErrorKind::Lock, _) => hints::NO_LOCKS,
        (_, Some(io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)) => hints::NO_ROOM,
        // No error of the system: another file has taken the name of the part.
        (FileErrorKind::Write | FileErrorKind::Rename, Some(io::ErrorKind::Other)) => {
            hints::PART_REMOVED
        }
        (_, Some(kind)) => hints::of_io(kind),
        (FileErrorKind::NoName | FileErrorKind::Directory, None) => hints::NO_FILE,
        (FileErrorKind::NotAFile, None) => hints::NOT_A_FILE,
        (FileErrorKind::Exists, None) => hints::EXISTS,
        (FileErrorKind::Busy, None) => hints::BUSY,
        (_, None) => hints::of_kind(Kind::File),
    }
}
