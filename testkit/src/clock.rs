//! The service's clock, and its times as text, always in UTC.

use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;

/// 9999-12-31T23:59:59Z, the last second of a four-digit year.
const LAST: i64 = 253_402_300_799;

/// The service's source of time, in unix seconds; by default the system's clock.
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
    /// Makes a clock that always shows this time.
    pub fn fixed(unix: i64) -> Self {
        Self::from_fn(move || unix)
    }

    /// Makes a clock that calls `now` for each reading.
    pub fn from_fn(now: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// Returns the current unix time of this clock.
    pub fn now(&self) -> i64 {
        (self.0)()
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::from_fn(|| {
            let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX)
        })
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clock").finish_non_exhaustive()
    }
}

/// Returns `YYYY-MM-DD`, the date in a credential scope.
pub(crate) fn scope_date(unix: i64) -> String {
    utc(unix).date().to_string()
}

/// Returns the value of a `Date` header.
pub(crate) fn http_date(unix: i64) -> String {
    let time = utc(unix);
    let (weekday, day, month, year) = (time.weekday(), time.day(), time.month(), time.year());
    format!("{weekday:.3}, {day:02} {month:.3} {year:04} {} GMT", time_of_day(time))
}

/// Returns `YYYY-MM-DD hh:mm:ss`, the form of the times in a list of jobs.
pub(crate) fn date_time(unix: i64) -> String {
    format!("{} {}", scope_date(unix), time_of_day(utc(unix)))
}

/// Returns `YYYY-MM-DDThh:mm:ssZ`, the form of STS.
pub(crate) fn iso_date_time(unix: i64) -> String {
    format!("{}T{}Z", scope_date(unix), time_of_day(utc(unix)))
}

fn time_of_day(time: OffsetDateTime) -> String {
    format!("{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second())
}

fn utc(unix: i64) -> OffsetDateTime {
    // The crate's calendar ends after LAST, so the fallback is never used.
    let time = OffsetDateTime::from_unix_timestamp(unix.clamp(0, LAST));
    time.unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_second_of_a_leap_day_is_still_that_day() {
        assert_eq!(scope_date(1_709_251_199), "2024-02-29");
    }

    #[test]
    fn the_second_after_a_leap_day_is_the_first_of_march() {
        assert_eq!(scope_date(1_709_251_200), "2024-03-01");
    }

    #[test]
    fn the_epoch_is_a_thursday() {
        assert_eq!(http_date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
    }

    #[test]
    fn an_http_date_names_day_and_time() {
        assert_eq!(http_date(1_700_006_990), "Wed, 15 Nov 2023 00:09:50 GMT");
    }

    #[test]
    fn a_date_time_has_date_and_time() {
        assert_eq!(date_time(1_700_006_990), "2023-11-15 00:09:50");
    }

    #[test]
    fn a_time_after_the_year_9999_is_shown_as_its_last_second() {
        assert_eq!(http_date(i64::MAX), "Fri, 31 Dec 9999 23:59:59 GMT");
    }

    #[test]
    fn a_time_before_1970_is_shown_as_the_epoch() {
        assert_eq!(scope_date(i64::MIN), "1970-01-01");
    }
}
