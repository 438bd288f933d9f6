//! Opens a part file exclusively, and renames it safely.

use std::{
    fs::{self, File, Metadata, OpenOptions, TryLockError},
    io::{self, ErrorKind},
    path::Path,
};

use super::error::{FileError, FileErrorKind};

/// After this many replacements of the part file, assume that another download owns it.
const MOST_TRIES: u32 = 100;

/// Opens and locks a part file, or creates one.
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
        if is_usable(&file, path).map_err(FileError::io(FileErrorKind::Open, path))? {
            return Ok(file);
        }
    }
    Err(FileError::new(FileErrorKind::Busy, path))
}

/// Explains why a file is not locked. Without locks, another download could write to the same part
/// file.
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

/// Opens or creates the part file; `None` if it vanished in the meantime.
fn open_part(path: &Path) -> io::Result<Option<File>> {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    // `create_new` does not follow a planted link.
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

/// Returns whether a part file that is locked now may be written to.
fn is_usable(file: &File, path: &Path) -> io::Result<bool> {
    // Its last owner may have renamed it to the target before it released the lock.
    if !is_at(file, path)? {
        return Ok(false);
    }
    // With a second name it may be the target of a download that was killed. A foreign owner could
    // still change it.
    if has_another_name(&file.metadata()?) || is_foreign(file, path)? {
        remove(path)?;
        return Ok(false);
    }
    Ok(true)
}

/// Returns whether the path still names this file.
pub(super) fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(found) => Ok(is_same(&file.metadata()?, &found)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Removes a file if it exists.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Renames to a name that must not exist.
pub(super) fn rename_to_new(from: &Path, to: &Path) -> io::Result<()> {
    match fs::hard_link(from, to) {
        Ok(()) => {
            // If this fails, the next download removes the old name.
            let _ = remove(from);
            Ok(())
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(error),
        // A file system without hard links: check and rename are not atomic.
        Err(_) => match fs::symlink_metadata(to) {
            Err(error) if error.kind() == ErrorKind::NotFound => fs::rename(from, to),
            Err(error) => Err(error),
            Ok(_) => Err(ErrorKind::AlreadyExists.into()),
        },
    }
}

/// Syncs the directory, so that the new name survives a crash of the system.
pub(super) fn sync_directory(target: &Path) -> io::Result<()> {
    if cfg!(not(unix)) {
        return Ok(());
    }
    File::open(folder(target))?.sync_all()
}

/// Returns the folder of a file.
pub(super) fn folder(path: &Path) -> &Path {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or_else(|| Path::new("."))
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

/// Returns whether another user owns the file, in a folder that others can write to.
#[cfg(unix)]
fn is_foreign(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::{fd::OwnedFd, unix::fs::MetadataExt};

    const OTHERS_WRITE: u32 = 0o022;
    if fs::metadata(folder(path))?.mode() & OTHERS_WRITE == 0 {
        return Ok(false);
    }
    // The owner of a new pipe is the effective user; std has no other way to ask for it.
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
    fn without_locks_a_download_is_refused() {
        let none = TryLockError::Error(ErrorKind::Unsupported.into());
        let error = lock_error(none, Path::new("a"));
        assert_eq!(error.to_string(), "\"a\" cannot be locked");
        assert_eq!(error.kind(), FileErrorKind::Lock);
        let busy = lock_error(TryLockError::WouldBlock, Path::new("a"));
        assert_eq!(busy.kind(), FileErrorKind::Busy);
    }

    #[test]
    fn a_new_part_file_survives_the_check_of_an_old_one_with_the_same_name() {
        let folder = env::temp_dir().join(format!("tcss-export-locked-{}", process::id()));
        fs::create_dir(&folder).expect("a folder");
        let part = folder.join(".a.csv.part");
        let old = open_locked(&part).expect("a new part file");
        fs::hard_link(&part, folder.join("backup")).expect("a link");
        fs::rename(&part, folder.join("a.csv")).expect("a rename");
        let new = open_locked(&part).expect("another part file");
        assert!(!is_usable(&old, &part).expect("an answer"));
        assert!(is_at(&new, &part).expect("an answer"));
        fs::remove_dir_all(folder).expect("the folder");
    }
}
