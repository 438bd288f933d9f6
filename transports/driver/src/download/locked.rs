//! A file that only one download has open at a time.

use std::{
    fs::{self, File, Metadata, OpenOptions, TryLockError},
    io::{self, ErrorKind},
    path::Path,
};

use super::file_error::{FileError, FileErrorKind};

/// Opens a part that nobody else has open; a new one, if there is none.
pub(super) fn open_locked(path: &Path) -> Result<File, FileError> {
    let failed = FileError::io(FileErrorKind::Open, path);
    loop {
        let Some(file) = open_part(path).map_err(FileError::io(FileErrorKind::Open, path))? else {
            continue;
        };
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(FileError::new(FileErrorKind::Busy, path));
            }
            // Not every file system has locks.
            Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => {}
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        match is_free(&file, path) {
            Ok(true) => return Ok(file),
            Ok(false) => {}
            Err(error) => return Err(failed(error)),
        }
    }
}

/// Tells whether the path leads to this file, whoever may have put another one there.
pub(super) fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(found) => Ok(is_same(&file.metadata()?, &found)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Removes a file that may not be there.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Opens the part or makes one; `None` if it was there and is gone.
fn open_part(path: &Path) -> io::Result<Option<File>> {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    // The first does not follow a link that someone has put there.
    match options.clone().create_new(true).open(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        opened => return opened.map(Some),
    }
    match fs::symlink_metadata(path) {
        Ok(found) if !found.is_file() => Err(io::Error::other("it is not a regular file")),
        Ok(_) => options.open(path).map(Some),
        Err(error) => Err(error),
    }
    .or_else(|error| if error.kind() == ErrorKind::NotFound { Ok(None) } else { Err(error) })
}

/// Tells whether a part that is locked now may be written to.
fn is_free(file: &File, path: &Path) -> io::Result<bool> {
    // Whoever had it before may have put it in its place meanwhile.
    if !is_at(file, path)? {
        return Ok(false);
    }
    // The other name is the target of a download that did not come to its end: this one is given
    // up.
    if has_another_name(&file.metadata()?) {
        remove(path)?;
        return Ok(false);
    }
    Ok(true)
}

#[cfg(unix)]
fn is_same(a: &Metadata, b: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;

    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

#[cfg(not(unix))]
fn is_same(_: &Metadata, b: &Metadata) -> bool {
    b.is_file()
}

#[cfg(unix)]
fn has_another_name(metadata: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;

    metadata.nlink() > 1
}

#[cfg(not(unix))]
fn has_another_name(_: &Metadata) -> bool {
    false
}
