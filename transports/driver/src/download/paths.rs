//! The names of a target, its part and its note.

use std::{
    ffi::OsString,
    fs,
    io::ErrorKind,
    path::{Path, PathBuf, is_separator},
};

use super::{
    file_error::{FileError, FileErrorKind},
    files::folder,
};

/// Fails where no file can get this name.
pub(super) fn check_target(path: &Path, replaces: bool) -> Result<(), FileError> {
    let text = path.as_os_str().to_string_lossy();
    // `new/.` is a directory as well as `new/`.
    let text = text.strip_suffix('.').unwrap_or(&text);
    let is_directory = text.ends_with(is_separator);
    // A link would be replaced, not what it leads to: which must be no device all the same.
    let found = match fs::symlink_metadata(path) {
        Ok(link) if link.is_symlink() => Ok(fs::metadata(path).unwrap_or(link)),
        found => found,
    };
    match found {
        _ if is_directory => Err(FileError::new(FileErrorKind::Directory, path)),
        Ok(found) if found.is_dir() => Err(FileError::new(FileErrorKind::Directory, path)),
        Ok(found) if !found.is_file() && !found.is_symlink() || is_descriptor(path) => {
            Err(FileError::new(FileErrorKind::NotAFile, path))
        }
        Ok(_) if !replaces => Err(FileError::new(FileErrorKind::Exists, path)),
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        // Its name is too long, say, while that of the part would not be.
        Err(error) => Err(FileError::io(FileErrorKind::Open, path)(error)),
    }
}

/// Whether it is a name for a file that the process has open, such as `/dev/stdout`: the name would
/// be replaced, and for the whole system.
fn is_descriptor(path: &Path) -> bool {
    let Ok(to) = fs::read_link(path) else { return false };
    let is_in_proc = |path: &Path| path.starts_with("/proc");
    is_in_proc(&to) || fs::canonicalize(folder(path)).is_ok_and(|folder| is_in_proc(&folder))
}

/// The longest name that file systems take.
const LONGEST_NAME: usize = 255;
const PART_SUFFIX: &str = ".part";
const NOTE_SUFFIX: &str = ".part.json";

/// Returns the paths of part and note, with hidden names beside the target.
pub(super) fn beside(target: &Path) -> Result<[PathBuf; 2], FileError> {
    let name = target.file_name();
    let name = name.ok_or_else(|| FileError::new(FileErrorKind::NoName, target))?;
    let mut stem = OsString::from(".");
    stem.push(name);
    let room = LONGEST_NAME - NOTE_SUFFIX.len();
    if stem.len() > room {
        // Two targets that share it share both, and cannot be mixed up: the note names the file,
        // and the part is locked.
        let text = stem.to_string_lossy();
        let ends = text.char_indices().map(|(at, c)| at + c.len_utf8());
        let end = ends.take_while(|end| *end <= room).last();
        stem = text.get(..end.unwrap_or_default()).unwrap_or_default().into();
    }
    Ok([PART_SUFFIX, NOTE_SUFFIX].map(|suffix| {
        let mut name = stem.clone();
        name.push(suffix);
        target.with_file_name(name)
    }))
}
