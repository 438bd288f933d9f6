//! Follows export jobs to their end, as pure state: when to poll, when to retry, when to give up.

mod decision;
mod outcome;
#[cfg(feature = "serde")]
mod replay;
mod retries;
#[cfg(feature = "serde")]
mod saved;
mod set;
#[cfg(feature = "serde")]
mod transcript;
mod waiter;

use core::time::Duration;

pub use self::{
    outcome::{Error, ErrorKind, Event, EventKind, Fault, Finished, Outcome, Remedy, Report},
    retries::Retries,
    set::{SetStep, WaitKey, WaitSet},
    waiter::{StartError, Step, Waiter},
};
#[cfg(feature = "serde")]
pub use self::{
    replay::{Replay, ReplayError},
    saved::{ResumeError, SavedWait},
    transcript::{Polled, TranscriptLine},
};
pub use crate::retry::Backoff;
use crate::retry::{LONGEST_RETRY_AFTER, MAX_FAILURES};

/// The settings of a wait: how often it polls, what it retries, and when it ends.
///
/// ```
/// use std::time::Duration;
/// use tcss_export_core::wait::Policy;
///
/// let mut nightly = Policy::default();
/// nightly.max_wait = Duration::from_secs(4 * 3_600);
/// ```
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Policy {
    /// The first interval between two polls ([`Policy::POLL_INTERVAL`]); each next one is half as
    /// long again.
    #[cfg_attr(feature = "serde", serde(with = "crate::time::nanos"))]
    pub poll_interval: Duration,
    /// The longest interval between two polls ([`Policy::LONGEST_POLL_INTERVAL`]); a shorter one
    /// than the first counts as the first.
    #[cfg_attr(feature = "serde", serde(with = "crate::time::nanos"))]
    pub longest_poll_interval: Duration,
    /// How long the wait may take, from its creation ([`Policy::MAX_WAIT`]).
    #[cfg_attr(feature = "serde", serde(with = "crate::time::nanos"))]
    pub max_wait: Duration,
    /// How long one exchange may take ([`Policy::EXCHANGE_LIMIT`]), even past the deadline.
    #[cfg_attr(feature = "serde", serde(with = "crate::time::nanos"))]
    pub exchange_limit: Duration,
    /// How many transient failures in a row are retried ([`Policy::MAX_FAILURES`]).
    pub max_failures: u32,
    /// How often to poll again after success without a URL ([`Policy::POLLS_WITHOUT_URL`]).
    pub polls_without_url: u32,
    /// The delays after transient failures ([`Backoff::RETRY`]).
    pub retry: Backoff,
    /// The delays after the service asked for fewer requests ([`Backoff::THROTTLE`]).
    pub throttle: Backoff,
    /// How much of an answer's `Retry-After` counts ([`Policy::LONGEST_RETRY_AFTER`]).
    #[cfg_attr(feature = "serde", serde(with = "crate::time::nanos"))]
    pub longest_retry_after: Duration,
}

impl Policy {
    /// The default of `poll_interval`.
    pub const POLL_INTERVAL: Duration = Duration::from_secs(2);
    /// The default of `longest_poll_interval`.
    pub const LONGEST_POLL_INTERVAL: Duration = Duration::from_secs(15);
    /// The default of `max_wait`.
    pub const MAX_WAIT: Duration = Duration::from_secs(30 * 60);
    /// The default of `exchange_limit`.
    pub const EXCHANGE_LIMIT: Duration = Duration::from_secs(30);
    /// The default of `max_failures`.
    pub const MAX_FAILURES: u32 = MAX_FAILURES;
    /// The default of `polls_without_url`.
    pub const POLLS_WITHOUT_URL: u32 = 3;
    /// The default of `longest_retry_after`.
    pub const LONGEST_RETRY_AFTER: Duration = LONGEST_RETRY_AFTER;

    fn interval_after(&self, interval: Duration) -> Duration {
        let longest = self.longest_poll_interval.max(self.poll_interval);
        interval.saturating_add(interval / 2).min(longest)
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            poll_interval: Self::POLL_INTERVAL,
            longest_poll_interval: Self::LONGEST_POLL_INTERVAL,
            max_wait: Self::MAX_WAIT,
            exchange_limit: Self::EXCHANGE_LIMIT,
            max_failures: Self::MAX_FAILURES,
            polls_without_url: Self::POLLS_WITHOUT_URL,
            retry: Backoff::RETRY,
            throttle: Backoff::THROTTLE,
            longest_retry_after: Self::LONGEST_RETRY_AFTER,
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn interval_grows_by_half_to_the_longest() {
        let policy = Policy::default();
        let mut interval = policy.poll_interval;
        let mut seconds = Vec::new();
        for _ in 0..7 {
            seconds.push(interval.as_secs_f64());
            interval = policy.interval_after(interval);
        }
        assert_eq!(seconds, [2.0, 3.0, 4.5, 6.75, 10.125, 15.0, 15.0]);
    }
}
