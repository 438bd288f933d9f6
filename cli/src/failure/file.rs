//! What can be wrong with a file.

use std::{
    error::Error,
    fs, io,
    path::{Path, PathBuf},
};

use tcss_export::{
    driver::{FileError, FileErrorKind},
    text::printable,
};

use super::{Failure, Kind, hints, service::with_sources};

impl Failure {
    /// Tells what is wrong with a file that the user has named.
    pub(crate) fn of_file(path: &Path, what: &str) -> Self {
        let path = printable(&path.display().to_string()).to_string();
        Self::new(Kind::File, format!("{path} {what}")).with_path(path)
    }

    /// Tells what is wrong with the file of a download, or with stdout if there is no target.
    pub(crate) fn of_target(error: &FileError, target: Option<&Path>) -> Self {
        let failure = Self::new(Kind::File, with_sources(error));
        let failure = failure.with_hint(hint(error));
        let (Some(path), Some(target)) = (error.path(), target) else { return failure };
        let (path, named) = (format!("{path:?}"), format!("{:?}", named(error, path, target)));
        Self { message: failure.message.replacen(&path, &named, 1), ..failure }.with_path(named)
    }
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

fn hint(error: &FileError) -> &'static str {
    let source = error.source().and_then(|source| source.downcast_ref::<io::Error>());
    match (error.kind(), source.map(io::Error::kind)) {
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
