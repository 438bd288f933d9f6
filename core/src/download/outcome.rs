use alloc::{boxed::Box, string::String};
use core::{fmt, time::Duration};

use http::StatusCode;

use super::error_page::Refusal;
use crate::{
    error::{BuildError, TransportErrorKind},
    text::brief,
};

/// An event of a download, for a progress bar or a log.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Event {
    /// The number of bytes written.
    pub bytes: u64,
    /// The length of the file, once a server has named it.
    pub total: Option<u64>,
    /// What happened.
    pub kind: EventKind,
}

/// What happened in a download.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum EventKind {
    /// Bytes are arriving.
    Receiving,
    /// A good response was shorter than its request: the rest is requested at once.
    Continuing,
    /// The exchange failed and is retried after `delay`, resuming if possible.
    Retrying {
        /// What went wrong.
        fault: Fault,
        /// The delay before the next request.
        delay: Duration,
    },
    /// The URL has expired or was refused.
    NeedsUrl {
        /// The error page; `None` if the URL expired by its own time.
        refusal: Option<Box<Refusal>>,
    },
    /// The download continues with a new URL.
    NewUrl,
    /// The download has ended.
    Ended,
    /// The call had no effect: no request was in flight, or no URL was asked for.
    Ignored,
}

/// How a download ended.
pub type Outcome = Result<Downloaded, Error>;

/// The file is complete, as far as the server allows checking.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Downloaded {
    /// The length of the file.
    pub bytes: u64,
    /// The CRC-64/XZ of its bytes.
    pub crc64: u64,
    /// The server named the same checksum. Otherwise, only the length was checked.
    pub verified: bool,
    /// What happened on the way.
    pub report: Box<Report>,
}

/// What happened during a download.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Report {
    /// The number of requests.
    pub requests: u32,
    /// The number of new URLs.
    pub new_urls: u32,
    /// How often it resumed after bytes of this download or of an earlier one.
    pub resumes: u32,
    /// How often it discarded written bytes.
    pub restarts: u32,
    /// The time from creation to end.
    #[cfg_attr(feature = "serde", serde(with = "crate::time::nanos"))]
    pub elapsed: Duration,
    /// The file name that the server or the URL suggests, without path separators.
    pub suggested_name: Option<String>,
    /// The last request id from a response's headers, to quote to the service's support.
    pub request_id: Option<String>,
    /// The last fault since the last progress.
    pub last_fault: Option<Fault>,
    /// The number of bytes written at the end.
    pub bytes: u64,
    /// The length of the file, if a server has named it.
    pub total: Option<u64>,
}

/// A download ended without a complete file.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct Error {
    /// Why it ended.
    pub kind: ErrorKind,
    /// What happened on the way.
    pub report: Box<Report>,
}

/// Why a download ended without a complete file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The new URL cannot be used; nothing was sent to it.
    Url(BuildError),
    /// The URL has expired, and no new one was available.
    Expired {
        /// The error page; `None` if the URL expired by its own time.
        refusal: Option<Box<Refusal>>,
    },
    /// The file server refused permanently.
    Refused(Box<Refusal>),
    /// The response is a redirect, which is not followed.
    Redirect {
        /// The HTTP status.
        status: StatusCode,
        /// The host of its target, if it names one.
        host: Option<String>,
    },
    /// The response has an unexpected status.
    Status(StatusCode),
    /// The response has a content or transfer coding, although `identity` was requested.
    Coding(String),
    /// The response shows neither length nor end of the file, so truncation would go unnoticed.
    NoLength,
    /// The server names no CRC-64, and the policy requires one.
    NoChecksum,
    /// The file is larger than the size limit of the policy.
    TooLarge {
        /// The limit.
        limit: u64,
    },
    /// The CRC-64 of the bytes differs from the server's.
    Mismatch {
        /// The server's.
        expected: u64,
        /// That of the bytes.
        computed: u64,
    },
    /// The file may have changed, and the written bytes cannot be discarded.
    Changed,
    /// Too many transient faults in a row, or a permanent one.
    Fault(Fault),
    /// The time limit of the whole download has passed.
    TimedOut,
    /// The caller cancelled the download.
    Cancelled,
}

impl Error {
    /// Returns the error page that ended the download, or the last one before the time limit.
    pub fn refusal(&self) -> Option<&Refusal> {
        match (&self.kind, &self.report.last_fault) {
            (ErrorKind::Expired { refusal: Some(refusal) }, _)
            | (ErrorKind::Refused(refusal) | ErrorKind::Fault(Fault::Refused(refusal)), _)
            | (ErrorKind::TimedOut, Some(Fault::Refused(refusal))) => Some(refusal),
            _ => None,
        }
    }

    /// Returns the error code of the file server, such as `AccessDenied`.
    pub fn code(&self) -> Option<&str> {
        self.refusal()?.code.as_deref()
    }

    /// Returns the request id of the error page or of the last response, for the service's support.
    pub fn request_id(&self) -> Option<&str> {
        let of_refusal = self.refusal().and_then(|refusal| refusal.request_id.as_deref());
        of_refusal.or(self.report.request_id.as_deref())
    }

    /// Returns the HTTP status that ended the download, if one did.
    pub fn status(&self) -> Option<StatusCode> {
        match &self.kind {
            ErrorKind::Redirect { status, .. } | ErrorKind::Status(status) => Some(*status),
            _ => self.refusal().map(|refusal| refusal.status),
        }
    }

    /// Returns whether the written bytes would make a later download fail in the same way.
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

    /// Returns whether another download may succeed: after transient faults and time limits.
    pub fn is_transient(&self) -> bool {
        match &self.kind {
            ErrorKind::Fault(fault) => fault.is_transient(),
            ErrorKind::TimedOut => true,
            _ => false,
        }
    }
}

impl fmt::Display for Error {
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

/// Shows a fault once, although kind and report have it.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind: &dyn fmt::Debug = match (&self.kind, &self.report.last_fault) {
            (ErrorKind::Fault(_), Some(_)) => &format_args!("Fault(..)"),
            (kind, _) => kind,
        };
        f.debug_struct("Error").field("kind", kind).field("report", &self.report).finish()
    }
}

impl core::error::Error for Error {
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
                f.write_str("unexpected redirect")?;
                if let Some(host) = host {
                    write!(f, " to {}", brief(host))?;
                }
                return write!(f, " (HTTP status {})", status.as_u16());
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
            Self::TimedOut => "the download did not finish within its time limit",
            Self::Cancelled => "the download was cancelled",
        })
    }
}

/// What went wrong with one exchange of a download.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Fault {
    /// No response arrived.
    Transport(TransportErrorKind),
    /// No byte arrived within the stall limit.
    Stalled,
    /// The response was truncated.
    Incomplete,
    /// The length of the response is unreadable or repeated.
    BadLength,
    /// The checksum of the file is unreadable or repeated with another value.
    BadChecksum,
    /// The server repeatedly sends much less than requested, or ranges that never show the end of
    /// the file. In the second case the download starts over, if it can.
    ShortRanges,
    /// The response has another range than requested.
    WrongRange,
    /// The file has changed: the download starts over.
    Changed,
    /// The file has another length than before with the same tag, so one of them is wrong.
    OtherLength,
    /// The checksum of several responses together is wrong: the download starts over.
    Mismatch,
    /// The response is a page, probably of a gateway: HTML without tag and checksum.
    Page,
    /// The file server refused temporarily, or does not have the file yet.
    Refused(Box<Refusal>),
}

impl Fault {
    /// Returns whether the same request may succeed later.
    pub fn is_transient(&self) -> bool {
        *self != Self::Transport(TransportErrorKind::Permanent)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Transport(fault) => return fault.fmt(f),
            Self::Refused(refusal) => return refusal.fmt(f),
            Self::Stalled => "no byte came within the stall limit",
            Self::Incomplete => "the answer was incomplete: it ended before the file did",
            Self::BadLength => "the length of the answer is unreadable or repeated",
            Self::BadChecksum => "the checksum of the file is unreadable or ambiguous",
            Self::ShortRanges => "the answer has much less than was requested",
            Self::WrongRange => "the answer has another range than was requested",
            Self::Changed => "the file has changed on the server",
            Self::OtherLength => "the file has another length than before, under the same tag",
            Self::Page => "a page came instead of the file",
            Self::Mismatch => "the checksum of the parts put together is wrong",
        })
    }
}

impl core::error::Error for Fault {}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use http::HeaderMap;

    use super::*;
    use crate::download::DownloadUrl;

    fn error(kind: ErrorKind, last_fault: Option<Fault>, bytes: u64) -> Error {
        Error { kind, report: Box::new(Report { last_fault, bytes, ..Report::default() }) }
    }

    fn refusal() -> Box<Refusal> {
        let url = DownloadUrl::new("https://h.example/a").unwrap();
        Refusal::new(StatusCode::FORBIDDEN, &HeaderMap::new(), &url)
    }

    #[test]
    fn the_status_is_that_of_the_end() {
        let (found, forbidden) = (StatusCode::FOUND, StatusCode::FORBIDDEN);
        let timed_out = error(ErrorKind::TimedOut, Some(Fault::Refused(refusal())), 0);
        for (error, status) in [
            (error(ErrorKind::Status(found), None, 0), Some(found)),
            (error(ErrorKind::Redirect { status: found, host: None }, None, 0), Some(found)),
            (error(ErrorKind::Refused(refusal()), None, 0), Some(forbidden)),
            (timed_out, Some(forbidden)),
            (error(ErrorKind::Cancelled, None, 0), None),
        ] {
            assert_eq!(error.status(), status, "{error}");
        }
    }

    #[test]
    fn the_request_id_of_the_error_page_comes_first() {
        let mut error = error(ErrorKind::Refused(refusal()), None, 0);
        assert_eq!(error.request_id(), None);
        error.report.request_id = Some("of-the-head".into());
        assert_eq!(error.request_id(), Some("of-the-head"));
        let mut page = refusal();
        page.request_id = Some("of-the-page".into());
        error.kind = ErrorKind::Refused(page);
        assert_eq!(error.request_id(), Some("of-the-page"));
    }

    #[test]
    fn faults_and_time_limits_are_transient() {
        let of_fault = |kind| error(ErrorKind::Fault(Fault::Transport(kind)), None, 0);
        assert!(of_fault(TransportErrorKind::Connection).is_transient());
        assert!(!of_fault(TransportErrorKind::Permanent).is_transient());
        assert!(error(ErrorKind::TimedOut, None, 0).is_transient());
        assert!(!error(ErrorKind::Cancelled, None, 0).is_transient());
    }

    #[test]
    fn a_part_is_spoilt_if_its_bytes_are_wrong() {
        let mismatch = ErrorKind::Mismatch { expected: 1, computed: 2 };
        assert!(error(mismatch, None, 9).spoils_part());
        for fault in [Fault::Mismatch, Fault::Changed, Fault::WrongRange] {
            assert!(error(ErrorKind::Fault(fault.clone()), None, 0).spoils_part(), "{fault}");
            assert!(error(ErrorKind::TimedOut, Some(fault.clone()), 0).spoils_part(), "{fault}");
            assert!(!error(ErrorKind::Fault(fault.clone()), None, 1).spoils_part(), "{fault}");
        }
        assert!(error(ErrorKind::Fault(Fault::OtherLength), None, 9).spoils_part());
        assert!(!error(ErrorKind::Fault(Fault::Incomplete), None, 9).spoils_part());
        assert!(!error(ErrorKind::Cancelled, None, 0).spoils_part());
    }

    #[test]
    fn the_message_has_the_bytes_if_there_are_any() {
        let message = |bytes| error(ErrorKind::Cancelled, None, bytes).to_string();
        assert!(message(0).ends_with("(requests: 0, 0.0 s)"), "{}", message(0));
        assert!(message(3).ends_with("(requests: 0, 0.0 s, 3 bytes)"), "{}", message(3));
    }
}
