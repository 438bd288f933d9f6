use std::{
    ffi::OsString,
    fs,
    io::ErrorKind,
    path::{Path, PathBuf, is_separator},
};

use super::{
    file_error::{FileError, FileErrorKind},
    files::{folder, remove},
    part_file::PartFile,
};

/// The file that a download becomes.
///
/// It appears under its name when all of it is there and verified, with the permissions of a new
/// file. Until then the bytes are in `.NAME.part` beside it, and what must be known to go on with
/// them in `.NAME.part.json`; a later download to the same target goes on there. Both are gone when
/// it is done. Two downloads to one target at the same time are an error, as far as the locks of the
/// file system reach.
///
/// What an earlier download has left is read again when it is gone on with, so that the checksum
/// of the whole covers it. If the server names no CRC-64, bytes that were changed on the disk
/// since, by a crash of the system, say, cannot be noticed.
///
/// A path is a target that must not exist yet.
#[derive(Clone, Debug)]
#[must_use]
pub struct Target {
    pub(super) path: PathBuf,
    pub(super) replaces: bool,
}

impl Target {
    /// Creates a target that must not exist yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), replaces: false }
    }

    /// Lets a file that exists be replaced, at once and by a whole one. Of a link, it is the link
    /// that is replaced.
    pub const fn replacing(mut self) -> Self {
        self.replaces = true;
        self
    }

    /// Tells whether a download could begin here now, before anything is asked of a server.
    ///
    /// # Errors
    ///
    /// [`FileErrorKind::NoName`], [`Directory`](FileErrorKind::Directory) and
    /// [`NotAFile`](FileErrorKind::NotAFile) for a path that cannot become a file;
    /// [`Exists`](FileErrorKind::Exists) for a file that is not to be replaced;
    /// [`Busy`](FileErrorKind::Busy) while another download is at it; [`Open`](FileErrorKind::Open),
    /// [`Read`](FileErrorKind::Read) and [`Write`](FileErrorKind::Write) where its folder is not
    /// there or does not let the part be used.
    pub fn check(&self) -> Result<(), FileError> {
        // What an earlier download has left there stays; a new part is gone when it is closed.
        PartFile::open(self.clone()).map(drop)
    }

    /// Whether there is a part already: an earlier download has left it, or another one is under
    /// way.
    #[must_use]
    pub fn has_part(&self) -> bool {
        beside(&self.path).is_ok_and(|[part, _]| fs::symlink_metadata(part).is_ok())
    }

    /// Removes the part and its note if no byte is there that a later download could go on with.
    ///
    /// For a program that ends while its own download is held up, by a server that does not answer,
    /// say, and so cannot be dropped. It looks at no lock: if [`has_part`](Self::has_part) was true
    /// before that download, the part may be another one's.
    pub fn clear_empty(&self) {
        let Ok([part, note]) = beside(&self.path) else { return };
        let is_empty = |found: fs::Metadata| found.is_file() && found.len() == 0;
        if fs::symlink_metadata(&part).is_ok_and(is_empty) {
            // What stays does no harm: a later download takes it over. The note goes first, as it
            // must not stand beside a part of another download.
            let _ = remove(&note);
            let _ = remove(&part);
        }
    }

    /// Returns its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl<P: Into<PathBuf>> From<P> for Target {
    fn from(path: P) -> Self {
        Self::new(path)
    }
}

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

#[cfg(test)]
mod tests {
    use std::{env, process};

    use super::*;

    /// Makes part and note of a target with this name; tells what is there before and after they
    /// are cleared.
    fn cleared(name: &str, part: &str) -> [bool; 3] {
        let folder = env::temp_dir().join(format!("tcss-export-target-{}-{part}", process::id()));
        fs::create_dir(&folder).expect("a folder");
        let target = Target::new(folder.join(name));
        let before = target.has_part();
        let [part_path, note] = beside(target.path()).expect("names");
        fs::write(part_path, part).expect("a part");
        fs::write(note, "{}").expect("a note");
        let there = target.has_part();
        target.clear_empty();
        let after = fs::read_dir(&folder).expect("a folder").count() > 0;
        fs::remove_dir_all(folder).expect("the folder");
        [before, there, after]
    }

    #[test]
    fn an_empty_part_goes_with_its_note_whatever_the_length_of_the_name() {
        assert_eq!(cleared(&"n".repeat(255), ""), [false, true, false]);
    }

    #[test]
    fn a_part_with_bytes_stays() {
        assert_eq!(cleared("a.csv", "1"), [false, true, true]);
    }
}
