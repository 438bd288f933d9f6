use core::{fmt, ops::Range, time::Duration};

use http::{
    HeaderMap, HeaderValue,
    header::{AGE, DATE},
};

use crate::time::{Mono, Now, Wall};

/// What must be added to local wall time to get the server's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ClockOffset {
    millis: i64,
}

impl ClockOffset {
    /// A smaller difference is left alone: the service allows five minutes.
    pub const TOLERATED: Duration = Duration::from_secs(30);

    /// Creates an offset from milliseconds, positive when the server's clock is ahead.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self { millis }
    }

    /// Returns the offset in milliseconds, positive when the server's clock is ahead.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.millis
    }

    /// Returns the server's time at a local one.
    #[must_use]
    pub const fn apply(self, local: Wall) -> Wall {
        local.saturating_add_millis(self.millis)
    }

    pub(crate) fn is_far_from(self, other: Self) -> bool {
        u128::from(self.millis.abs_diff(other.millis)) > Self::TOLERATED.as_millis()
    }

    /// Measures the offset by an answer's `Date`, taken to be the middle of the exchange.
    ///
    /// Nothing comes of a missing, repeated or unreadable `Date`, nor of an answer with an `Age`:
    /// a cache kept it, and its date with it.
    pub(crate) fn measure(started: Now, answered: Mono, headers: &HeaderMap) -> Option<Self> {
        if headers.contains_key(AGE) {
            return None;
        }
        let mut dates = headers.get_all(DATE).iter();
        let (Some(date), None) = (dates.next(), dates.next()) else { return None };
        let half = answered.saturating_since(started.mono) / 2;
        let middle = started.wall.saturating_add_millis(i64::try_from(half.as_millis()).ok()?);
        let server = Some(http_date(date)?).filter(|date| PLAUSIBLE.contains(date))?;
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

/// From the year of the API's version to the year 3000: with a wilder date, one wrong answer would
/// leave no time that could be signed, and so no way back.
const PLAUSIBLE: Range<Wall> =
    Wall::from_unix_seconds(1_577_836_800)..Wall::from_unix_seconds(32_503_680_000);

/// Reads the one form of date that a server may send (RFC 9110, section 5.6.7):
/// `Wed, 15 Nov 2023 00:09:50 GMT`. The name of the day is not checked.
pub(crate) fn http_date(value: &HeaderValue) -> Option<Wall> {
    let (_, rest) = value.to_str().ok()?.split_once(", ")?;
    let mut parts = rest.split(' ');
    let mut next = || parts.next();
    let (day, month, year, time, zone) = (next()?, next()?, next()?, next()?, next()?);
    if zone != "GMT" || next().is_some() {
        return None;
    }
    let days = days_since_epoch(number(year, 4)?, month_number(month)?, number(day, 2)?)?;
    Some(Wall::from_unix_seconds(days * 86_400 + seconds_of_day(time)?))
}

fn seconds_of_day(time: &str) -> Option<i64> {
    let mut parts = time.split(':');
    let mut next = || number(parts.next()?, 2);
    let (hour, minute, second) = (next()?, next()?, next()?);
    // A leap second is the 60th.
    let valid = hour < 24 && minute < 60 && second <= 60 && next().is_none();
    valid.then_some(hour * 3_600 + minute * 60 + second)
}

fn number(text: &str, digits: usize) -> Option<i64> {
    let plain = text.len() == digits && text.bytes().all(|b| b.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

fn month_number(name: &str) -> Option<i64> {
    let names =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    (1..).zip(names).find_map(|(number, known)| (known == name).then_some(number))
}

/// Counts days from 1970-01-01 in the Gregorian calendar, years taken to begin in March.
fn days_since_epoch(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=31).contains(&day) || year < 1970 {
        return None;
    }
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let before_year = 365 * year + year / 4 - year / 100 + year / 400;
    Some(before_year + (153 * month + 2) / 5 + day - 1 - 719_468)
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    fn read(text: &str) -> Option<i64> {
        http_date(&HeaderValue::from_str(text).unwrap()).map(Wall::unix_seconds)
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
    fn s9_unreadable_dates_are_none() {
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
            "Wednesday, 15-Nov-23 00:09:50 GMT",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(http_date(&HeaderValue::from_bytes(b"\xff, 15").unwrap()), None);
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
