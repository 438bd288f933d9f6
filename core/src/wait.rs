//! Follows export jobs to their end, as pure state: when to poll, when to retry, when to give up.

mod decision;
mod outcome;
mod policy;
#[cfg(feature = "serde")]
mod saved;
mod set;
#[cfg(feature = "serde")]
mod transcript;
mod waiter;

pub use self::{
    outcome::{
        Event, EventKind, Fault, Finished, Outcome, Remedy, Report, WaitError, WaitErrorKind,
    },
    policy::Policy,
    set::{SetStep, WaitKey, WaitSet},
    waiter::{StartError, Step, Waiter},
};
#[cfg(feature = "serde")]
pub use self::{
    saved::{ResumeError, SavedWait},
    transcript::{Polled, Replay, ReplayError, TranscriptLine},
};
