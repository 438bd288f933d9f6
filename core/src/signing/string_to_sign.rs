use core::{fmt, str};

use http::HeaderValue;

use super::{Date, HexDigest, Timestamp, date::Digits};

/// The name of the algorithm, the only one this crate speaks.
pub const ALGORITHM: &str = "TC3-HMAC-SHA256";

/// What a signing key is good for: one UTC date and one service, shown as
/// `2019-02-25/tcss/tc3_request`. There is no region in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CredentialScope<'a> {
    date: Date,
    service: &'a str,
}

impl<'a> CredentialScope<'a> {
    /// Creates a scope; `service` is the action's, whatever the host is called.
    #[must_use]
    pub const fn new(date: Date, service: &'a str) -> Self {
        Self { date, service }
    }

    /// Returns the UTC date.
    #[must_use]
    pub const fn date(&self) -> Date {
        self.date
    }

    /// Returns the name of the service.
    #[must_use]
    pub const fn service(&self) -> &'a str {
        self.service
    }
}

impl fmt::Display for CredentialScope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{TERMINATOR}", self.date, self.service)
    }
}

/// The last part of every scope, and the last text the signing key is derived from.
pub(super) const TERMINATOR: &str = "tc3_request";

/// The second stage: time, scope and the hash of the canonical request.
///
/// `Display` gives the exact text that is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StringToSign<'a> {
    timestamp: Digits,
    scope: CredentialScope<'a>,
    canonical_request_hash: HexDigest,
}

impl<'a> StringToSign<'a> {
    /// Creates the string to sign; the scope's date is the one of `timestamp`, so the two can
    /// never disagree.
    #[must_use]
    pub fn new(timestamp: Timestamp, service: &'a str, canonical_request_hash: HexDigest) -> Self {
        let scope = CredentialScope::new(timestamp.date(), service);
        Self { timestamp: timestamp.digits(), scope, canonical_request_hash }
    }

    /// Returns the scope.
    #[must_use]
    pub const fn scope(&self) -> CredentialScope<'a> {
        self.scope
    }

    /// Returns the timestamp as the request carries it.
    pub(crate) fn timestamp(&self) -> HeaderValue {
        self.timestamp.to_header_value()
    }

    /// Returns the text in pieces, as it is shown and signed.
    pub(super) fn pieces(&self) -> [&[u8]; 11] {
        let Self { timestamp, scope: CredentialScope { date, service }, .. } = self;
        let (timestamp, date, service) =
            (timestamp.as_bytes(), date.as_bytes(), service.as_bytes());
        let (algorithm, terminator) = (ALGORITHM.as_bytes(), TERMINATOR.as_bytes());
        let hash = self.canonical_request_hash.as_bytes();
        [algorithm, b"\n", timestamp, b"\n", date, b"/", service, b"/", terminator, b"\n", hash]
    }
}

impl fmt::Display for StringToSign<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.pieces().concat();
        f.write_str(str::from_utf8(&text).expect("the service is a text, all else is ASCII"))
    }
}
