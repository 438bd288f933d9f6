use std::{error::Error, fmt};

use tcss_export_core::download::DownloadError;

use super::file_error::FileError;
use crate::error::{TransportError, WaitFailure};

/// A download ended without a whole file.
#[derive(Debug)]
#[non_exhaustive]
pub enum DownloadFailure {
    /// Core's error, and the transport's own if that was the last fault.
    Download {
        /// Why it ended, and what it saw on the way.
        error: DownloadError,
        /// What the transport said, if the last exchange gave no answer.
        transport: Option<Box<TransportError>>,
    },
    /// The URL could not be used any more, and the job gave no new one.
    NewUrl {
        /// How the download ended.
        error: DownloadError,
        /// How the wait for a new URL ended.
        wait: Box<WaitFailure>,
    },
    /// The file could not be written. What is there of it stays for a later download.
    File(FileError),
}

impl DownloadFailure {
    /// Returns core's error, unless it was the file that failed.
    #[must_use]
    pub const fn download_error(&self) -> Option<&DownloadError> {
        match self {
            Self::Download { error, .. } | Self::NewUrl { error, .. } => Some(error),
            Self::File(_) => None,
        }
    }
}

impl fmt::Display for DownloadFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Download { error, .. } => error.fmt(f),
            Self::NewUrl { error, .. } => write!(f, "{error}, and there is no new one"),
            Self::File(error) => error.fmt(f),
        }
    }
}

impl Error for DownloadFailure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Download { transport: Some(transport), .. } => Some(&**transport),
            Self::Download { error, .. } => error.source(),
            Self::NewUrl { wait, .. } => Some(&**wait),
            Self::File(error) => error.source(),
        }
    }
}

impl From<FileError> for DownloadFailure {
    fn from(error: FileError) -> Self {
        Self::File(error)
    }
}
