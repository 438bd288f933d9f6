//! Time as plain values from the caller: the same code runs against a clock, in a simulation and in
//! a workflow engine's replay.

use core::{fmt, ops::Range, time::Duration};

use http::{
    HeaderMap, HeaderValue,
    header::{AGE, DATE},
};
use jiff::{
    SignedDuration, Span,
    civil::{self, DateTime},
    fmt::strtime::BrokenDownTime,
};

/// A moment of a monotonic clock: the time since an origin that the caller chooses.
///
/// Arithmetic saturates instead of overflowing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mono(Duration);

impl Mono {
    /// Creates a moment from the time since the origin.
    pub const fn from_origin(since_origin: Duration) -> Self {
        Self(since_origin)
    }

    /// Returns the time since the origin.
    pub const fn since_origin(self) -> Duration {
        self.0
    }

    /// Returns the moment `delay` later.
    #[must_use]
    pub const fn saturating_add(self, delay: Duration) -> Self {
        Self(self.0.saturating_add(delay))
    }

    /// Returns the time since `earlier`, or zero if that is later.
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

/// A moment of the wall clock in milliseconds since the Unix epoch.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wall(i64);

impl Wall {
    /// Creates a moment from milliseconds since the Unix epoch.
    pub const fn from_unix_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Creates a moment from seconds since the Unix epoch.
    pub const fn from_unix_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000))
    }

    /// Returns the milliseconds since the Unix epoch.
    pub const fn unix_millis(self) -> i64 {
        self.0
    }

    /// Returns the seconds since the Unix epoch, rounded down.
    pub const fn unix_seconds(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// Returns the time since `earlier`, or zero if that is later.
    pub fn saturating_since(self, earlier: Self) -> Duration {
        let millis = self.0.saturating_sub(earlier.0);
        Duration::from_millis(millis.try_into().unwrap_or_default())
    }

    pub(crate) const fn saturating_add_millis(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// Returns the moment `delay` later, rounded up.
    #[must_use]
    pub fn saturating_add(self, delay: Duration) -> Self {
        let millis = delay.as_nanos().div_ceil(1_000_000);
        self.saturating_add_millis(i64::try_from(millis).unwrap_or(i64::MAX))
    }
}

/// Both clocks, read at the same moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "a moment has these two readings and no third")]
pub struct Now {
    /// The wall clock, whose time is signed; it may jump.
    pub wall: Wall,
    /// The monotonic clock, which measures delays and limits.
    pub mono: Mono,
}

/// The server's wall time minus the local one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ClockOffset {
    millis: i64,
}

impl ClockOffset {
    /// The largest difference that is not corrected: 30 s. The service accepts five minutes.
    pub const TOLERATED: Duration = Duration::from_secs(30);

    /// Creates an offset from milliseconds, positive when the server's clock is ahead.
    pub const fn from_millis(millis: i64) -> Self {
        Self { millis }
    }

    /// Returns the offset in milliseconds, positive when the server's clock is ahead.
    pub const fn as_millis(self) -> i64 {
        self.millis
    }

    /// Returns the server's time at a local one.
    pub const fn apply(self, local: Wall) -> Wall {
        local.saturating_add_millis(self.millis)
    }

    pub(crate) fn is_far_from(self, other: Self) -> bool {
        u128::from(self.millis.abs_diff(other.millis)) > Self::TOLERATED.as_millis()
    }

    /// Measures the offset by an answer's `Date`, taken as the middle of the exchange.
    ///
    /// Returns `None` if `Date` is missing, repeated or unreadable, or if `Age` reveals a cache.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use http::{HeaderMap, HeaderValue, header::DATE};
    /// use tcss_export_core::{ClockOffset, Mono, Now, Wall};
    ///
    /// let mono = Mono::from_origin(Duration::ZERO);
    /// let started = Now { wall: Wall::from_unix_seconds(1_699_979_400), mono }; // 16:30:00
    /// let answered = mono.saturating_add(Duration::from_secs(2));
    /// let date = HeaderValue::from_static("Tue, 14 Nov 2023 16:31:01 GMT");
    /// let headers = HeaderMap::from_iter([(DATE, date)]);
    ///
    /// let offset = ClockOffset::measure(started, answered, &headers);
    /// assert_eq!(offset, Some(ClockOffset::from_millis(60_000)));
    /// ```
    pub fn measure(started: Now, answered: Mono, headers: &HeaderMap) -> Option<Self> {
        if headers.contains_key(AGE) {
            return None;
        }
        let mut dates = headers.get_all(DATE).iter();
        let (Some(date), None) = (dates.next(), dates.next()) else { return None };
        let half = answered.saturating_since(started.mono) / 2;
        let middle = started.wall.saturating_add_millis(i64::try_from(half.as_millis()).ok()?);
        let server = http_date(date, started.wall.max(PLAUSIBLE.start));
        let server = server.filter(|server| PLAUSIBLE.contains(server))?;
        Some(Self { millis: server.unix_millis().checked_sub(middle.unix_millis())? })
    }
}

impl fmt::Display for ClockOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.millis < 0 { '-' } else { '+' };
        let millis = self.millis.unsigned_abs();
        write!(f, "{sign}{}.{:03} s", millis / 1_000, millis % 1_000)
    }
}

/// From the year of the API's version to the year 3000. One answer with a wilder date would shift
/// the clock to a time that cannot be signed, so no later answer could correct it.
pub(crate) const PLAUSIBLE: Range<Wall> =
    Wall::from_unix_seconds(1_577_836_800)..Wall::from_unix_seconds(32_503_680_000);

/// Parses the three date forms of HTTP ([RFC 9110, section 5.6.7]), in any letter case and without
/// checking the weekday.
///
/// A two-digit year is the latest one at most 50 years after `now`.
///
/// [RFC 9110, section 5.6.7]: https://www.rfc-editor.org/rfc/rfc9110.html#section-5.6.7
pub(crate) fn http_date(value: &HeaderValue, now: Wall) -> Option<Wall> {
    let text = value.to_str().ok()?.to_ascii_uppercase();
    let date = match text.split_once(", ") {
        Some((_, rest)) if rest.len() == "15 Nov 2023 00:09:50 GMT".len() => {
            BrokenDownTime::parse("%d %b %Y %H:%M:%S GMT", rest).ok()?.to_datetime().ok()?
        }
        Some((_, rest)) if rest.len() == "15-Nov-23 00:09:50 GMT".len() => {
            let short = BrokenDownTime::parse("%d-%b-%y %H:%M:%S GMT", rest).ok()?;
            with_century(short, now)?
        }
        None if text.len() == "Wed Nov 15 00:09:50 2023".len() => {
            let rest = text.split_once(' ')?.1;
            BrokenDownTime::parse("%b %e %H:%M:%S %Y", rest).ok()?.to_datetime().ok()?
        }
        _ => return None,
    };
    let seconds = date.duration_since(EPOCH).as_secs();
    (seconds >= 0).then_some(Wall::from_unix_seconds(seconds))
}

fn with_century(mut short: BrokenDownTime, now: Wall) -> Option<DateTime> {
    let now = EPOCH.checked_add(SignedDuration::from_secs(now.unix_seconds())).ok()?;
    let limit = now.checked_add(Span::new().years(50)).ok()?;
    let year = limit.year() - (limit.year() - short.year()?).rem_euclid(100);
    [year, year - 100].into_iter().find_map(|year| {
        short.set_year(Some(year)).ok()?;
        short.to_datetime().ok().filter(|date| *date <= limit)
    })
}

const EPOCH: DateTime = civil::date(1970, 1, 1).at(0, 0, 0, 0);

/// Returns the UTC date of a moment between the years 1970 and 9999.
pub(crate) fn utc_date(unix_seconds: u64) -> civil::Date {
    let since = SignedDuration::from_secs(unix_seconds.cast_signed());
    EPOCH.saturating_add(since).date()
}

/// Durations of saved waits, as nanoseconds of at most 584 years.
#[cfg(feature = "serde")]
pub(crate) mod nanos {
    use core::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_nanos)
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    /// 2023-11-14T16:30:00Z.
    const NOW: Wall = Wall::from_unix_seconds(1_699_979_400);

    fn read(text: &str) -> Option<i64> {
        http_date(&HeaderValue::from_str(text).unwrap(), NOW).map(Wall::unix_seconds)
    }

    // Expected: `date -u -d "..." +%s` of GNU coreutils.
    #[test]
    fn dates_of_servers_are_read() {
        assert_eq!(read("Wed, 15 Nov 2023 00:09:50 GMT"), Some(1_700_006_990));
        assert_eq!(read("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        assert_eq!(read("Thu, 29 Feb 2024 23:59:59 GMT"), Some(1_709_251_199));
        assert_eq!(read("Fri, 31 Dec 9999 23:59:59 GMT"), Some(253_402_300_799));
    }

    #[test]
    fn obsolete_forms_are_read_as_well() {
        assert_eq!(read("Wednesday, 15-Nov-23 00:09:50 GMT"), Some(1_700_006_990));
        assert_eq!(read("Wed Nov 15 00:09:50 2023"), Some(1_700_006_990));
        assert_eq!(read("Sun Nov  5 00:09:50 2023"), Some(1_699_142_990));
    }

    // Expected: `date -u -d "..." +%s` of GNU coreutils.
    #[test]
    fn a_two_digit_year_is_at_most_fifty_years_ahead() {
        assert_eq!(read("Tuesday, 14-Nov-73 16:30:00 GMT"), Some(3_277_902_600));
        assert_eq!(read("Wednesday, 14-Nov-73 16:30:01 GMT"), Some(122_142_601));
        assert_eq!(read("Saturday, 29-Feb-20 00:00:00 GMT"), Some(1_582_934_400));
        assert_eq!(read("Wednesday, 29-Feb-72 00:00:00 GMT"), Some(3_223_929_600));
        let in_2099 = Wall::from_unix_seconds(4_070_908_800);
        let next_century = HeaderValue::from_static("Saturday, 01-Jan-01 00:00:00 GMT");
        assert_eq!(http_date(&next_century, in_2099).map(Wall::unix_seconds), Some(4_133_980_800));
    }

    #[test]
    fn dates_are_case_insensitive() {
        assert_eq!(read("wed, 15 NOV 2023 00:09:50 gmt"), Some(1_700_006_990));
        assert_eq!(read("WEDNESDAY, 15-nov-23 00:09:50 Gmt"), Some(1_700_006_990));
        assert_eq!(read("wed nov 15 00:09:50 2023"), Some(1_700_006_990));
    }

    /// The grammar allows a leap second. Unix time has none, so it is the previous second.
    #[test]
    fn a_leap_second_is_read() {
        assert_eq!(read("Sat, 31 Dec 2016 23:59:60 GMT"), Some(1_483_228_799));
        assert_eq!(read("Saturday, 31-Dec-16 23:59:60 GMT"), Some(1_483_228_799));
        assert_eq!(read("Sat Dec 31 23:59:60 2016"), Some(1_483_228_799));
        assert_eq!(read("Sat, 31 Dec 2016 23:59:61 GMT"), None);
    }

    #[test]
    fn a_wrong_weekday_is_ignored() {
        assert_eq!(read("Mon, 15 Nov 2023 00:09:50 GMT"), Some(1_700_006_990));
        assert_eq!(read("Mon, 15-Nov-23 00:09:50 GMT"), Some(1_700_006_990));
        assert_eq!(read("Mon Nov 15 00:09:50 2023"), Some(1_700_006_990));
    }

    #[test]
    fn unreadable_dates_are_none() {
        for text in [
            "",
            ", ",
            "yesterday",
            "Wed, 15 Nov 2023 00:09:50",
            "Wed, 15 Nov 2023 00:09:50 CET",
            "Wed, 15 Nov 2023 24:00:00 GMT",
            "Wed, 15 Nov 2023 00:09 GMT",
            "Wed, 15 Nov 2023 00:09:50:00 GMT",
            "Wed, +5 Nov 2023 00:09:50 GMT",
            "Wed, 00 Nov 2023 00:09:50 GMT",
            "Wed, 15 Nix 2023 00:09:50 GMT",
            "Wed, 15 Nov 99999 00:09:50 GMT",
            "Wed, 15 Nov 0000 00:09:50 GMT",
            "Wednesday, 15-Nov-2023 00:09:50 GMT",
            "Wednesday, 15 Nov 23 00:09:50 GMT",
            "Wed Nov 15 00:09:50 GMT 2023",
            "Nov 15 00:09:50 2023",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(http_date(&HeaderValue::from_bytes(b"\xff, 15").unwrap(), NOW), None);
    }

    #[test]
    fn offset_is_taken_at_the_middle_of_the_exchange() {
        let started = Now { wall: Wall::from_unix_seconds(1_700_006_390), mono: Mono::default() };
        let answered = Mono::from_origin(Duration::from_secs(4));
        let date = HeaderValue::from_static("Wed, 15 Nov 2023 00:09:50 GMT");
        let headers = HeaderMap::from_iter([(DATE, date)]);
        let offset = ClockOffset::measure(started, answered, &headers).unwrap();
        assert_eq!(offset.as_millis(), 598_000);
        assert_eq!(offset.to_string(), "+598.000 s");
    }
}
