use core::time::Duration;

use crate::retry::{Backoff, LONGEST_RETRY_AFTER, MAX_FAILURES};

/// How a wait goes about it: how often it polls, what it survives, when it ends.
///
/// Polling a running job and repeating a failed exchange are different things with different
/// settings.
///
/// ```
/// use std::time::Duration;
/// use tcss_export_core::Policy;
///
/// let nightly = Policy::default().with_max_wait(Duration::from_secs(4 * 3_600));
/// assert_eq!(nightly.max_wait(), Duration::from_secs(4 * 3_600));
/// ```
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    #[cfg_attr(feature = "serde", serde(with = "crate::time::nanos"))]
    poll_interval: Duration,
    #[cfg_attr(feature = "serde", serde(with = "crate::time::nanos"))]
    longest_poll_interval: Duration,
    #[cfg_attr(feature = "serde", serde(with = "crate::time::nanos"))]
    max_wait: Duration,
    #[cfg_attr(feature = "serde", serde(with = "crate::time::nanos"))]
    exchange_limit: Duration,
    max_failures: u32,
    polls_without_url: u32,
    retry: Backoff,
    throttle: Backoff,
    #[cfg_attr(feature = "serde", serde(with = "crate::time::nanos"))]
    longest_retry_after: Duration,
}

impl Policy {
    /// The first interval between two polls; each next one is half as long again.
    pub const POLL_INTERVAL: Duration = Duration::from_secs(2);
    /// The interval between two polls grows no longer than this.
    pub const LONGEST_POLL_INTERVAL: Duration = Duration::from_secs(15);
    /// How long a wait lasts at most, counted from its creation.
    pub const MAX_WAIT: Duration = Duration::from_secs(30 * 60);
    /// How long one exchange lasts at most.
    pub const EXCHANGE_LIMIT: Duration = Duration::from_secs(30);
    /// How many passing failures in a row are survived.
    pub const MAX_FAILURES: u32 = MAX_FAILURES;
    /// How often a job is polled again that has succeeded without giving a URL.
    pub const POLLS_WITHOUT_URL: u32 = 3;
    /// A longer `Retry-After`, of an answer that gave no result, counts as this.
    pub const LONGEST_RETRY_AFTER: Duration = LONGEST_RETRY_AFTER;

    /// Sets the first interval between two polls and the one up to which it grows; the same
    /// twice makes it steady. A longest one below the first counts as the first.
    #[must_use]
    pub fn with_poll_interval(mut self, first: Duration, longest: Duration) -> Self {
        self.poll_interval = first;
        self.longest_poll_interval = longest.max(first);
        self
    }

    /// Sets how long a wait lasts at most ([`Policy::MAX_WAIT`]).
    #[must_use]
    pub const fn with_max_wait(mut self, max_wait: Duration) -> Self {
        self.max_wait = max_wait;
        self
    }

    /// Sets how long one exchange lasts at most ([`Policy::EXCHANGE_LIMIT`]); a wait may end that
    /// much after its deadline.
    #[must_use]
    pub const fn with_exchange_limit(mut self, limit: Duration) -> Self {
        self.exchange_limit = limit;
        self
    }

    /// Sets how many passing failures in a row are survived ([`Policy::MAX_FAILURES`]).
    #[must_use]
    pub const fn with_max_failures(mut self, failures: u32) -> Self {
        self.max_failures = failures;
        self
    }

    /// Sets how often a job is polled again that has succeeded without giving a URL
    /// ([`Policy::POLLS_WITHOUT_URL`]).
    #[must_use]
    pub const fn with_polls_without_url(mut self, polls: u32) -> Self {
        self.polls_without_url = polls;
        self
    }

    /// Sets the delays after passing failures ([`Backoff::RETRY`]).
    #[must_use]
    pub const fn with_retry(mut self, backoff: Backoff) -> Self {
        self.retry = backoff;
        self
    }

    /// Sets the delays after being throttled ([`Backoff::THROTTLE`]).
    #[must_use]
    pub const fn with_throttle(mut self, backoff: Backoff) -> Self {
        self.throttle = backoff;
        self
    }

    /// Sets what a longer `Retry-After` counts as ([`Policy::LONGEST_RETRY_AFTER`]).
    #[must_use]
    pub const fn with_longest_retry_after(mut self, longest: Duration) -> Self {
        self.longest_retry_after = longest;
        self
    }

    /// Returns the first interval between two polls.
    #[must_use]
    pub const fn poll_interval(&self) -> Duration {
        self.poll_interval
    }

    /// Returns how long a wait lasts at most.
    #[must_use]
    pub const fn max_wait(&self) -> Duration {
        self.max_wait
    }

    /// Returns how long one exchange lasts at most.
    #[must_use]
    pub const fn exchange_limit(&self) -> Duration {
        self.exchange_limit
    }

    /// Returns how many passing failures in a row are survived.
    #[must_use]
    pub const fn max_failures(&self) -> u32 {
        self.max_failures
    }

    /// Returns how often a job is polled again that has succeeded without giving a URL.
    #[must_use]
    pub const fn polls_without_url(&self) -> u32 {
        self.polls_without_url
    }

    /// Returns the delays after passing failures.
    #[must_use]
    pub const fn retry(&self) -> Backoff {
        self.retry
    }

    /// Returns the delays after being throttled.
    #[must_use]
    pub const fn throttle(&self) -> Backoff {
        self.throttle
    }

    pub(crate) const fn longest_retry_after(&self) -> Duration {
        self.longest_retry_after
    }

    pub(crate) fn interval_after(&self, interval: Duration) -> Duration {
        interval.saturating_add(interval / 2).min(self.longest_poll_interval)
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
        let mut interval = policy.poll_interval();
        let mut seconds = Vec::new();
        for _ in 0..7 {
            seconds.push(interval.as_secs_f64());
            interval = policy.interval_after(interval);
        }
        assert_eq!(seconds, [2.0, 3.0, 4.5, 6.75, 10.125, 15.0, 15.0]);
    }
}
