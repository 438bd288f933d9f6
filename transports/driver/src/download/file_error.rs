use std::{
    error::Error,
    fmt, io,
    path::{Path, PathBuf},
};

/// A file of a download, or the writer in its place, could not be used.
#[derive(Debug)]
pub struct FileError {
    kind: FileErrorKind,
    /// Empty for a writer, and where a call was dropped.
    path: PathBuf,
    source: Option<io::Error>,
}

/// What is wrong with a file of a download.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileErrorKind {
    /// The path does not end in the name of a file.
    NoName,
    /// It is a directory.
    Directory,
    /// It is there, and is neither a file nor a link: a device, say.
    NotAFile,
    /// It exists, and was not to be replaced. If it came there during the download, the whole file
    /// is beside it, under the name of the part.
    Exists,
    /// Another download to the same target is under way.
    Busy,
    /// It could not be opened.
    Open,
    /// It could not be locked: its file system has no locks, so that nothing would keep another
    /// download from writing to the same part.
    Lock,
    /// What an earlier download has left could not be read.
    Read,
    /// It could not be written: there is no room, say.
    Write,
    /// It is whole, but could not be put in its place. It has the name of the part still, unless
    /// somebody has removed that.
    Rename,
    /// The call that worked on it was dropped before it was done.
    Dropped,
}

impl FileError {
    pub(super) fn new(kind: FileErrorKind, path: &Path) -> Self {
        Self { kind, path: path.into(), source: None }
    }

    pub(super) fn io(kind: FileErrorKind, path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self { kind, path: path.into(), source: Some(source) }
    }

    pub(crate) fn of_writer(source: io::Error) -> Self {
        Self { kind: FileErrorKind::Write, path: PathBuf::new(), source: Some(source) }
    }

    pub(crate) fn dropped() -> Self {
        Self { kind: FileErrorKind::Dropped, path: PathBuf::new(), source: None }
    }

    /// Returns what is wrong.
    #[must_use]
    pub const fn kind(&self) -> FileErrorKind {
        self.kind
    }

    /// Returns the file's path; `None` for a writer, and where a call was dropped.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        Some(&*self.path).filter(|path| !path.as_os_str().is_empty())
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(path) = self.path() else {
            return f.write_str(match self.kind {
                FileErrorKind::Dropped => "the call that wrote the output was dropped",
                _ => "the output cannot be written",
            });
        };
        // Quoted, so that no name can steer a terminal.
        write!(f, "{path:?} ")?;
        f.write_str(match self.kind {
            FileErrorKind::NoName => "does not end in the name of a file",
            FileErrorKind::Directory => "is a directory",
            FileErrorKind::NotAFile => "is not a regular file",
            FileErrorKind::Exists => "exists already",
            FileErrorKind::Busy => "is being downloaded already",
            FileErrorKind::Open => "cannot be opened",
            FileErrorKind::Lock => "cannot be locked",
            FileErrorKind::Read => "cannot be read",
            FileErrorKind::Write | FileErrorKind::Dropped => "cannot be written",
            FileErrorKind::Rename => "cannot be put in its place",
        })
    }
}

impl Error for FileError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|error| error as _)
    }
}
