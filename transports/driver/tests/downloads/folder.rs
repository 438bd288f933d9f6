//! What stands in a folder, and errors of files.

#[path = "../../../../tests/common/folder.rs"]
mod common;

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use tcss_export_driver::{DownloadError, FileError, FileErrorKind};

pub(crate) use common::Folder;

use crate::world::End;

impl Folder {
    /// Writes a file and returns its path.
    pub(crate) fn with(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        fs::write(self.at(name), bytes).expect("a file");
        self.at(name)
    }
}

pub(crate) fn read(path: impl AsRef<Path>) -> Vec<u8> {
    fs::read(path).expect("a file that can be read")
}

pub(crate) fn mode(path: impl AsRef<Path>) -> u32 {
    fs::metadata(path).expect("a file").permissions().mode() & 0o7777
}

pub(crate) fn inode(path: impl AsRef<Path>) -> u64 {
    fs::symlink_metadata(path).expect("a file").ino()
}

/// Returns the error of a file that a download ended by.
#[track_caller]
pub(crate) fn file_error(end: End) -> FileError {
    match end {
        Err(DownloadError::File(error)) => error,
        end => panic!("expected an error of a file, got {end:?}"),
    }
}

#[track_caller]
pub(crate) fn file_error_kind(end: End) -> FileErrorKind {
    file_error(end).kind()
}
