use core::{fmt, str};

use http::HeaderValue;

use super::HexDigest;
use crate::{
    error::{BuildError, Field, Reason},
    time::utc_date,
};

/// The name of the algorithm.
pub const ALGORITHM: &str = "TC3-HMAC-SHA256";

/// The last part of every scope, and the last text that the signing key is derived from.
pub(super) const TERMINATOR: &str = "tc3_request";

/// The wall-clock seconds that are signed and sent as `X-TC-Timestamp`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The last second of the year 9999, after which a date has more than ten characters.
    pub const MAX: Self = Self(253_402_300_799);

    /// Creates a timestamp from seconds since the Unix epoch.
    ///
    /// # Errors
    ///
    /// [`Reason::OutOfRange`] below zero or past [`Timestamp::MAX`].
    pub const fn new(seconds: i64) -> Result<Self, BuildError> {
        if seconds < 0 || seconds.cast_unsigned() > Self::MAX.0 {
            return Err(BuildError::new(Field::Timestamp, Reason::OutOfRange));
        }
        Ok(Self(seconds.cast_unsigned()))
    }

    /// Returns the seconds since the Unix epoch.
    pub const fn as_seconds(self) -> u64 {
        self.0
    }

    const fn day(self) -> u64 {
        self.0 / 86_400
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The UTC date and the service that a signing key is valid for, shown as
/// `2019-02-25/tcss/tc3_request`. TC3 has no region here.
///
/// ```
/// use tcss_export_core::signing::{CredentialScope, Timestamp};
///
/// let leap_day = CredentialScope::new(Timestamp::new(1_709_251_199)?, "tcss");
/// assert_eq!(leap_day.to_string(), "2024-02-29/tcss/tc3_request");
/// # Ok::<(), tcss_export_core::BuildError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CredentialScope<'a> {
    day: u64,
    date: [u8; 10],
    service: &'a str,
}

impl<'a> CredentialScope<'a> {
    /// Creates the scope of a moment; `service` is the action's and does not depend on the host.
    pub fn new(timestamp: Timestamp, service: &'a str) -> Self {
        let utc = utc_date(timestamp.0);
        let mut date = *b"YYYY-MM-DD";
        write_digits(&mut date[..4], utc.year().unsigned_abs().into());
        write_digits(&mut date[5..7], utc.month().unsigned_abs().into());
        write_digits(&mut date[8..], utc.day().unsigned_abs().into());
        Self { day: timestamp.day(), date, service }
    }

    /// Returns the name of the service.
    pub const fn service(&self) -> &'a str {
        self.service
    }

    /// Returns the UTC date as `YYYY-MM-DD`.
    pub fn date(&self) -> &str {
        str::from_utf8(&self.date).expect("digits and hyphens are ASCII")
    }

    pub(crate) fn is_of(&self, timestamp: Timestamp, service: &str) -> bool {
        self.day == timestamp.day() && self.service == service
    }
}

impl fmt::Display for CredentialScope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{TERMINATOR}", self.date(), self.service)
    }
}

/// The second stage: time, scope and the hash of the canonical request.
///
/// `Display` writes the exact text that is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StringToSign<'a> {
    timestamp: HeaderValue,
    scope: CredentialScope<'a>,
    canonical_request_hash: HexDigest,
}

impl<'a> StringToSign<'a> {
    /// Creates the string to sign, whose scope has the date of `timestamp`.
    pub fn new(timestamp: Timestamp, service: &'a str, canonical_request_hash: HexDigest) -> Self {
        Self::in_scope(CredentialScope::new(timestamp, service), timestamp, canonical_request_hash)
    }

    /// Creates the string to sign in the scope of `timestamp`.
    pub(crate) fn in_scope(
        scope: CredentialScope<'a>,
        timestamp: Timestamp,
        canonical_request_hash: HexDigest,
    ) -> Self {
        let mut digits = itoa::Buffer::new();
        let timestamp = HeaderValue::from_str(digits.format(timestamp.0))
            .expect("digits are valid in a header");
        Self { timestamp, scope, canonical_request_hash }
    }

    /// Returns the scope.
    pub const fn scope(&self) -> CredentialScope<'a> {
        self.scope
    }

    /// Returns the value of `X-TC-Timestamp`.
    pub(crate) fn into_timestamp(self) -> HeaderValue {
        self.timestamp
    }

    /// Returns the pieces of the text that is shown and signed.
    pub(super) fn pieces(&self) -> [&[u8]; 8] {
        let Self { timestamp, scope: CredentialScope { date, service, .. }, .. } = self;
        let (timestamp, service) = (timestamp.as_bytes(), service.as_bytes());
        let hash = self.canonical_request_hash.as_bytes();
        [b"TC3-HMAC-SHA256\n", timestamp, b"\n", date, b"/", service, b"/tc3_request\n", hash]
    }
}

impl fmt::Display for StringToSign<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.pieces().concat();
        f.write_str(str::from_utf8(&text).expect("the service is text, and the rest is ASCII"))
    }
}

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

    // Expected dates: `date -u -d @SECONDS +%F` of GNU coreutils.
    #[test]
    fn scope_dates_follow_the_gregorian_calendar_in_utc() {
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
            let timestamp = Timestamp::new(seconds).unwrap();
            assert_eq!(CredentialScope::new(timestamp, "tcss").date(), date, "at {seconds}");
        }
    }

    #[test]
    fn timestamps_outside_four_digit_years_are_refused() {
        for seconds in [-1, i64::MIN, 253_402_300_800, i64::MAX] {
            let error = Timestamp::new(seconds).unwrap_err();
            assert_eq!(error, BuildError::new(Field::Timestamp, Reason::OutOfRange));
        }
    }

    #[test]
    fn a_scope_has_its_day_and_service() {
        let at = |seconds| Timestamp::new(seconds).unwrap();
        let scope = CredentialScope::new(at(1_709_164_800), "tcss");
        for (seconds, service, expected) in [
            (1_709_164_800, "tcss", true),
            (1_709_251_199, "tcss", true),
            (1_709_251_200, "tcss", false),
            (1_709_164_799, "tcss", false),
            (1_709_164_800, "sts", false),
        ] {
            assert_eq!(scope.is_of(at(seconds), service), expected, "{seconds} {service}");
        }
    }

    #[test]
    fn a_timestamp_is_shown_in_seconds() {
        let timestamp = Timestamp::new(1_709_251_199).unwrap();
        assert_eq!(timestamp.as_seconds(), 1_709_251_199);
        assert_eq!(timestamp.to_string(), "1709251199");
    }
}
