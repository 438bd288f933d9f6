//! Follows export jobs to their end, as pure state: when to poll, when to retry, when to give up.

mod decision;
mod outcome;
#[cfg(feature = "serde")]
mod replay;
mod retries;
#[cfg(feature = "serde")]
mod saved;
mod schedule;
mod set;
#[cfg(feature = "serde")]
mod transcript;
mod waiter;

use core::time::Duration;

pub use self::{
    outcome::{Error, ErrorKind, Event, EventKind, Fault, Finished, Outcome, Remedy, Report},
    retries::Retries,
    schedule::DelayReason,
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
    /// The first interval between two polls ([`Policy::POLL_INTERVAL`]). The next ones grow with
    /// the square root of the time that the job has been running.
    #[cfg_attr(feature = "serde", serde(with = "crate::time::nanos"))]
    pub poll_interval: Duration,
    /// The longest interval between two polls ([`Policy::LONGEST_POLL_INTERVAL`]); a shorter one
    /// than the first counts as the first. If both are equal, all intervals are equal.
    #[cfg_attr(feature = "serde", serde(with = "crate::time::nanos"))]
    pub longest_poll_interval: Duration,
    /// Whether to poll once more between two polls when the job should be done, judging by its
    /// progress ([`Policy::AIM_BY_PROGRESS`]).
    ///
    /// These polls are additional. Each is at least half of `poll_interval` away from the others,
    /// and a wait has at most one, plus one for every ten others. So misleading progress makes no
    /// wait later.
    pub aim_by_progress: bool,
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
    /// The default of `poll_interval`: 2 s.
    pub const POLL_INTERVAL: Duration = Duration::from_secs(2);
    /// The default of `longest_poll_interval`: 15 s.
    pub const LONGEST_POLL_INTERVAL: Duration = Duration::from_secs(15);
    /// The default of `aim_by_progress`: true.
    pub const AIM_BY_PROGRESS: bool = true;
    /// The default of `max_wait`: 30 min.
    pub const MAX_WAIT: Duration = Duration::from_secs(30 * 60);
    /// The default of `exchange_limit`: 30 s.
    pub const EXCHANGE_LIMIT: Duration = Duration::from_secs(30);
    /// The default of `max_failures`: 8.
    pub const MAX_FAILURES: u32 = MAX_FAILURES;
    /// The default of `polls_without_url`: 3.
    pub const POLLS_WITHOUT_URL: u32 = 3;
    /// The default of `longest_retry_after`: 15 s.
    pub const LONGEST_RETRY_AFTER: Duration = LONGEST_RETRY_AFTER;

    /// Returns the interval after a poll of a job that has been running for this long.
    ///
    /// `benches/schedule.rs` compares it with others: if the time that a job takes may have any
    /// order of magnitude, intervals that grow with its square root make the best use of the polls.
    fn interval_after(&self, running: Duration) -> Duration {
        let longest = self.longest_poll_interval.max(self.poll_interval);
        let grown = self.poll_interval.saturating_add(running / 8 * 7);
        let square = self.poll_interval.as_nanos().saturating_mul(grown.as_nanos());
        // The root of 128 bits has 64.
        Duration::from_nanos(square.isqrt() as u64).min(longest)
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            poll_interval: Self::POLL_INTERVAL,
            longest_poll_interval: Self::LONGEST_POLL_INTERVAL,
            aim_by_progress: Self::AIM_BY_PROGRESS,
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
    use super::*;

    // Expected: the square root of 2 s x (2 s + 7/8 of the time), by bc.
    #[test]
    fn interval_grows_with_the_square_root_of_the_time_to_the_longest() {
        let policy = Policy::default();
        let millis = |seconds| policy.interval_after(Duration::from_secs(seconds)).as_millis();
        assert_eq!(
            [0, 2, 10, 30, 126, 127, 1_800].map(millis),
            [2_000, 2_738, 4_636, 7_516, 14_983, 15_000, 15_000]
        );
    }

    #[test]
    fn interval_does_not_overflow() {
        let policy = Policy { poll_interval: Duration::MAX, ..Policy::default() };
        assert!(policy.interval_after(Duration::MAX) > Duration::from_secs(1 << 33));
    }
}
