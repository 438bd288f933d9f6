//! Records a wait line by line, and replays it, for bug reports and tests.

use alloc::{
    boxed::Box,
    string::{String, ToString},
    vec,
    vec::Vec,
};
use core::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    decision::Reading,
    outcome::{Event, Fault, Outcome, WaitErrorKind},
    saved::{ResumeError, SavedWait},
    waiter::{Step, Waiter},
};
use crate::{
    actions::{DescribeExportJobResultResponse, ExportStatus},
    answer::Answer,
    credentials::Credentials,
    download::DownloadUrl,
    error::{BuildError, SendFault},
    session::Session,
    time::{ClockOffset, Mono, Now, Wall, nanos},
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
        fault: SendFault,
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
    wall: i64,

    clock_offset: ClockOffset,
    #[serde(rename = "came")]
    result: PollResult,
    /// Measured by the answer's `Date`.
    measured_offset: Option<ClockOffset>,
    event: Event,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum PollResult {
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
pub(crate) struct Transcript {
    began: Mono,
    /// The poll in flight.
    started: (Now, ClockOffset),
    lines: Vec<TranscriptLine>,
}

impl Transcript {
    /// Starts a transcript, with a poll in flight if the next line is a result.
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
            result: PollResult::new(reading),
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

    fn since(&self, moment: Mono) -> Duration {
        moment.saturating_since(self.began)
    }
}

fn ended(at: Duration, outcome: &Outcome) -> TranscriptLine {
    let (outcome, report) = match outcome {
        Ok(finished) => ("success".to_string(), &finished.report),
        Err(error) => (words(&error.kind), &error.report),
    };
    let (polls, retries) = (report.polls, report.retries);
    TranscriptLine::Ended { at, outcome, polls, retries }
}

/// Omits the service's message, so masking it elsewhere in the transcript does not change the end.
fn words(kind: &WaitErrorKind) -> String {
    match kind {
        WaitErrorKind::JobFailed { .. } => WaitErrorKind::JobFailed { message: None }.to_string(),
        kind => kind.to_string(),
    }
}

impl Polled {
    /// Returns the request id of the answer, if it has one.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        match &self.result {
            PollResult::Answer { request_id, .. } => request_id.as_deref(),
            PollResult::Fault(fault) => fault.request_id(),
        }
    }
}

impl PollResult {
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

/// Replays a recorded wait, without network or clock.
#[derive(Debug)]
pub struct Replay {
    waiter: Waiter,
    session: Session,
    credentials: Credentials,
}

impl Replay {
    /// Starts with the first line.
    ///
    /// # Errors
    ///
    /// [`ReplayError::NotBegun`] for any other line; [`ReplayError::Site`] or
    /// [`ReplayError::Resume`] for a wait that this version cannot resume.
    pub fn begin(line: TranscriptLine) -> Result<Self, ReplayError> {
        let TranscriptLine::Begun { wait } = line else { return Err(ReplayError::NotBegun) };
        let mut session = Session::new(wait.site().parse().map_err(ReplayError::Site)?);
        let waiter = Waiter::resume(wait.unmoved(), Now::default(), &mut session);
        let credentials = Credentials::new("REPLAY", "REPLAY").map_err(ReplayError::Site)?;
        Ok(Self { waiter: waiter.map_err(ReplayError::Resume)?, session, credentials })
    }

    /// Replays the next line; returns its event, or `None` at the end.
    ///
    /// # Errors
    ///
    /// [`ReplayError::NotDue`], [`ReplayError::Decided`], [`ReplayError::NotEnded`] or
    /// [`ReplayError::Ended`] if this version behaves differently from the recording.
    pub fn next(&mut self, line: TranscriptLine) -> Result<Option<Event>, ReplayError> {
        match line {
            TranscriptLine::Begun { .. } => Err(ReplayError::NotBegun),
            TranscriptLine::Polled(polled) => self.poll(polled).map(Some),
            TranscriptLine::NotStarted { at, fault, event } => {
                let decided = self.waiter.cannot_start(Mono::from_origin(at), fault);
                same(event, decided).map(Some)
            }
            TranscriptLine::Ended { at, outcome, polls, retries } => {
                let recorded = TranscriptLine::Ended { at, outcome, polls, retries };
                self.end(at, recorded).map(|()| None)
            }
        }
    }

    fn poll(&mut self, polled: Polled) -> Result<Event, ReplayError> {
        let Polled { started, answered, wall, clock_offset, result, measured_offset, event } =
            polled;
        let now = Now { wall: Wall::from_unix_millis(wall), mono: Mono::from_origin(started) };
        self.session.set_clock_offset(clock_offset);
        self.waiter
            .start(now, &mut self.session, &self.credentials)
            .map_err(|_| ReplayError::NotDue { started: now.mono })?;
        let reading = result.into_reading(measured_offset);
        same(event, self.waiter.decide(Mono::from_origin(answered), &mut self.session, reading))
    }

    fn end(&mut self, at: Duration, recorded: TranscriptLine) -> Result<(), ReplayError> {
        if matches!(&recorded, TranscriptLine::Ended { outcome, .. } if outcome == CANCELLED) {
            self.waiter.cancel();
        }
        let Step::Done(outcome) = self.waiter.step(Mono::from_origin(at)) else {
            return Err(ReplayError::NotEnded);
        };
        let decided = ended(at, outcome);
        if decided == recorded {
            return Ok(());
        }
        Err(ReplayError::Ended { recorded: Box::new(recorded), decided: Box::new(decided) })
    }
}

const CANCELLED: &str = "the wait was cancelled";

fn same(recorded: Event, decided: Event) -> Result<Event, ReplayError> {
    if recorded == decided {
        return Ok(decided);
    }
    Err(ReplayError::Decided { recorded: Box::new(recorded), decided: Box::new(decided) })
}

/// How a replay differs from its transcript.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ReplayError {
    /// Only the first line may begin a wait.
    NotBegun,
    /// The endpoint of the wait is invalid.
    Site(BuildError),
    /// The wait cannot be resumed.
    Resume(ResumeError),
    /// The recorded poll is not due.
    NotDue {
        /// When it was started.
        started: Mono,
    },
    /// The event is different.
    Decided {
        /// The recorded one.
        recorded: Box<Event>,
        /// The replayed one.
        decided: Box<Event>,
    },
    /// The replayed wait does not end here.
    NotEnded,
    /// The end is different.
    Ended {
        /// The recorded one.
        recorded: Box<TranscriptLine>,
        /// The replayed one.
        decided: Box<TranscriptLine>,
    },
}

impl fmt::Display for ReplayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotBegun => f.write_str("the first line, and only that, begins a wait"),
            Self::Site(error) => error.fmt(f),
            Self::Resume(error) => error.fmt(f),
            Self::NotDue { started } => {
                let seconds = started.since_origin().as_secs_f64();
                write!(f, "the poll started at {seconds:.3} s is not due then")
            }
            Self::NotEnded => f.write_str("the wait does not end here"),
            Self::Decided { recorded, decided } => {
                write!(f, "recorded was {:?}, decided is {:?}", recorded.kind, decided.kind)
            }
            Self::Ended { recorded, decided } => {
                write!(f, "recorded was {recorded:?}, decided is {decided:?}")
            }
        }
    }
}

impl core::error::Error for ReplayError {}
