//! A file that only one download has open at a time.

use std::{
    fs::{self, File, Metadata, OpenOptions, TryLockError},
    io::{self, ErrorKind},
    path::Path,
};

use super::{
    file_error::{FileError, FileErrorKind},
    files::{folder, is_at, remove},
};

/// Whoever puts another file there each time is a download, too, as far as can be known.
const MOST_TRIES: u32 = 100;

/// Opens a part that nobody else has open; a new one, if there is none.
pub(super) fn open_locked(path: &Path) -> Result<File, FileError> {
    for _ in 0..MOST_TRIES {
        let Some(file) = open_part(path).map_err(FileError::io(FileErrorKind::Open, path))? else {
            continue;
        };
        if let Err(error) = file.try_lock() {
            let error = lock_error(error, path);
            if error.kind() == FileErrorKind::Lock {
                remove_if_empty(&file, path);
            }
            return Err(error);
        }
        if is_free(&file, path).map_err(FileError::io(FileErrorKind::Open, path))? {
            return Ok(file);
        }
    }
    Err(FileError::new(FileErrorKind::Busy, path))
}

/// Where there are no locks, nothing would keep another download from writing to the same part.
fn lock_error(error: TryLockError, path: &Path) -> FileError {
    match error {
        TryLockError::WouldBlock => FileError::new(FileErrorKind::Busy, path),
        TryLockError::Error(error) => FileError::io(FileErrorKind::Lock, path)(error),
    }
}

fn remove_if_empty(file: &File, path: &Path) {
    if file.metadata().is_ok_and(|metadata| metadata.len() == 0) {
        let _ = remove(path);
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
    // It is given up if it has another name, the target of a download that did not come to its end,
    // or an owner who could go on changing it.
    if has_another_name(&file.metadata()?) || is_foreign(file, path)? {
        remove(path)?;
        return Ok(false);
    }
    Ok(true)
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

/// Tells whether somebody else has put the file there, in a folder that others can write to.
#[cfg(unix)]
fn is_foreign(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::{fd::OwnedFd, unix::fs::MetadataExt};

    const OTHERS_WRITE: u32 = 0o022;
    if fs::metadata(folder(path))?.mode() & OTHERS_WRITE == 0 {
        return Ok(false);
    }
    // Whoever makes a pipe owns it, and std has no other way to ask who that is.
    let (pipe, _) = io::pipe()?;
    let own = File::from(OwnedFd::from(pipe)).metadata()?.uid();
    Ok(file.metadata()?.uid() != own)
}

#[cfg(not(unix))]
fn is_foreign(_: &File, _: &Path) -> io::Result<bool> {
    Ok(false)
}

#[cfg(all(test, unix))]
mod tests {
    use std::{env, process};

    use super::*;

    #[test]
    fn without_locks_there_is_no_download() {
        let none = TryLockError::Error(ErrorKind::Unsupported.into());
        let error = lock_error(none, Path::new("a"));
        assert_eq!(error.to_string(), "\"a\" cannot be locked");
        assert_eq!(error.kind(), FileErrorKind::Lock);
        let busy = lock_error(TryLockError::WouldBlock, Path::new("a"));
        assert_eq!(busy.kind(), FileErrorKind::Busy);
    }

    #[test]
    fn a_part_that_took_the_place_of_an_old_one_stays() {
        let folder = env::temp_dir().join(format!("tcss-export-locked-{}", process::id()));
        fs::create_dir(&folder).expect("a folder");
        let part = folder.join(".a.csv.part");
        let old = open_locked(&part).expect("a new part");
        fs::hard_link(&part, folder.join("backup")).expect("a link");
        fs::rename(&part, folder.join("a.csv")).expect("its place");
        let new = open_locked(&part).expect("another part");
        assert!(!is_free(&old, &part).expect("an answer"));
        assert!(is_at(&new, &part).expect("an answer"));
        fs::remove_dir_all(folder).expect("the folder");
    }
}
