//! A wait written down line by line, to be decided again elsewhere: a bug report, a fixture.

mod replay;

use alloc::{
    boxed::Box,
    string::{String, ToString},
    vec,
    vec::Vec,
};
use core::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::replay::{Replay, ReplayError};
use crate::{
    actions::{DescribeExportJobResultResponse, ExportStatus},
    answer::Answer,
    download_url::DownloadUrl,
    event::Event,
    outcome::{Fault, Outcome, SendFault, WaitErrorKind},
    reading::Reading,
    time::{ClockOffset, Mono, Now},
    waiter::SavedWait,
};

/// One line of a transcript. Times are nanoseconds since the first line.
///
/// It holds no credentials, no signature, and of a URL not the query; messages of the service are
/// in it as they came.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "snake_case")]
#[non_exhaustive]
pub enum TranscriptLine {
    /// The wait as it began, with its policy and its seed.
    #[non_exhaustive]
    Begun {
        /// The wait.
        wait: Box<SavedWait>,
    },
    /// A poll, what came of it, and what was decided.
    Polled(Polled),
    /// A poll that was due and could not be started.
    #[non_exhaustive]
    NotStarted {
        /// When that was known.
        at: u64,
        /// Why.
        fault: SendFault,
        /// What was decided.
        event: Event,
    },
    /// The end.
    #[non_exhaustive]
    Ended {
        /// When.
        at: u64,
        /// How, in words of this crate: what the service said stands in the last poll.
        outcome: String,
        /// How many requests were started.
        polls: u32,
        /// How many of these repeated a failed one.
        retries: u32,
    },
}

/// A poll as a transcript keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Polled {
    started: u64,
    answered: u64,
    /// Milliseconds since the Unix epoch, as the machine told them at the start.
    wall: i64,
    /// What was added to them.
    clock_offset: ClockOffset,
    came: Came,
    /// By the answer's `Date`.
    measured_offset: Option<ClockOffset>,
    event: Event,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Came {
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

/// What a waiter that is recorded keeps for it.
#[derive(Clone, Debug)]
pub(crate) struct Transcript {
    began: Mono,
    /// The poll under way.
    started: (Now, ClockOffset),
    lines: Vec<TranscriptLine>,
}

impl Transcript {
    /// Begins; a poll under way is one that was started now.
    pub(crate) fn begin(wait: SavedWait, now: Now) -> Self {
        let started = (now, wait.clock_offset());
        let lines = vec![TranscriptLine::Begun { wait: Box::new(wait) }];
        Self { began: now.mono, started, lines }
    }

    pub(crate) const fn started(&mut self, now: Now, clock_offset: ClockOffset) {
        self.started = (now, clock_offset);
    }

    pub(crate) fn polled(&mut self, answered: Mono, reading: &Reading, event: &Event) {
        let (started, clock_offset) = self.started;
        self.lines.push(TranscriptLine::Polled(Polled {
            started: self.since(started.mono),
            answered: self.since(answered),
            wall: started.wall.unix_millis(),
            clock_offset,
            came: Came::new(reading),
            measured_offset: reading.clock_offset,
            event: event.clone(),
        }));
    }

    pub(crate) fn not_started(&mut self, now: Mono, fault: SendFault, event: &Event) {
        let (at, event) = (self.since(now), event.clone());
        self.lines.push(TranscriptLine::NotStarted { at, fault, event });
    }

    pub(crate) fn ended(&mut self, now: Mono, outcome: &Outcome) {
        self.lines.push(ended(self.since(now), outcome));
    }

    pub(crate) fn take_lines(&mut self) -> Vec<TranscriptLine> {
        core::mem::take(&mut self.lines)
    }

    fn since(&self, moment: Mono) -> u64 {
        let nanos = moment.saturating_since(self.began).as_nanos();
        u64::try_from(nanos).unwrap_or(u64::MAX)
    }
}

fn ended(at: u64, outcome: &Outcome) -> TranscriptLine {
    let (outcome, report) = match outcome {
        Ok(finished) => ("success".to_string(), &finished.report),
        Err(error) => (words(&error.kind), &error.report),
    };
    let (polls, retries) = (report.polls, report.retries);
    TranscriptLine::Ended { at, outcome, polls, retries }
}

/// Leaves the service's message out: who masks texts from outside would change the end with it.
fn words(kind: &WaitErrorKind) -> String {
    match kind {
        WaitErrorKind::JobFailed { .. } => WaitErrorKind::JobFailed { message: None }.to_string(),
        kind => kind.to_string(),
    }
}

impl Polled {
    /// Returns when the request was started, since the first line.
    #[must_use]
    pub const fn started(&self) -> Duration {
        Duration::from_nanos(self.started)
    }

    /// Returns when its answer was there, since the first line.
    #[must_use]
    pub const fn answered(&self) -> Duration {
        Duration::from_nanos(self.answered)
    }

    /// Returns the request id, if the answer named one.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        match &self.came {
            Came::Answer { request_id, .. } => request_id.as_deref(),
            Came::Fault(fault) => fault.request_id(),
        }
    }
}

impl Came {
    fn new(reading: &Reading) -> Self {
        match &reading.result {
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

    fn into_reading(self, clock_offset: Option<ClockOffset>) -> Reading {
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
        Reading { result, clock_offset }
    }
}
