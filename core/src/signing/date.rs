use core::{fmt, str};

use http::HeaderValue;

use crate::{
    error::{BuildError, Field, Reason},
    time::utc_date,
};

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
    pub fn date(self) -> Date {
        let date = utc_date(self.0);
        let mut text = *b"YYYY-MM-DD";
        write_digits(&mut text[..4], date.year().unsigned_abs().into());
        write_digits(&mut text[5..7], date.month().unsigned_abs().into());
        write_digits(&mut text[8..], date.day().unsigned_abs().into());
        Date { text }
    }

    /// Returns the decimal digits of the seconds.
    pub(super) fn digits(self) -> Digits {
        let count = self.0.checked_ilog10().unwrap_or_default() as usize + 1;
        let mut text = [0; Digits::MOST];
        write_digits(&mut text[..count], self.0);
        Digits { text, count }
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(str::from_utf8(self.digits().as_bytes()).expect("digits are ASCII"))
    }
}

/// The digits of a timestamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Digits {
    text: [u8; Self::MOST],
    count: usize,
}

impl Digits {
    /// Those of [`Timestamp::MAX`].
    const MOST: usize = 12;

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.text[..self.count]
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

/// Fills `text` with the last decimal digits of a number; the formatter takes ten times as long.
fn write_digits(text: &mut [u8], mut number: u64) {
    for digit in text.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
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
