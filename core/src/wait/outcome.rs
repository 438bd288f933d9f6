use alloc::{boxed::Box, string::String};
use core::{fmt, time::Duration};

use bytes::Bytes;
use http::Response;

use super::schedule::DelayReason;
use crate::{
    actions::{DescribeExportJobResult, DescribeExportJobResultResponse, ExportStatus, JobId},
    answer::{Answer, read_answer},
    download::DownloadUrl,
    error::{BuildError, TransportErrorKind},
    response_error::{Advice, ErrorCode, ResponseError},
    text::brief,
    time::{ClockOffset, Mono, Now},
};

/// An event of a wait, for a progress bar or a log.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Event {
    /// The number of the last poll, counted from 1; 0 before the first.
    pub poll: u32,
    /// The new offset, if the answer corrected the clock.
    pub clock_offset: Option<ClockOffset>,
    /// What happened.
    pub kind: EventKind,
}

impl Event {
    /// Creates the event of an end without an answer, such as the deadline.
    pub const fn ended(poll: u32) -> Self {
        Self { poll, clock_offset: None, kind: EventKind::Ended }
    }
}

/// What happened in a wait.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum EventKind {
    /// The job is not done: it is polled again after `delay`.
    Waiting {
        /// Its status.
        status: ExportStatus,
        /// Its progress in percent.
        progress: Option<f64>,
        /// The delay before the next poll.
        delay: Duration,
        /// Why it has this length.
        reason: DelayReason,
    },
    /// The exchange failed and is retried after `delay`.
    Retrying {
        /// What went wrong.
        fault: Fault,
        /// What is done about the fault.
        remedy: Remedy,
        /// The delay before the next poll.
        delay: Duration,
    },
    /// The wait has ended.
    Ended,
    /// The call had no effect: no poll was due, or no request was in flight.
    Ignored,
}

/// What is done before an exchange is retried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Remedy {
    /// The fault counts as one of the failures in a row.
    Retry,
    /// The fault does not count: the service asks for fewer requests.
    BackOff,
    /// The clock was corrected.
    ClockCorrected,
    /// The credentials are refreshed.
    FreshCredentials,
}

/// How a wait ended.
pub type Outcome = Result<Finished, Error>;

/// The job has succeeded, and the file is ready.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Finished {
    /// The URL of the file.
    pub download_url: DownloadUrl,
    /// What happened on the way.
    pub report: Box<Report>,
}

/// What happened during a wait.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Report {
    /// The job.
    pub job: JobId,
    /// The number of requests.
    pub polls: u32,
    /// How many of them were retries.
    pub retries: u32,
    /// The time from creation to end.
    #[cfg_attr(feature = "serde", serde(with = "crate::time::nanos"))]
    pub elapsed: Duration,
    /// The last good answer, without the URL, which only [`Finished`] has.
    #[cfg_attr(feature = "serde", serde(with = "last_answer"))]
    pub last: Option<DescribeExportJobResultResponse>,
    /// The fault of the last exchange, if it failed.
    pub last_fault: Option<Fault>,
    /// The last request id of an answer.
    pub request_id: Option<String>,
    /// The clock offset at the end.
    pub clock_offset: ClockOffset,
}

/// A wait ended without a file.
#[derive(Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Error {
    /// Why it ended.
    pub kind: ErrorKind,
    /// What happened on the way.
    pub report: Box<Report>,
}

/// Why a wait ended without a file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum ErrorKind {
    /// The job has failed.
    JobFailed {
        /// The service's reason, if it gave one.
        message: Option<String>,
    },
    /// The job was not done before the deadline.
    TimedOut,
    /// The caller cancelled the wait.
    Cancelled,
    /// The job has succeeded, but the service named no URL.
    WithoutUrl,
    /// A permanent fault, or too many transient ones in a row.
    Fault(Fault),
    /// No request could be built.
    Build(BuildError),
}

/// What went wrong with one exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Fault {
    /// An answer without a result arrived.
    Answer(ResponseError),
    /// No complete answer arrived.
    #[cfg_attr(feature = "serde", serde(rename = "Send"))]
    Transport(TransportErrorKind),
}

impl Fault {
    /// Returns the service's error code, if the service refused.
    pub fn code(&self) -> Option<&ErrorCode> {
        self.answer()?.code()
    }

    /// Returns the request id of the answer, if it has one.
    pub fn request_id(&self) -> Option<&str> {
        self.answer()?.request_id()
    }

    /// Returns the pause that the answer's `Retry-After` asks for.
    pub fn retry_after(&self) -> Option<Duration> {
        self.answer()?.retry_after()
    }

    const fn answer(&self) -> Option<&ResponseError> {
        match self {
            Self::Answer(error) => Some(error),
            Self::Transport(_) => None,
        }
    }

    /// Returns what to do: retry a broken or truncated exchange, stop at an answer that is too
    /// large or a [`TransportErrorKind::Permanent`], and otherwise follow
    /// [`ResponseError::advice`].
    pub fn advice(&self) -> Advice {
        match self {
            Self::Answer(error) => error.advice(),
            Self::Transport(kind) if kind.is_transient() => Advice::Retry,
            Self::Transport(_) => Advice::Stop,
        }
    }

    /// Returns whether the same request may succeed later.
    pub fn is_transient(&self) -> bool {
        matches!(self.advice(), Advice::Retry | Advice::BackOff)
    }

    /// Writes the error code of the service, or else what came in its place.
    fn write_code(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answer(error) => match error.code().filter(|code| !code.as_str().is_empty()) {
                Some(code) => write!(f, "{code}"),
                None => write!(f, "HTTP status {} without a result", error.status().as_u16()),
            },
            Self::Transport(kind) => write!(f, "{kind}"),
        }
    }
}

impl Error {
    /// Returns the service's error code, if one ended the wait.
    pub fn code(&self) -> Option<&ErrorCode> {
        match &self.kind {
            ErrorKind::Fault(fault) => fault.code(),
            _ => None,
        }
    }

    /// Returns the last request id, to quote to the service's support.
    pub fn request_id(&self) -> Option<&str> {
        self.report.request_id.as_deref()
    }

    /// Returns whether another wait for the job may succeed: after the deadline, and after a fault
    /// that passes. A cancelled wait is not transient, since somebody decided to end it.
    pub fn is_transient(&self) -> bool {
        match &self.kind {
            ErrorKind::TimedOut => true,
            ErrorKind::Fault(fault) => fault.is_transient(),
            _ => false,
        }
    }

    /// Returns the last status of the job.
    pub fn last_status(&self) -> Option<&ExportStatus> {
        self.report.last.as_ref().map(|last| &last.status)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { job, polls, elapsed, last, last_fault, clock_offset, .. } = &*self.report;
        match &self.kind {
            ErrorKind::TimedOut if *polls == 0 => {
                f.write_str("the job was never polled before the deadline")?;
            }
            kind => kind.fmt(f)?,
        }
        write!(f, " (job {job}, polls: {polls}, {:.1} s", elapsed.as_secs_f64())?;
        if let Some(last) = last {
            write!(f, ", last status \"{}\"", brief(last.status.as_str()))?;
        }
        if let Some(progress) = last.as_ref().and_then(|last| last.progress) {
            write!(f, " at {progress} %")?;
        }
        if let Some(fault) = last_fault {
            f.write_str(", last fault: ")?;
            fault.write_code(f)?;
        }
        if *clock_offset != ClockOffset::default() {
            write!(f, ", clock offset {clock_offset}")?;
        }
        f.write_str(")")
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
            (ErrorKind::Build(error), _) => Some(error),
            (ErrorKind::Fault(fault), _) | (ErrorKind::TimedOut, Some(fault)) => Some(fault),
            _ => None,
        }
    }
}

impl fmt::Display for ErrorKind {
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
            Self::Transport(fault) => fault.fmt(f),
        }
    }
}

impl core::error::Error for Fault {}

/// The contents of the later report.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Seen {
    pub(super) polls: u32,
    pub(super) retries: u32,
    pub(super) last: Option<Last>,
    pub(super) last_fault: Option<Box<Fault>>,
    pub(super) request_id: Option<Box<str>>,
    pub(super) clock_offset: ClockOffset,
}

impl Seen {
    /// Returns whether the next exchange, or the one in flight, is a retry.
    pub(super) const fn is_retry(&self) -> bool {
        self.last_fault.is_some()
    }
}

/// The last good answer.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Last {
    pub(super) status: ExportStatus,
    pub(super) progress: Option<f64>,
    pub(super) failure_message: Option<String>,
}

impl From<Last> for DescribeExportJobResultResponse {
    fn from(last: Last) -> Self {
        let Last { status, progress, failure_message } = last;
        Self { status, download_url: None, progress, failure_message }
    }
}

/// Serializes the last answer of a report without its URL.
#[cfg(feature = "serde")]
mod last_answer {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::{DescribeExportJobResultResponse, Last};

    type Answer = Option<DescribeExportJobResultResponse>;

    pub(super) fn serialize<S: Serializer>(answer: &Answer, to: S) -> Result<S::Ok, S::Error> {
        let last = answer.clone().map(|answer| Last {
            status: answer.status,
            progress: answer.progress,
            failure_message: answer.failure_message,
        });
        last.serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Answer, D::Error> {
        Ok(Option::<Last>::deserialize(from)?.map(Into::into))
    }
}

/// A completed exchange.
#[derive(Clone)]
pub(super) struct Exchange {
    pub(super) started: Now,
    pub(super) result: Result<Answer<DescribeExportJobResultResponse>, Fault>,
    /// Measured by the answer's `Date`, if the service itself has answered.
    pub(super) measured_offset: Option<ClockOffset>,
}

impl Exchange {
    pub(super) fn new(
        started: Now,
        answered: Mono,
        answer: Result<Response<Bytes>, TransportErrorKind>,
    ) -> Self {
        let response = match answer {
            Ok(response) => response,
            Err(fault) => return Self::of_fault(started, fault),
        };
        let result = read_answer::<DescribeExportJobResult>(&response);
        let is_of_service = result.as_ref().map_or_else(|error| error.code().is_some(), |_| true);
        let measured_offset = ClockOffset::measure(started, answered, response.headers());
        let measured_offset = measured_offset.filter(|_| is_of_service);
        Self { started, result: result.map_err(Fault::Answer), measured_offset }
    }

    pub(super) const fn of_fault(started: Now, fault: TransportErrorKind) -> Self {
        Self { started, result: Err(Fault::Transport(fault)), measured_offset: None }
    }
}
