//! When to repeat a failed exchange: shared by waits and downloads.

use core::time::Duration;

/// How many failures in a row are retried by default.
pub(crate) const MAX_FAILURES: u32 = 8;
/// How much of a `Retry-After` counts by default.
pub(crate) const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(15);

/// Delays that double with each failure in a row, with full jitter: clients that fail together do
/// not retry together.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Backoff {
    /// No delay is shorter, even if `base` or `longest` is.
    #[cfg_attr(feature = "serde", serde(with = "crate::time::nanos"))]
    pub shortest: Duration,
    /// The longest delay after the first failure; it doubles with each next one.
    #[cfg_attr(feature = "serde", serde(with = "crate::time::nanos"))]
    pub base: Duration,
    /// No delay is longer.
    #[cfg_attr(feature = "serde", serde(with = "crate::time::nanos"))]
    pub longest: Duration,
}

impl Backoff {
    /// Between 100 ms and 200 ms, 400 ms, 800 ms, .. up to 5 s.
    pub const RETRY: Self =
        Self::new(Duration::from_millis(100), Duration::from_millis(200), Duration::from_secs(5));
    /// Between 500 ms and 1 s, 2 s, 4 s, .. up to 15 s.
    pub const THROTTLE: Self =
        Self::new(Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(15));

    /// Creates delays between `shortest` and `base` x 2^n, but at most `longest`.
    pub const fn new(shortest: Duration, base: Duration, longest: Duration) -> Self {
        Self { shortest, base, longest }
    }

    /// Returns the shortest and the longest delay after failure `n`, counted from 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use tcss_export_core::wait::Backoff;
    ///
    /// let (shortest, longest) = Backoff::RETRY.bounds(2);
    /// assert_eq!((shortest, longest), (Duration::from_millis(100), Duration::from_millis(800)));
    /// ```
    pub fn bounds(&self, n: u32) -> (Duration, Duration) {
        let factor = 1u32.checked_shl(n).unwrap_or(u32::MAX);
        let longest = self.base.saturating_mul(factor).min(self.longest);
        (self.shortest, longest.max(self.shortest))
    }

    /// Returns a delay within the bounds, all of which are equally likely.
    pub(crate) fn delay(&self, n: u32, random: &mut Random) -> Duration {
        let (shortest, longest) = self.bounds(n);
        let spread = u64::try_from((longest - shortest).as_nanos()).unwrap_or(u64::MAX);
        // The upper half of a product of two 64-bit numbers.
        let nanos = (u128::from(spread) * u128::from(random.next())) >> 64;
        shortest + Duration::from_nanos(nanos as u64)
    }
}

/// What has failed since the last success.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Failures {
    failures: u32,
    throttles: u32,
    /// The last failure was a broken connection. The name is part of the form of saved waits.
    connection_retried: bool,
    /// Only waits correct the clock and refresh credentials.
    pub(crate) clock_corrected: bool,
    pub(crate) credentials_refreshed: bool,
}

impl Failures {
    /// Counts a failure and returns the delay before the next attempt, or `None` after
    /// `max_failures` in a row.
    ///
    /// The first broken connection in a row is retried at once: most likely the server had closed
    /// it while it was idle.
    pub(crate) fn failed(
        &mut self,
        backoff: Backoff,
        max_failures: u32,
        is_broken_connection: bool,
        random: &mut Random,
    ) -> Option<Duration> {
        if self.failures >= max_failures {
            return None;
        }
        let is_first = is_broken_connection && !self.connection_retried;
        self.connection_retried = is_broken_connection;
        self.failures += 1;
        Some(match is_first {
            true => Duration::ZERO,
            false => backoff.delay(self.failures - 1, random),
        })
    }

    /// Counts a request to slow down, of which any number in a row is allowed.
    pub(crate) fn throttled(&mut self, backoff: Backoff, random: &mut Random) -> Duration {
        let delay = backoff.delay(self.throttles, random);
        self.throttles = self.throttles.saturating_add(1);
        delay
    }
}

/// A pseudo-random generator (SplitMix64): one seed always yields one sequence.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// Raises a delay to the answer's `Retry-After`, of which at most `cap` counts.
pub(crate) fn raised(delay: Duration, retry_after: Option<Duration>, cap: Duration) -> Duration {
    delay.max(retry_after.unwrap_or_default().min(cap))
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    fn delays(backoff: Backoff, seed: u64) -> Vec<Duration> {
        let (mut failures, mut random) = (Failures::default(), Random(seed));
        (0..5).map(|_| failures.throttled(backoff, &mut random)).collect()
    }

    #[test]
    fn one_seed_always_yields_one_sequence_of_delays() {
        assert_eq!(delays(Backoff::THROTTLE, 1), delays(Backoff::THROTTLE, 1));
        assert_ne!(delays(Backoff::THROTTLE, 1), delays(Backoff::THROTTLE, 2));
    }

    // Expected: https://rosettacode.org/wiki/Pseudo-random_numbers/Splitmix64
    #[test]
    fn random_numbers_are_those_of_splitmix64() {
        let mut random = Random(1_234_567);
        let numbers = [(); 5].map(|()| random.next());
        let expected = [
            6_457_827_717_110_365_317,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423,
            4_593_380_528_125_082_431,
            16_408_922_859_458_223_821,
        ];
        assert_eq!(numbers, expected);
    }

    #[test]
    fn bounds_grow_to_the_longest_and_never_overflow() {
        let millis = |n| {
            let (shortest, longest) = Backoff::RETRY.bounds(n);
            (shortest.as_millis(), longest.as_millis())
        };
        assert_eq!(millis(0), (100, 200));
        assert_eq!(millis(1), (100, 400));
        assert_eq!(millis(4), (100, 3_200));
        for n in [5, 31, 32, u32::MAX] {
            assert_eq!(millis(n), (100, 5_000), "after failure {n}");
        }
        let huge = Backoff::new(Duration::ZERO, Duration::MAX, Duration::MAX);
        assert_eq!(huge.bounds(u32::MAX), (Duration::ZERO, Duration::MAX));
    }

    proptest::proptest! {
        #[test]
        fn every_delay_is_within_its_bounds(
            seed: u64, n: u32, shortest: u32, base: Duration, longest: Duration,
        ) {
            let backoff = Backoff::new(Duration::from_millis(shortest.into()), base, longest);
            let (least, most) = backoff.bounds(n);
            let delay = backoff.delay(n, &mut Random(seed));
            proptest::prop_assert!(least <= delay && delay <= most);
        }
    }

    #[test]
    fn only_the_first_broken_connection_in_a_row_is_retried_at_once() {
        let (mut failures, mut random) = (Failures::default(), Random(7));
        let mut at_once = |is_broken| {
            let delay = failures.failed(Backoff::RETRY, 5, is_broken, &mut random);
            delay.map(|delay| delay == Duration::ZERO)
        };
        let row = [true, true, false, true, true, true].map(&mut at_once);
        assert_eq!(row, [Some(true), Some(false), Some(false), Some(true), Some(false), None]);
    }
}
