//! Folders with parts of earlier downloads, and errors of files.

#[path = "../../../../tests/common/folder.rs"]
mod common;

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use tcss_export_driver::{DownloadError, FileError, FileErrorKind};

pub(crate) use common::Folder;

use crate::{
    server::File,
    transport::{ClientKind, DownloadResult, TestTransport, permanent_error},
};

/// The part file of `a.csv`.
pub(crate) const PART: &str = ".a.csv.part";
/// The part metadata of `a.csv`.
pub(crate) const METADATA: &str = ".a.csv.part.json";

/// The file of most tests.
pub(crate) fn file() -> File {
    File::new("id,status\r\n1,PASSED\r\n")
}

/// Returns a folder with the first ten bytes of the file as a part of `a.csv`.
pub(crate) fn interrupted() -> Folder {
    let folder = Folder::new();
    let transport = TestTransport::faulty(&file(), [|reply| reply.broken(10), permanent_error]);
    ClientKind::Blocking.download(&transport, folder.at("a.csv")).unwrap_err();
    assert_eq!(read(folder.at(PART)), file().bytes[..10]);
    assert_eq!(folder.names(), [PART, METADATA]);
    folder
}

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

/// Returns the file error that ended a download.
#[track_caller]
pub(crate) fn file_error(result: DownloadResult) -> FileError {
    match result {
        Err(DownloadError::File(error)) => error,
        result => panic!("expected a file error, got {result:?}"),
    }
}

#[track_caller]
pub(crate) fn file_error_kind(result: DownloadResult) -> FileErrorKind {
    file_error(result).kind()
}
