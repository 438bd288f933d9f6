//! Time as plain values that the caller makes, so that one code runs against a clock, in a
//! simulation and in a workflow engine's replay.

use core::time::Duration;

/// A moment of a monotonic clock: the time since an origin that the caller chooses and keeps.
///
/// It has nanoseconds and reaches 584 years; arithmetic stops at the ends instead of overflowing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mono(Nanos);

/// A duration in half the space of [`Duration`]: a process may hold very many waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Nanos(u64);

impl Nanos {
    pub(crate) const fn new(duration: Duration) -> Self {
        let nanos = duration.as_nanos();
        // Checked: the cast loses nothing.
        Self(if nanos > u64::MAX as u128 { u64::MAX } else { nanos as u64 })
    }

    pub(crate) const fn get(self) -> Duration {
        Duration::from_nanos(self.0)
    }
}

impl Mono {
    /// Creates a moment from the time since the origin.
    #[must_use]
    pub const fn from_origin(since_origin: Duration) -> Self {
        Self(Nanos::new(since_origin))
    }

    /// Returns the time since the origin.
    #[must_use]
    pub const fn since_origin(self) -> Duration {
        self.0.get()
    }

    /// Returns the moment `delay` later, or the last one there is.
    #[must_use]
    pub const fn saturating_add(self, delay: Duration) -> Self {
        Self(Nanos(self.0.0.saturating_add(Nanos::new(delay).0)))
    }

    /// Returns how long this moment lies after `earlier`, or zero.
    #[must_use]
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.0.saturating_sub(earlier.0.0))
    }
}

/// A moment of the wall clock: milliseconds since the Unix epoch, as the machine tells them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wall(i64);

impl Wall {
    /// Creates a moment from milliseconds since the Unix epoch.
    #[must_use]
    pub const fn from_unix_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Creates a moment from seconds since the Unix epoch.
    #[must_use]
    pub const fn from_unix_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000))
    }

    /// Returns the milliseconds since the Unix epoch.
    #[must_use]
    pub const fn unix_millis(self) -> i64 {
        self.0
    }

    /// Returns the seconds since the Unix epoch, rounded down.
    #[must_use]
    pub const fn unix_seconds(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    pub(crate) const fn saturating_add_millis(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }
}

/// Both clocks read at one moment: wall time is signed, monotonic time is waited by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "a moment has these two readings and no third")]
pub struct Now {
    /// The wall clock, which may jump.
    pub wall: Wall,
    /// The monotonic clock, which may not.
    pub mono: Mono,
}
