use std::{
    fs,
    path::{Path, PathBuf},
};

use tcss_export_core::download::Kept;

#[cfg(doc)]
use super::file_error::FileErrorKind;
use super::{
    file_error::FileError,
    files::remove,
    part_file::{PartFile, read_note},
    paths::beside,
};

/// The file that a download becomes.
///
/// It appears under its name when all of it is there and verified, with the permissions of a new
/// file. Until then the bytes are in `.NAME.part` beside it, and what must be known to go on with
/// them in `.NAME.part.json`; a later download to the same target goes on there. Both are gone when
/// it is done. Two downloads to one target at the same time are an error, as far as the locks of
/// the file system reach; on one that has no locks at all there is no download to a file.
///
/// What an earlier download has left is read again when it is gone on with, so that the checksum
/// of the whole covers it. If the server names no CRC-64, bytes that were changed on the disk
/// since, by a crash of the system, say, cannot be noticed.
///
/// A path is a target that must not exist yet.
#[derive(Clone, Debug)]
#[must_use]
pub struct Target {
    path: PathBuf,
    replaces: bool,
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
    /// [`Busy`](FileErrorKind::Busy) while another download is at it; [`Lock`](FileErrorKind::Lock)
    /// where files cannot be locked; [`Open`](FileErrorKind::Open) and
    /// [`Read`](FileErrorKind::Read) where its folder is not there or does not let the part be
    /// used.
    pub fn check(&self) -> Result<(), FileError> {
        // What an earlier download has left there stays; a new part is gone when it is closed.
        self.open().map(drop)
    }

    /// Opens its part and reads what an earlier download has left of it.
    pub(crate) fn open(&self) -> Result<(PartFile, Option<Kept>), FileError> {
        PartFile::open(self.path.clone(), self.replaces)
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
            if read_note(&note).is_some() {
                let _ = remove(&note);
            }
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

#[cfg(test)]
mod tests {
    use std::{env, process};

    use super::*;

    const NOTE: &str = r#"{"tcss-export-part":1,
        "object":"https://h.example/a","etag":"\"v1\"","total":null,"crc64":null}"#;

    /// Makes part and note of a target with this name; tells how many files are left once they are
    /// cleared.
    fn left(name: &str, part: &str, note: &str) -> usize {
        let folder = env::temp_dir().join(format!(
            "tcss-export-target-{}-{}-{}",
            process::id(),
            part.len(),
            note.len()
        ));
        fs::create_dir(&folder).expect("a folder");
        let target = Target::new(folder.join(name));
        assert!(!target.has_part());
        let paths = beside(target.path()).expect("names");
        for (path, text) in paths.iter().zip([part, note]) {
            fs::write(path, text).expect("a file");
        }
        assert!(target.has_part());
        target.clear_empty();
        let left = fs::read_dir(&folder).expect("a folder").count();
        fs::remove_dir_all(folder).expect("the folder");
        left
    }

    #[test]
    fn an_empty_part_goes_with_its_note_whatever_the_length_of_the_name() {
        assert_eq!(left(&"n".repeat(255), "", NOTE), 0);
    }

    #[test]
    fn what_is_no_note_stays() {
        assert_eq!(left("a.csv", "", "precious"), 1);
    }

    #[test]
    fn a_part_with_bytes_stays() {
        assert_eq!(left("a.csv", "1", NOTE), 2);
    }
}
