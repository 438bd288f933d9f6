use alloc::{boxed::Box, string::String};
use core::{fmt, time::Duration};

use crate::{
    actions::{DescribeExportJobResultResponse, ExportStatus},
    download::DownloadUrl,
    error::{BuildError, SendFault},
    response_error::{Advice, ErrorCode, ResponseError},
    text::brief,
    time::ClockOffset,
};

/// One decision of a waiter, for a progress bar or a log.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Event {
    /// The number of the poll it follows, counted from 1; 0 before the first.
    pub poll: u32,
    /// The new offset, if the answer corrected the clock.
    pub clock_offset: Option<ClockOffset>,
    /// What was decided.
    pub kind: EventKind,
}

impl Event {
    /// Creates the event of an end that no answer has brought: by the deadline, say.
    #[must_use]
    pub const fn ended(poll: u32) -> Self {
        Self { poll, clock_offset: None, kind: EventKind::Ended }
    }
}

/// What a waiter decided.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum EventKind {
    /// The job is not done: it is polled again after `delay`.
    Waiting {
        /// How it stands.
        status: ExportStatus,
        /// How much is done, in percent.
        progress: Option<f64>,
        /// The pause before the next poll.
        delay: Duration,
    },
    /// The exchange failed and is repeated after `delay`.
    Retrying {
        /// What went wrong.
        fault: Fault,
        /// What is done about it.
        remedy: Remedy,
        /// The pause before the next poll.
        delay: Duration,
    },
    /// The wait has ended.
    Ended,
    /// No request was under way, so the answer was not looked at.
    Ignored,
}

/// What is done before an exchange is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Remedy {
    /// It is counted as one of the passing failures in a row.
    Retry,
    /// It is not counted: the service asks for fewer requests.
    BackOff,
    /// The clock was corrected.
    ClockCorrected,
    /// Credentials are asked for again.
    FreshCredentials,
}

/// How a wait ended.
pub type Outcome = Result<Finished, WaitError>;

/// The job has succeeded and the file is ready.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Finished {
    /// Where the file is.
    pub download_url: DownloadUrl,
    /// What the wait saw on the way.
    pub report: Box<Report>,
}

/// What a wait saw until it ended.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Report {
    /// How many requests were started.
    pub polls: u32,
    /// How many of these repeated a failed one.
    pub retries: u32,
    /// The time from the wait's creation to its end.
    pub elapsed: Duration,
    /// The last good answer; a URL in it stands in [`Finished`] alone.
    pub last: Option<DescribeExportJobResultResponse>,
    /// What went wrong with the last exchange, if anything did.
    pub last_fault: Option<Fault>,
    /// The last request id that an answer named.
    pub request_id: Option<String>,
    /// What was added to local wall time at the end.
    pub clock_offset: ClockOffset,
}

/// The wait ended without a file.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct WaitError {
    /// Why it ended.
    pub kind: WaitErrorKind,
    /// What the wait saw on the way.
    pub report: Box<Report>,
}

/// Why a wait ended without a file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WaitErrorKind {
    /// The job has failed.
    JobFailed {
        /// Why, if the service said so.
        message: Option<String>,
    },
    /// The job was not done before the deadline.
    TimedOut,
    /// The caller cancelled the wait.
    Cancelled,
    /// The job has succeeded, but the service gave no URL.
    WithoutUrl,
    /// A permanent fault, or too many passing ones in a row.
    Fault(Fault),
    /// No request could be built.
    Build(BuildError),
}

/// What went wrong with one exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Fault {
    /// An answer came that gave no result.
    Answer(ResponseError),
    /// No whole answer came.
    Send(SendFault),
}

impl Fault {
    /// Returns the service's error code, if it was the service that refused.
    #[must_use]
    pub fn code(&self) -> Option<&ErrorCode> {
        match self {
            Self::Answer(error) => error.code(),
            Self::Send(_) => None,
        }
    }

    /// Returns the request id, if an answer named one.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        match self {
            Self::Answer(error) => error.request_id(),
            Self::Send(_) => None,
        }
    }

    /// Returns how long the answer asks to wait, by its `Retry-After`.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Answer(error) => error.retry_after(),
            Self::Send(_) => None,
        }
    }

    /// Returns what to do about it: a broken or cut exchange may pass, an answer that is too large
    /// and [`SendFault::Permanent`] stop; an answer goes by [`ResponseError::advice`].
    #[must_use]
    pub fn advice(&self) -> Advice {
        match self {
            Self::Answer(error) => error.advice(),
            Self::Send(SendFault::TooLarge | SendFault::Permanent) => Advice::Stop,
            Self::Send(_) => Advice::Retry,
        }
    }
}

impl WaitError {
    /// Returns the service's error code, if it was the service that ended the wait.
    #[must_use]
    pub fn code(&self) -> Option<&ErrorCode> {
        match &self.kind {
            WaitErrorKind::Fault(fault) => fault.code(),
            _ => None,
        }
    }

    /// Returns the last request id that an answer named, to quote to the service's support.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.report.request_id.as_deref()
    }

    /// Returns the last status that the service told.
    #[must_use]
    pub fn last_status(&self) -> Option<&ExportStatus> {
        self.report.last.as_ref().map(|last| &last.status)
    }
}

impl fmt::Display for WaitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { polls, elapsed, last, clock_offset, .. } = &*self.report;
        write!(f, "{} (polls: {polls}, {:.1} s", self.kind, elapsed.as_secs_f64())?;
        if let Some(last) = last {
            write!(f, ", last status \"{}\"", brief(last.status.as_str()))?;
        }
        if let Some(progress) = last.as_ref().and_then(|last| last.progress) {
            write!(f, " at {progress} %")?;
        }
        if *clock_offset != ClockOffset::default() {
            write!(f, ", clock offset {clock_offset}")?;
        }
        f.write_str(")")
    }
}

impl core::error::Error for WaitError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match (&self.kind, &self.report.last_fault) {
            (WaitErrorKind::Build(error), _) => Some(error),
            (WaitErrorKind::Fault(fault), _) | (WaitErrorKind::TimedOut, Some(fault)) => {
                Some(fault)
            }
            _ => None,
        }
    }
}

impl fmt::Display for WaitErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::JobFailed { message: Some(message) } => {
                return write!(f, "the job has failed ({})", brief(message));
            }
            Self::JobFailed { message: None } => "the job has failed",
            Self::TimedOut => "the job was not done before the deadline",
            Self::Cancelled => "the wait was cancelled",
            Self::WithoutUrl => "the job has finished without a URL",
            Self::Fault(_) => "polling failed",
            Self::Build(_) => "no request could be built",
        })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answer(error) => error.fmt(f),
            Self::Send(fault) => fault.fmt(f),
        }
    }
}

impl core::error::Error for Fault {}
