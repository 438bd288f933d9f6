use std::error::Error;
use std::fmt;

use super::DownloadFault;

/// Says which fault of a list is wrong, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DownloadFaultsError {
    position: usize,
    fault: String,
    problem: Problem,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Problem {
    UnknownFault,
    NoArgument,
    Argument,
    Bytes,
    NoBytes,
    ETag,
    HttpStatus,
}

impl DownloadFaultsError {
    pub(super) const fn at(index: usize, fault: String, problem: Problem) -> Self {
        Self { position: index + 1, fault, problem }
    }

    /// Returns which fault is wrong, counted from 1.
    #[must_use]
    pub const fn position(&self) -> usize {
        self.position
    }

    /// Returns the text of the wrong fault.
    #[must_use]
    pub fn fault(&self) -> &str {
        &self.fault
    }
}

impl Problem {
    const fn text(self) -> &'static str {
        match self {
            Self::UnknownFault => {
                "expected OK, CUT, STALL, SLOW, RESET, CHUNKED, CHUNKED-CUT, ETAG, NOETAG, WEAK, \
                 CRC, NOCRC, FULL, RANGE, LESS, GZIP, REDIRECT, EXPIRED, DENIED, GONE or HTTP"
            }
            Self::NoArgument => "expected a colon and a value after the fault's name",
            Self::Argument => "expected nothing after the fault's name",
            Self::Bytes => "expected a number of bytes like 1000",
            Self::NoBytes => "expected at least one byte",
            Self::ETag => "expected an ETag of letters, digits, dots, underscores and hyphens",
            Self::HttpStatus => "expected an HTTP status from 200 to 599",
        }
    }
}

impl fmt::Display for DownloadFaultsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "fault {} {:?}: {}", self.position, self.fault, self.problem.text())
    }
}

impl Error for DownloadFaultsError {}

/// Checks what the grammar asks of a fault's value, wherever the fault came from.
pub(super) fn check(fault: &DownloadFault) -> Result<(), Problem> {
    let (good, problem) = match fault {
        DownloadFault::Less(bytes) | DownloadFault::Slow(bytes) => (*bytes > 0, Problem::NoBytes),
        DownloadFault::ETag(Some(text)) => (is_etag(text), Problem::ETag),
        DownloadFault::Http(status) => ((200..=599).contains(status), Problem::HttpStatus),
        _ => (true, Problem::UnknownFault),
    };
    if good { Ok(()) } else { Err(problem) }
}

fn is_etag(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    !text.is_empty() && text.bytes().all(allowed)
}
