use core::{fmt, str};

use http::HeaderValue;

use crate::error::{BuildError, Field, Reason};

const SECONDS_PER_DAY: u64 = 86_400;

/// The wall-clock seconds that are signed, as `X-TC-Timestamp` carries them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The last second of the year 9999, the last one whose date has ten characters.
    pub const MAX: Self = Self(253_402_300_799);

    /// Creates a timestamp from seconds since the Unix epoch.
    ///
    /// # Errors
    ///
    /// [`Reason::OutOfRange`] below zero or past [`Timestamp::MAX`].
    pub const fn new(seconds: i64) -> Result<Self, BuildError> {
        if seconds < 0 || seconds as u64 > Self::MAX.0 {
            return Err(BuildError::new(Field::Timestamp, Reason::OutOfRange));
        }
        Ok(Self(seconds as u64))
    }

    /// Returns the seconds since the Unix epoch.
    #[must_use]
    pub const fn as_seconds(self) -> u64 {
        self.0
    }

    /// Returns the UTC date of this timestamp, the one the credential scope must name.
    ///
    /// ```
    /// use tcss_export_core::signing::Timestamp;
    ///
    /// let leap_day = Timestamp::new(1_709_251_199)?;
    /// assert_eq!(leap_day.date().to_string(), "2024-02-29");
    /// # Ok::<(), tcss_export_core::BuildError>(())
    /// ```
    #[must_use]
    pub const fn date(self) -> Date {
        // At most 2,932,896 days lie before the end of the year 9999.
        Date::from_days((self.0 / SECONDS_PER_DAY) as u32)
    }

    /// Returns the decimal digits of the seconds.
    pub(super) const fn digits(self) -> Digits {
        let (mut text, mut start, mut rest) = ([b'0'; Digits::MOST], Digits::MOST, self.0);
        loop {
            start -= 1;
            text[start] = digit(rest);
            rest /= 10;
            if rest == 0 {
                return Digits { text, start };
            }
        }
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(str::from_utf8(self.digits().as_bytes()).expect("digits are ASCII"))
    }
}

/// The digits of a timestamp; the formatter would take ten times as long to make them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Digits {
    text: [u8; Self::MOST],
    start: usize,
}

impl Digits {
    /// Those of [`Timestamp::MAX`].
    const MOST: usize = 12;

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.text[self.start..]
    }

    pub(super) fn to_header_value(self) -> HeaderValue {
        HeaderValue::from_bytes(self.as_bytes()).expect("digits can stand in a header")
    }
}

/// A UTC calendar date between 1970-01-01 and 9999-12-31, shown as `YYYY-MM-DD`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    /// With four digits for the year, texts are in the order of the days.
    text: [u8; 10],
}

impl Date {
    const fn from_days(days: u32) -> Self {
        let (year, month, day) = year_month_day(days);
        let [y0, y1, y2, y3] = [year / 1_000, year / 100, year / 10, year];
        let text = [
            digit(y0 as u64),
            digit(y1 as u64),
            digit(y2 as u64),
            digit(y3 as u64),
            b'-',
            digit(month as u64 / 10),
            digit(month as u64),
            b'-',
            digit(day as u64 / 10),
            digit(day as u64),
        ];
        Self { text }
    }

    pub(super) const fn as_bytes(&self) -> &[u8; 10] {
        &self.text
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(str::from_utf8(&self.text).expect("digits and hyphens are ASCII"))
    }
}

impl fmt::Debug for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Date({self})")
    }
}

/// Returns the last decimal digit.
const fn digit(number: u64) -> u8 {
    b'0' + (number % 10) as u8
}

/// Returns year, month and day of the Gregorian calendar, so many days after 1970-01-01.
///
/// Years are counted from March, so that a leap day is the last of its year, in eras of 400
/// years, after which the calendar repeats.
const fn year_month_day(days: u32) -> (u32, u32, u32) {
    let from_0000_03_01 = days + 719_468;
    let era = from_0000_03_01 / 146_097;
    let day_of_era = from_0000_03_01 % 146_097;
    let leap_days = day_of_era / 1_460 + day_of_era / 146_096 - day_of_era / 36_524;
    let year_of_era = (day_of_era - leap_days) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let (month, next_year) = match month_from_march {
        0..=9 => (month_from_march + 3, 0),
        _ => (month_from_march - 9, 1),
    };
    (era * 400 + year_of_era + next_year, month, day)
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    fn date_of(seconds: i64) -> alloc::string::String {
        Timestamp::new(seconds).unwrap().date().to_string()
    }

    // Expected dates: `date -u -d @SECONDS +%F` of GNU coreutils.
    #[test]
    fn dates_follow_the_gregorian_calendar() {
        for (seconds, date) in [
            (0, "1970-01-01"),
            (86_399, "1970-01-01"),
            (86_400, "1970-01-02"),
            (951_782_399, "2000-02-28"),
            (951_782_400, "2000-02-29"),
            (951_868_800, "2000-03-01"),
            (1_709_251_199, "2024-02-29"),
            (1_709_251_200, "2024-03-01"),
            (1_735_689_599, "2024-12-31"),
            (1_735_689_600, "2025-01-01"),
            (4_107_542_399, "2100-02-28"),
            (4_107_542_400, "2100-03-01"),
            (253_402_300_799, "9999-12-31"),
        ] {
            assert_eq!(date_of(seconds), date, "at {seconds}");
        }
    }

    // Expected: the formatter of the standard library.
    #[test]
    fn digits_are_those_of_the_number() {
        for seconds in [0, 9, 10, 99, 100, 1_699_979_400, 99_999_999_999, 253_402_300_799] {
            let digits = Timestamp::new(seconds).unwrap().digits();
            assert_eq!(digits.as_bytes(), seconds.to_string().as_bytes());
        }
    }

    #[test]
    fn timestamps_outside_four_digit_years_are_refused() {
        for seconds in [-1, i64::MIN, 253_402_300_800, i64::MAX] {
            let error = Timestamp::new(seconds).unwrap_err();
            assert_eq!(error, BuildError::new(Field::Timestamp, Reason::OutOfRange));
        }
    }
}
