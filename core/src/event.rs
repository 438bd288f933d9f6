use core::time::Duration;

use crate::{actions::ExportStatus, outcome::Fault, time::ClockOffset};

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
