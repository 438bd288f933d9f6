use std::path::{Path, PathBuf};

use super::{file_error::FileError, part_file::PartFile};

/// The file that a download becomes.
///
/// It appears under its name when all of it is there and verified, with the permissions of a new
/// file. Until then the bytes are in `.NAME.part` beside it, and what must be known to go on with
/// them in `.NAME.part.json`; a later download to the same target goes on there. Both are gone when
/// it is done. Two downloads to one target at the same time are an error.
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
    /// That of a download which could not begin: the file exists, say, or its folder is not there
    /// or cannot be written.
    pub fn check(&self) -> Result<(), FileError> {
        // What an earlier download has left there stays; a new part is gone when it is closed.
        PartFile::open(self.clone()).map(drop)
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
