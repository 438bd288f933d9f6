//! What a waiter remembers.

use alloc::{boxed::Box, string::String};

use crate::{
    actions::ExportStatus,
    outcome::{Fault, Outcome},
    time::{ClockOffset, Mono, Now},
};

/// What becomes the report.
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

#[derive(Clone)]
pub(super) enum Phase {
    Waiting { due: Mono },
    InFlight { started: Now },
    Done(Box<Outcome>),
}

/// The last good answer.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Last {
    pub(super) status: ExportStatus,
    pub(super) progress: Option<f64>,
    pub(super) failure_message: Option<String>,
}
