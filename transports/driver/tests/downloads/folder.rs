//! Folders of their own for tests, gone when they are done.

use std::{
    env, fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU32, Ordering},
};

use tcss_export_driver::{DownloadFailure, FileError, FileErrorKind};

use crate::world::End;

/// An empty folder of the system's place for such.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("tcss-export-{}-{count}", process::id()));
        fs::create_dir(&path).expect("a folder");
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file and returns its path.
    pub(crate) fn with(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        fs::write(self.at(name), bytes).expect("a file");
        self.at(name)
    }

    /// Returns the names of what is there, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).expect("a folder");
        let name = |entry: fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
        let mut names: Vec<_> = entries.map(|entry| name(entry.expect("an entry"))).collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
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
        Err(DownloadFailure::File(error)) => error,
        end => panic!("expected an error of a file, got {end:?}"),
    }
}

#[track_caller]
pub(crate) fn file_error_kind(end: End) -> FileErrorKind {
    file_error(end).kind()
}
