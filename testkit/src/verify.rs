//! Recomputes a TC3-HMAC-SHA256 signature from the request as it arrived.
//!
//! Nothing here is shared with a client: what a request claims is read from its raw headers, the
//! signature is computed anew, and every deviation is a [`Refusal`] with the service's error code.

mod authorization;
mod refusal;
mod signature;

pub use self::refusal::Refusal;

use self::authorization::Authorization;
use crate::calendar::scope_date;

/// How far a request's timestamp may be from the service's clock, in seconds, either way.
pub const WINDOW: u64 = 300;

/// A request in the parts that reach a signature, as they stood on the wire.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "an HTTP request has no further part")]
pub struct RawRequest<'a> {
    /// The method.
    pub method: &'a str,
    /// The path of the request target.
    pub path: &'a str,
    /// The query of the request target, without the question mark.
    pub query: &'a str,
    /// The headers, in any order; letter case of the names and blanks around values do not matter.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body.
    pub body: &'a [u8],
}

/// What an accepted request proved.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verified {
    /// The SecretId whose key signed the request.
    pub secret_id: String,
    /// The signed time, in unix seconds.
    pub timestamp: i64,
    /// The names of the signed headers, joined by `;`.
    pub signed_headers: String,
    /// Whether the body is covered; `false` for `UNSIGNED-PAYLOAD`.
    pub payload_signed: bool,
}

/// Verifies requests to one service of the API.
///
/// # Examples
///
/// ```
/// use tcss_export_testkit::verify::{RawRequest, Refusal, Verifier};
///
/// let request = RawRequest {
///     method: "POST",
///     path: "/",
///     query: "",
///     headers: &[("Host", "localhost"), ("Content-Type", "application/json")],
///     body: b"{}",
/// };
/// let key_of = |id: &str| (id == "AKIDEXAMPLE").then_some("EXAMPLEKEY");
/// let refusal = Verifier::new("tcss").verify(&request, 1_700_000_000, key_of);
/// assert_eq!(refusal, Err(Refusal::MissingHeader("x-tc-timestamp")));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Verifier<'a> {
    service: &'a str,
}

impl<'a> Verifier<'a> {
    /// Makes a verifier for the service that credential scopes must name, such as `tcss`.
    #[must_use]
    pub const fn new(service: &'a str) -> Self {
        Self { service }
    }

    /// Verifies a request at the service's time `now`, in unix seconds.
    ///
    /// `key_of` gives the SecretKey of a SecretId. Canonical header values are trimmed and lower
    /// case, as the documents ask, so the letter case of a signed value is not covered.
    ///
    /// # Errors
    ///
    /// The first [`Refusal`] in the order of its variants; a signed header that is missing is noticed
    /// with the signature.
    pub fn verify<'k>(
        &self,
        request: &RawRequest<'_>,
        now: i64,
        key_of: impl Fn(&str) -> Option<&'k str>,
    ) -> Result<Verified, Refusal> {
        let timestamp = request.check_form()?;
        let authorization = Authorization::parse(request.authorization()?)?;
        let seconds = seconds_of(timestamp)?;
        self.check_scope(&authorization, seconds)?;
        authorization.check_signed_headers()?;
        let key = key_of(authorization.secret_id).ok_or(Refusal::UnknownSecretId)?;
        if now.abs_diff(seconds) > WINDOW {
            return Err(Refusal::Expired { timestamp: seconds, now });
        }
        signature::check(request, &authorization, timestamp, key)?;
        Ok(Verified {
            secret_id: authorization.secret_id.to_owned(),
            timestamp: seconds,
            signed_headers: authorization.signed_headers.to_owned(),
            payload_signed: !signature::is_unsigned_payload(request),
        })
    }

    fn check_scope(&self, authorization: &Authorization<'_>, seconds: i64) -> Result<(), Refusal> {
        if authorization.date != scope_date(seconds) {
            return Err(Refusal::ScopeDate);
        }
        if authorization.service != self.service {
            return Err(Refusal::ScopeService);
        }
        Ok(())
    }
}

impl<'a> RawRequest<'a> {
    /// Returns the one value of a header, trimmed.
    pub(crate) fn header(&self, name: &'static str) -> Result<&'a str, Refusal> {
        let mut values = self.values(name);
        let value = values.next().ok_or(Refusal::MissingHeader(name))?;
        if values.next().is_some() { Err(Refusal::RepeatedHeader(name)) } else { Ok(value) }
    }

    /// Returns every value of a header, trimmed.
    pub(crate) fn values(&self, name: &'static str) -> impl Iterator<Item = &'a str> {
        let named = self.headers.iter().filter(move |header| header.0.eq_ignore_ascii_case(name));
        named.map(|header| header.1.trim_matches([' ', '\t']))
    }

    /// Checks what every call has, and returns the text of its timestamp.
    fn check_form(&self) -> Result<&'a str, Refusal> {
        if !matches!(self.method, "GET" | "POST") {
            return Err(Refusal::Method);
        }
        if self.path != "/" {
            return Err(Refusal::Path);
        }
        self.header("host")?;
        self.header("content-type")?;
        self.header("x-tc-timestamp")
    }

    fn authorization(&self) -> Result<&'a str, Refusal> {
        let missing = |_| Refusal::Authorization("expected exactly one Authorization header");
        self.header("authorization").map_err(missing)
    }
}

fn seconds_of(timestamp: &str) -> Result<i64, Refusal> {
    let digits = timestamp.bytes().all(|byte| byte.is_ascii_digit());
    timestamp.parse().ok().filter(|_| digits).ok_or(Refusal::Timestamp)
}
