//! The errors of downloads.

use std::{
    error::Error,
    fmt, io,
    path::{Path, PathBuf},
};

use tcss_export_core::download;

use crate::{error::WaitError, transport_error::TransportError, worker::ResourceLimit};

/// A download ended without a complete file.
#[derive(Debug)]
#[non_exhaustive]
pub enum DownloadError {
    /// The download failed, perhaps because of the transport.
    Download {
        /// Why it ended, and what happened before.
        error: download::Error,
        /// The transport's error, if the last exchange ended with one.
        transport: Option<Box<TransportError>>,
    },
    /// The URL was no longer usable, and the job returned no new one.
    NewUrl {
        /// How the download ended.
        error: download::Error,
        /// Why the wait for a new URL failed.
        wait: Box<WaitError>,
    },
    /// The file could not be written. A later download continues the part file.
    File(FileError),
}

impl DownloadError {
    /// Returns the error of the download, unless the file failed.
    pub const fn download_error(&self) -> Option<&download::Error> {
        match self {
            Self::Download { error, .. } | Self::NewUrl { error, .. } => Some(error),
            Self::File(_) => None,
        }
    }

    /// Returns whether another download may succeed. It resumes if the server allows it.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Download { error, .. } => error.is_transient(),
            Self::NewUrl { wait, .. } => wait.is_transient(),
            Self::File(error) => error.is_transient(),
        }
    }
}

impl fmt::Display for DownloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Download { error, .. } => error.fmt(f),
            Self::NewUrl { error, .. } => write!(f, "{error}, and no new URL could be obtained"),
            Self::File(error) => error.fmt(f),
        }
    }
}

impl Error for DownloadError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Download { transport: Some(transport), .. } => Some(&**transport),
            Self::Download { error, .. } => error.source(),
            Self::NewUrl { wait, .. } => Some(&**wait),
            Self::File(error) => error.source(),
        }
    }
}

impl From<FileError> for DownloadError {
    fn from(error: FileError) -> Self {
        Self::File(error)
    }
}

/// A file of a download, or its writer, could not be used.
#[derive(Debug)]
pub struct FileError {
    kind: FileErrorKind,
    /// `None` for a writer, and after a dropped call.
    path: Option<PathBuf>,
    source: Option<io::Error>,
}

/// The kinds of [`FileError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileErrorKind {
    /// The path does not end in the name of a file.
    NoName,
    /// It is a directory.
    Directory,
    /// It is neither a file nor a link, for example a device.
    NotAFile,
    /// It exists and must not be replaced. If it appeared during the download, the complete file is
    /// the part file beside it.
    Exists,
    /// It exists, and the system would refuse to replace it: it is a mount point, such as a single
    /// file mounted into a container, or it belongs to another user in a folder with the sticky
    /// bit.
    Replace,
    /// Another download to the same target holds the lock of the part file.
    Busy,
    /// It could not be opened.
    Open,
    /// It could not be locked, because its file system has no locks. Nothing would keep another
    /// download from writing to the same part file.
    Lock,
    /// The part file of an earlier download could not be read.
    Read,
    /// It could not be written, for example because the disk is full.
    Write,
    /// It is complete but could not be renamed to its target. It is still the part file, unless
    /// somebody has removed that.
    Rename,
    /// The future was dropped during a file operation.
    Dropped,
}

impl FileError {
    pub(super) fn new(kind: FileErrorKind, path: &Path) -> Self {
        Self { kind, path: Some(path.into()), source: None }
    }

    pub(super) fn io(kind: FileErrorKind, path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self { kind, path: Some(path.into()), source: Some(source) }
    }

    pub(crate) fn of_writer(source: io::Error) -> Self {
        Self { kind: FileErrorKind::Write, path: None, source: Some(source) }
    }

    pub(crate) fn dropped() -> Self {
        Self { kind: FileErrorKind::Dropped, path: None, source: None }
    }

    /// Returns the kind.
    pub const fn kind(&self) -> FileErrorKind {
        self.kind
    }

    /// Returns the file's path; `None` for a writer, and after a dropped call.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Returns whether another download may succeed although nobody changes the file system: if the
    /// target was busy, the call was dropped, or a [`ResourceLimit`] was reached.
    pub fn is_transient(&self) -> bool {
        matches!(self.kind, FileErrorKind::Busy | FileErrorKind::Dropped)
            || ResourceLimit::of(self).is_some()
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(path) = self.path() else {
            return f.write_str(match self.kind {
                FileErrorKind::Dropped => "the operation that wrote the output was dropped",
                _ => "the output cannot be written",
            });
        };
        // Quoted, so that control characters in a name cannot reach a terminal.
        write!(f, "{path:?} ")?;
        f.write_str(match self.kind {
            FileErrorKind::NoName => "does not end in the name of a file",
            FileErrorKind::Directory => "is a directory",
            FileErrorKind::NotAFile => "is not a regular file",
            FileErrorKind::Exists => "already exists",
            FileErrorKind::Replace => "cannot be replaced",
            FileErrorKind::Busy => "is already being downloaded",
            FileErrorKind::Open => "cannot be opened",
            FileErrorKind::Lock => "cannot be locked",
            FileErrorKind::Read => "cannot be read",
            FileErrorKind::Write | FileErrorKind::Dropped => "cannot be written",
            FileErrorKind::Rename => "cannot be renamed to its final name",
        })
    }
}

impl Error for FileError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|error| error as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_may_be_usable_later_if_nobody_has_to_change_it() {
        let path = Path::new("a.csv");
        let of_io = |code| {
            let error = io::Error::from_raw_os_error(code);
            FileError::io(FileErrorKind::Open, path)(error)
        };
        let busy = FileError::new(FileErrorKind::Busy, path);
        for (error, expected) in [
            (busy, true),
            (FileError::dropped(), true),
            // Too many open files.
            (of_io(24), true),
            // Permission denied.
            (of_io(13), false),
            (FileError::new(FileErrorKind::Exists, path), false),
        ] {
            assert_eq!(error.is_transient(), expected, "{error:?}");
            assert_eq!(DownloadError::from(error).is_transient(), expected);
        }
    }
}
