use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Tells the service what time it is, in unix seconds.
///
/// The default is the system's clock.
///
/// # Examples
///
/// ```
/// use tcss_export_testkit::Clock;
///
/// assert_eq!(Clock::fixed(1_700_000_000).now(), 1_700_000_000);
/// assert_eq!(Clock::from_fn(|| 7).now(), 7);
/// ```
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> i64 + Send + Sync>);

impl Clock {
    /// Makes a clock that always tells the same time.
    #[must_use]
    pub fn fixed(unix: i64) -> Self {
        Self::from_fn(move || unix)
    }

    /// Makes a clock that asks `now` for the unix time whenever the service needs it.
    #[must_use]
    pub fn from_fn(now: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// Makes a clock that tells the system's time.
    #[must_use]
    pub fn system() -> Self {
        Self::from_fn(system_seconds)
    }

    /// Returns the unix time this clock tells now.
    #[must_use]
    pub fn now(&self) -> i64 {
        (self.0)()
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clock").finish_non_exhaustive()
    }
}

fn system_seconds() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX)
}
