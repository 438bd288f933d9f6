use alloc::{boxed::Box, string::String};
use core::{fmt, time::Duration};

use http::StatusCode;

use super::error_page::Refusal;
use crate::{
    error::{BuildError, SendFault},
    text::brief,
};

/// One decision of a download, for a progress bar or a log.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Event {
    /// How many bytes of the file are there.
    pub bytes: u64,
    /// How many it has, once a server has said so.
    pub total: Option<u64>,
    /// What was decided.
    pub kind: EventKind,
}

/// What a download decided.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum EventKind {
    /// Bytes are coming.
    Receiving,
    /// A good answer held less than was asked for: the rest is asked for at once.
    Continuing,
    /// The exchange failed and is repeated after `delay`, from where it broke off if that is
    /// possible.
    Retrying {
        /// What went wrong.
        fault: Fault,
        /// The pause before the next request.
        delay: Duration,
    },
    /// The URL has expired or was refused: a new one is needed.
    NeedsUrl {
        /// What the file server said; `None` if the URL's own time was over.
        refusal: Option<Box<Refusal>>,
    },
    /// There is another URL to go on with.
    NewUrl,
    /// The download has ended.
    Ended,
    /// Nothing was under way, so it was not looked at.
    Ignored,
}

/// How a download ended.
pub type Outcome = Result<Downloaded, DownloadError>;

/// All bytes of the file are there, and are the right ones as far as the server lets it be known.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Downloaded {
    /// How many bytes the file has.
    pub bytes: u64,
    /// Their CRC-64/XZ.
    pub crc64: u64,
    /// Whether the server named the same checksum. If not, it named none, and only the length was
    /// checked.
    pub verified: bool,
    /// What the download saw on the way.
    pub report: Box<Report>,
}

/// What a download saw until it ended.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Report {
    /// How many requests were started.
    pub requests: u32,
    /// How many new URLs it went on with.
    pub new_urls: u32,
    /// How often it went on behind bytes that were there, of this download or an earlier one.
    pub resumes: u32,
    /// How often bytes that were there were thrown away.
    pub restarts: u32,
    /// The time from its creation to its end.
    pub elapsed: Duration,
    /// The name that the server or the URL suggests for the file, never with path parts.
    pub suggested_name: Option<String>,
    /// The request id of the last answer that named one in its headers, to quote to the service's
    /// support.
    pub request_id: Option<String>,
    /// What went wrong since the last byte that was not there before, if anything did.
    pub last_fault: Option<Fault>,
    /// How many bytes were there at the end.
    pub bytes: u64,
    /// How many the file has, if a server has said so.
    pub total: Option<u64>,
}

/// The download ended without a whole file.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct DownloadError {
    /// Why it ended.
    pub kind: ErrorKind,
    /// What the download saw on the way.
    pub report: Box<Report>,
}

/// Why a download ended without a whole file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The URL cannot be used; nothing was sent to it.
    Url(BuildError),
    /// The URL has expired, and there was no new one.
    Expired {
        /// What the file server said; `None` if the URL's own time was over.
        refusal: Option<Box<Refusal>>,
    },
    /// The file server refused, and that will not pass by itself.
    Refused(Box<Refusal>),
    /// The answer points elsewhere, where the URL is not taken.
    Redirect {
        /// The HTTP status.
        status: StatusCode,
        /// The host it points to, if it names one.
        host: Option<String>,
    },
    /// The answer has a status that no download should have.
    Status(StatusCode),
    /// The answer is in a content coding, though `identity` was asked for.
    Coding(String),
    /// The answer shows neither the length of the file nor where it ends, so that a cut would not
    /// be seen.
    NoLength,
    /// The server names no CRC-64, and the policy requires one.
    NoChecksum,
    /// The file is larger than the size limit of the policy.
    TooLarge {
        /// The limit.
        limit: u64,
    },
    /// The server names another CRC-64 than that of its bytes.
    Mismatch {
        /// What the server named.
        expected: u64,
        /// What came out.
        computed: u64,
    },
    /// Bytes were written to where nothing can be taken back, and the server now has another file,
    /// or one that cannot be known to be the same.
    Changed,
    /// Too many passing failures in a row, or one that will not pass.
    Fault(Fault),
    /// The limit of the whole download has passed.
    TimedOut,
    /// The caller cancelled the download.
    Cancelled,
}

impl DownloadError {
    /// Returns what the file server said when it gave no file, if that is why it ended, or what
    /// came last before the limit of time.
    #[must_use]
    pub fn refusal(&self) -> Option<&Refusal> {
        match (&self.kind, &self.report.last_fault) {
            (ErrorKind::Expired { refusal: Some(refusal) }, _)
            | (ErrorKind::Refused(refusal) | ErrorKind::Fault(Fault::Refused(refusal)), _)
            | (ErrorKind::TimedOut, Some(Fault::Refused(refusal))) => Some(refusal),
            _ => None,
        }
    }

    /// Returns the error code of the file server, such as `AccessDenied`.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.refusal()?.code.as_deref()
    }

    /// Returns the id to quote to the service's support: that of the refusal, else of the last
    /// answer that named one.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        let of_refusal = self.refusal().and_then(|refusal| refusal.request_id.as_deref());
        of_refusal.or(self.report.request_id.as_deref())
    }

    /// Returns the HTTP status, if it is an answer's status that ended the download.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        match &self.kind {
            ErrorKind::Redirect { status, .. } | ErrorKind::Status(status) => Some(*status),
            _ => self.refusal().map(|refusal| refusal.status),
        }
    }

    /// Whether the bytes that are there are of no use to a later download, which would meet the
    /// same with them.
    #[must_use]
    pub fn spoils_part(&self) -> bool {
        let last_fault = match &self.kind {
            ErrorKind::Mismatch { .. } => return true,
            ErrorKind::Fault(fault) => Some(fault),
            _ => self.report.last_fault.as_ref(),
        };
        match last_fault {
            Some(Fault::OtherLength) => true,
            Some(Fault::Mismatch | Fault::Changed | Fault::WrongRange) => self.report.bytes == 0,
            _ => false,
        }
    }

    /// Whether another download may well have the file: faults that pass, and limits of time.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match &self.kind {
            ErrorKind::Fault(fault) => *fault != Fault::Send(SendFault::Permanent),
            ErrorKind::TimedOut => true,
            _ => false,
        }
    }
}

impl fmt::Display for DownloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { requests, bytes, total, elapsed, .. } = &*self.report;
        write!(f, "{} (requests: {requests}, {:.1} s", self.kind, elapsed.as_secs_f64())?;
        match total {
            Some(total) => write!(f, ", {bytes} of {total} bytes)"),
            None if *bytes > 0 => write!(f, ", {bytes} bytes)"),
            None => f.write_str(")"),
        }
    }
}

impl core::error::Error for DownloadError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match (&self.kind, &self.report.last_fault) {
            (ErrorKind::Fault(fault), _) | (ErrorKind::TimedOut, Some(fault)) => Some(fault),
            _ => None,
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Url(error) => return error.fmt(f),
            Self::Expired { refusal: None } => "the URL has expired",
            Self::Expired { refusal: Some(refusal) } => {
                return write!(f, "the URL has expired: {refusal}");
            }
            Self::Refused(refusal) => return refusal.fmt(f),
            Self::Redirect { status, host } => {
                let host = host.as_deref().unwrap_or("nowhere");
                let status = status.as_u16();
                return write!(f, "unexpected redirect to {} (HTTP status {status})", brief(host));
            }
            Self::Status(status) => {
                return write!(f, "expected a file, got the HTTP status {}", status.as_u16());
            }
            Self::Coding(coding) => {
                let coding = brief(coding);
                return write!(f, "the file has the content encoding {coding}, not identity");
            }
            Self::NoLength => "the answer does not show where the file ends",
            Self::NoChecksum => "the file server names no CRC-64, which was required",
            Self::TooLarge { limit } => {
                return write!(f, "the file is larger than the limit of {limit} bytes");
            }
            Self::Mismatch { expected, computed } => {
                return write!(f, "expected the CRC-64 {expected}, got {computed}");
            }
            Self::Changed => {
                "a part is written already, and the file may have changed on the server since"
            }
            Self::Fault(_) => "downloading failed",
            Self::TimedOut => "the file was not there within the limit",
            Self::Cancelled => "the download was cancelled",
        })
    }
}

/// What went wrong with one exchange of a download, and may pass.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// No answer came.
    Send(SendFault),
    /// No byte came for as long as the stall limit.
    Stalled,
    /// The answer ended before all its bytes were there.
    Incomplete,
    /// The answer declares its length in no way that can be relied on.
    BadLength,
    /// The server keeps giving much less than was asked for, or ranges of a file whose end none of
    /// them shows. In the second case it starts again, unless nothing can be taken back.
    Less,
    /// The answer holds other bytes than were asked for.
    WrongRange,
    /// The file is another one than before: it starts again.
    Changed,
    /// The whole file has another length than before, though its tag is the same. One of the two is
    /// wrong: what is there is not to be gone on with if it stays so.
    OtherLength,
    /// What was put together of several answers is not the file: it starts again.
    Mismatch,
    /// A page came instead of the file, most likely from something in between: HTML without tag and
    /// checksum.
    Page,
    /// The file server cannot serve it now.
    Refused(Box<Refusal>),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Send(fault) => return fault.fmt(f),
            Self::Refused(refusal) => return refusal.fmt(f),
            Self::Stalled => "no byte came within the stall limit",
            Self::Incomplete => "the answer was incomplete: it ended before the file did",
            Self::BadLength => "the length of the answer cannot be read, or is told twice",
            Self::Less => "the answer holds only a little of what was asked for",
            Self::WrongRange => "the answer holds another range than was asked for",
            Self::Changed => "the file has changed on the server",
            Self::OtherLength => "the file has another length than before, under the same tag",
            Self::Page => "a page came instead of the file",
            Self::Mismatch => "the checksum of the parts put together is wrong",
        })
    }
}

impl core::error::Error for Fault {}
