//! The lines of a recorded wait, for bug reports and tests.

use alloc::{
    boxed::Box,
    string::{String, ToString},
    vec,
    vec::Vec,
};
use core::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    outcome::{Error, ErrorKind, Event, Exchange, Fault, Outcome},
    saved::SavedWait,
};
use crate::{
    actions::{DescribeExportJobResultResponse, ExportStatus},
    answer::Answer,
    download::DownloadUrl,
    error::TransportErrorKind,
    time::{ClockOffset, Mono, Now, nanos},
};

/// One line of a transcript. Times are nanoseconds since the first line.
///
/// It contains messages of the service, but no credentials, no signature and no query of a URL.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "snake_case")]
#[non_exhaustive]
pub enum TranscriptLine {
    /// The wait at the start, with its policy and seed.
    #[non_exhaustive]
    Begun {
        /// The wait.
        wait: Box<SavedWait>,
    },
    /// A poll, its result and its event.
    Polled(Polled),
    /// A due poll that could not be started.
    #[non_exhaustive]
    NotStarted {
        /// When.
        #[serde(with = "nanos")]
        at: Duration,
        /// Why.
        fault: TransportErrorKind,
        /// The event.
        event: Event,
    },
    /// The end.
    #[non_exhaustive]
    Ended {
        /// When.
        #[serde(with = "nanos")]
        at: Duration,
        /// The outcome in this crate's words; the service's message is in the last poll.
        outcome: String,
        /// The number of requests.
        polls: u32,
        /// How many of them were retries.
        retries: u32,
    },
}

/// A recorded poll.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Polled {
    /// The time from the first line to the request.
    #[serde(with = "nanos")]
    pub started: Duration,
    /// The time from the first line to the answer.
    #[serde(with = "nanos")]
    pub answered: Duration,
    /// Local wall time at the start, in milliseconds since the Unix epoch.
    pub(super) wall: i64,

    pub(super) clock_offset: ClockOffset,
    #[serde(rename = "came")]
    pub(super) result: PollResult,
    /// Measured by the answer's `Date`.
    pub(super) measured_offset: Option<ClockOffset>,
    pub(super) event: Event,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum PollResult {
    Answer {
        status: ExportStatus,
        progress: Option<f64>,
        /// Without its query.
        download_url: Option<String>,
        failure_message: Option<String>,
        request_id: Option<String>,
    },
    Fault(Fault),
}

/// The lines of a wait that is recorded.
#[derive(Clone, Debug)]
pub(super) struct Transcript {
    began: Mono,
    pub(super) lines: Vec<TranscriptLine>,
}

impl Transcript {
    pub(super) fn begin(wait: SavedWait, began: Mono) -> Self {
        Self { began, lines: vec![TranscriptLine::Begun { wait: Box::new(wait) }] }
    }

    pub(super) fn polled(
        &mut self,
        clock_offset: ClockOffset,
        answered: Mono,
        exchange: &Exchange,
        event: &Event,
    ) {
        self.lines.push(TranscriptLine::Polled(Polled {
            started: self.since(exchange.started.mono),
            answered: self.since(answered),
            wall: exchange.started.wall.unix_millis(),
            clock_offset,
            result: PollResult::new(exchange),
            measured_offset: exchange.measured_offset,
            event: event.clone(),
        }));
    }

    pub(super) fn not_started(&mut self, now: Mono, fault: TransportErrorKind, event: &Event) {
        let (at, event) = (self.since(now), event.clone());
        self.lines.push(TranscriptLine::NotStarted { at, fault, event });
    }

    pub(super) fn since(&self, moment: Mono) -> Duration {
        moment.saturating_since(self.began)
    }
}

pub(super) fn ended(at: Duration, outcome: &Outcome) -> TranscriptLine {
    let (outcome, report) = match outcome {
        Ok(finished) => ("success".to_string(), &finished.report),
        // Without the service's message, so masking it in the last poll does not change the end.
        Err(Error { kind: ErrorKind::JobFailed { .. }, report }) => {
            (ErrorKind::JobFailed { message: None }.to_string(), report)
        }
        Err(error) => (error.kind.to_string(), &error.report),
    };
    TranscriptLine::Ended { at, outcome, polls: report.polls, retries: report.retries }
}

impl Polled {
    /// Returns the request id of the answer, if it has one.
    pub fn request_id(&self) -> Option<&str> {
        match &self.result {
            PollResult::Answer { request_id, .. } => request_id.as_deref(),
            PollResult::Fault(fault) => fault.request_id(),
        }
    }
}

impl PollResult {
    fn new(exchange: &Exchange) -> Self {
        match &exchange.result {
            Ok(Answer { response, request_id }) => Self::Answer {
                status: response.status.clone(),
                progress: response.progress,
                download_url: response.download_url.as_ref().map(ToString::to_string),
                failure_message: response.failure_message.clone(),
                request_id: request_id.clone(),
            },
            Err(fault) => Self::Fault(fault.clone()),
        }
    }

    pub(super) fn into_exchange(self, started: Now, offset: Option<ClockOffset>) -> Exchange {
        let result = match self {
            Self::Answer { status, progress, download_url, failure_message, request_id } => {
                let download_url = download_url.and_then(DownloadUrl::new);
                let response = DescribeExportJobResultResponse {
                    status,
                    download_url,
                    progress,
                    failure_message,
                };
                Ok(Answer { response, request_id })
            }
            Self::Fault(fault) => Err(fault),
        };
        Exchange { started, result, measured_offset: offset }
    }
}
