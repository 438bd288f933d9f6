//! Recomputes a TC3-HMAC-SHA256 signature from the request as it arrived.
//!
//! It shares no code with a client: it reads the raw headers, computes the signature, and returns
//! every deviation as a [`Refusal`] with the service's error code.

use std::error::Error;
use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::clock::scope_date;

/// The largest difference between a request's timestamp and the service's clock, in seconds.
const WINDOW: u64 = 300;

/// The parts of a request that a signature depends on, as they were on the wire.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "an HTTP request has no further part")]
pub struct RawRequest<'a> {
    /// The method.
    pub method: &'a str,
    /// The path of the request target.
    pub path: &'a str,
    /// The query of the request target, without the question mark.
    pub query: &'a str,
    /// The headers, in any order; case of the names and blanks around values do not matter.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body.
    pub body: &'a [u8],
}

/// The facts that an accepted request proves.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verified {
    /// The SecretId whose key signed the request.
    pub secret_id: String,
    /// The signed time, in unix seconds.
    pub timestamp: i64,
    /// The names of the signed headers, joined by `;`.
    pub signed_headers: String,
    /// Whether the signature covers the body; `false` for `UNSIGNED-PAYLOAD`.
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
    pub const fn new(service: &'a str) -> Self {
        Self { service }
    }

    /// Verifies a request at the service's time `now`, in unix seconds.
    ///
    /// `key_of` returns the SecretKey of a SecretId. The documents require canonical header values
    /// to be trimmed and in lower case, so the signature does not cover the case of a value. The
    /// port of the host may be left out of the signature, as the SDK for Node.js does.
    ///
    /// # Errors
    ///
    /// The first [`Refusal`] in the order of its variants.
    pub fn verify<'k>(
        &self,
        request: &RawRequest<'_>,
        now: i64,
        key_of: impl Fn(&str) -> Option<&'k str>,
    ) -> Result<Verified, Refusal> {
        let timestamp = request.check_form()?;
        let authorization = request
            .header("authorization")
            .map_err(|_| Refusal::Authorization("expected exactly one Authorization header"))?;
        let authorization = Authorization::parse(authorization)?;
        let seconds = seconds_of(timestamp)?;
        if authorization.date != scope_date(seconds) {
            return Err(Refusal::ScopeDate);
        }
        if authorization.service != self.service {
            let (expected, found) = (self.service.to_owned(), authorization.service.to_owned());
            return Err(Refusal::ScopeService { expected, found });
        }
        check_signed_headers(request, authorization.signed_headers)?;
        let key = key_of(authorization.secret_id).ok_or(Refusal::UnknownSecretId)?;
        if now.abs_diff(seconds) > WINDOW {
            return Err(Refusal::Expired { timestamp: seconds, now });
        }
        check_signature(request, &authorization, timestamp, key)?;
        Ok(Verified {
            secret_id: authorization.secret_id.to_owned(),
            timestamp: seconds,
            signed_headers: authorization.signed_headers.to_owned(),
            payload_signed: !is_unsigned_payload(request),
        })
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
    pub(crate) fn values(&self, name: &str) -> impl Iterator<Item = &'a str> {
        let named = self.headers.iter().filter(move |header| header.0.eq_ignore_ascii_case(name));
        named.map(|header| header.1.trim_matches([' ', '\t']))
    }

    /// Checks the parts that every call has, and returns the text of its timestamp.
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
}

fn seconds_of(timestamp: &str) -> Result<i64, Refusal> {
    let digits = timestamp.bytes().all(|byte| byte.is_ascii_digit());
    timestamp.parse().ok().filter(|_| digits).ok_or(Refusal::Timestamp)
}

/// The reason for not accepting a request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// The method is neither GET nor POST.
    Method,
    /// The path is not `/`.
    Path,
    /// A required header is missing.
    MissingHeader(&'static str),
    /// A required header occurs more than once.
    RepeatedHeader(&'static str),
    /// The Authorization header is missing, repeated or malformed.
    Authorization(&'static str),
    /// The timestamp is not a decimal number of seconds.
    Timestamp,
    /// The scope's date is not the UTC date of the timestamp.
    ScopeDate,
    /// The scope names another service.
    ScopeService {
        /// The service of the verifier.
        expected: String,
        /// The service in the scope.
        found: String,
    },
    /// The signed headers do not include `content-type` and `host`, are not sorted or not in lower
    /// case, or one of them is not in the request or more than once.
    SignedHeaders,
    /// The SecretId is unknown.
    UnknownSecretId,
    /// The timestamp is more than 300 seconds from the service's clock.
    Expired {
        /// The request's time, in unix seconds.
        timestamp: i64,
        /// The service's time, in unix seconds.
        now: i64,
    },
    /// The signature does not match this request and key.
    Signature,
}

impl Refusal {
    /// Returns the service's error code.
    ///
    /// The documents name no code for a wrong path or a repeated header; here both are
    /// `InvalidParameter`.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Method => "UnsupportedProtocol",
            Self::MissingHeader(_) => "MissingParameter",
            Self::Path | Self::RepeatedHeader(_) | Self::Timestamp => "InvalidParameter",
            Self::Authorization(_) | Self::SignedHeaders => "AuthFailure.InvalidAuthorization",
            Self::UnknownSecretId => "AuthFailure.SecretIdNotFound",
            Self::Expired { .. } => "AuthFailure.SignatureExpire",
            Self::ScopeDate | Self::ScopeService { .. } | Self::Signature => {
                "AuthFailure.SignatureFailure"
            }
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Method => "expected the method GET or POST",
            Self::Path => "expected the path /",
            Self::MissingHeader(name) => return write!(f, "expected a header {name}"),
            Self::RepeatedHeader(name) => return write!(f, "expected only one header {name}"),
            Self::Authorization(problem) => problem,
            Self::Timestamp => "expected x-tc-timestamp in whole seconds",
            Self::ScopeDate => "expected the UTC date of x-tc-timestamp in the scope",
            Self::ScopeService { expected, found } => {
                return write!(
                    f,
                    "expected the service {expected} in the scope, not {found}; some SDKs take it \
                     from the first label of the host: use a name such as {expected}.localhost"
                );
            }
            Self::SignedHeaders => {
                "expected content-type and host among the signed headers, with sorted names in \
                 lower case, and each header once in the request"
            }
            Self::UnknownSecretId => "the SecretId is not found",
            Self::Expired { timestamp, now } => {
                return write!(
                    f,
                    "timestamp {timestamp} is over 5 minutes from the service's {now}"
                );
            }
            Self::Signature => "the signature does not match the request and key",
        })
    }
}

impl Error for Refusal {}

/// The parts of an Authorization header.
struct Authorization<'a> {
    secret_id: &'a str,
    date: &'a str,
    service: &'a str,
    signed_headers: &'a str,
    signature: [u8; 32],
}

impl<'a> Authorization<'a> {
    fn parse(value: &'a str) -> Result<Self, Refusal> {
        let rest = after(value, "TC3-HMAC-SHA256 Credential=", "expected TC3-HMAC-SHA256")?;
        let (credential, rest) = part(rest)?;
        let (signed_headers, rest) =
            part(after(rest, "SignedHeaders=", "expected SignedHeaders after Credential")?)?;
        let digits = after(rest, "Signature=", "expected Signature after SignedHeaders")?;
        let (secret_id, date, service) = credential_parts(credential)?;
        let signature = signature_bytes(digits)?;
        Ok(Self { secret_id, date, service, signed_headers, signature })
    }
}

fn after<'a>(text: &'a str, start: &str, problem: &'static str) -> Result<&'a str, Refusal> {
    text.strip_prefix(start).ok_or(Refusal::Authorization(problem))
}

/// Splits at a comma. Clients in the field leave out the blank after it.
fn part(text: &str) -> Result<(&str, &str), Refusal> {
    let (part, rest) = text
        .split_once(',')
        .ok_or(Refusal::Authorization("expected three parts separated by commas"))?;
    Ok((part, rest.trim_start_matches(' ')))
}

fn credential_parts(credential: &str) -> Result<(&str, &str, &str), Refusal> {
    let mut parts = credential.split('/');
    let scoped = (parts.next(), parts.next(), parts.next(), parts.next(), parts.next());
    let (Some(id), Some(date), Some(service), Some("tc3_request"), None) = scoped else {
        return Err(Refusal::Authorization("expected SecretId/date/service/tc3_request"));
    };
    Ok((id, date, service))
}

fn signature_bytes(digits: &str) -> Result<[u8; 32], Refusal> {
    let mut bytes = [0; 32];
    let lower = digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
    match hex::decode_to_slice(digits, &mut bytes) {
        Ok(()) if lower => Ok(bytes),
        _ => Err(Refusal::Authorization("expected a Signature of 64 lower-case hex digits")),
    }
}

/// Checks the list of signed headers. The documents allow any header besides the two required ones.
fn check_signed_headers(request: &RawRequest<'_>, list: &str) -> Result<(), Refusal> {
    let names: Vec<_> = list.split(';').collect();
    let has_required = ["content-type", "host"].iter().all(|name| names.contains(name));
    let is_sorted = names.is_sorted_by(|one, next| one < next);
    let is_lower = !list.bytes().any(|byte| byte.is_ascii_uppercase());
    let is_sent = names.iter().all(|name| request.values(name).count() == 1);
    let is_right = has_required && is_sorted && is_lower && is_sent;
    is_right.then_some(()).ok_or(Refusal::SignedHeaders)
}

const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";

/// Checks that the key signed this request at this time.
fn check_signature(
    request: &RawRequest<'_>,
    authorization: &Authorization<'_>,
    timestamp: &str,
    key: &str,
) -> Result<(), Refusal> {
    let host = request.header("host")?;
    let key = signing_key(key, authorization);
    let is_signed_with = |host| {
        let canonical = canonical_request(request, authorization.signed_headers, host);
        let text = string_to_sign(timestamp, authorization, &canonical);
        // Compares in constant time.
        mac(&key, &text).verify_slice(&authorization.signature).is_ok()
    };
    let is_signed = is_signed_with(host) || without_port(host).is_some_and(is_signed_with);
    is_signed.then_some(()).ok_or(Refusal::Signature)
}

/// Returns a host without its port, if it has one.
fn without_port(host: &str) -> Option<&str> {
    let (name, port) = host.rsplit_once(':')?;
    let is_port = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    // The last colon of an IPv6 address without a port is inside the brackets.
    is_port.then_some(name)
}

fn is_unsigned_payload(request: &RawRequest<'_>) -> bool {
    request.header("x-tc-content-sha256") == Ok(UNSIGNED_PAYLOAD)
}

fn canonical_request(request: &RawRequest<'_>, signed_headers: &str, host: &str) -> String {
    let mut text = format!("{}\n{}\n{}\n", request.method, request.path, request.query);
    for name in signed_headers.split(';') {
        let value = if name == "host" { Some(host) } else { request.values(name).next() };
        text += &format!("{name}:{}\n", value.unwrap_or_default().to_ascii_lowercase());
    }
    let payload = match is_unsigned_payload(request) {
        true => UNSIGNED_PAYLOAD.as_bytes(),
        false => request.body,
    };
    format!("{text}\n{signed_headers}\n{}", hex::encode(Sha256::digest(payload)))
}

fn string_to_sign(timestamp: &str, scope: &Authorization<'_>, canonical: &str) -> String {
    let hash = hex::encode(Sha256::digest(canonical));
    let (date, service) = (scope.date, scope.service);
    format!("TC3-HMAC-SHA256\n{timestamp}\n{date}/{service}/tc3_request\n{hash}")
}

fn signing_key(key: &str, scope: &Authorization<'_>) -> Vec<u8> {
    let mut derived = format!("TC3{key}").into_bytes();
    for part in [scope.date, scope.service, "tc3_request"] {
        derived = mac(&derived, part).finalize().into_bytes().to_vec();
    }
    derived
}

fn mac(key: &[u8], text: &str) -> Hmac<Sha256> {
    // HMAC takes a key of any length, so this cannot fail.
    let mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length");
    mac.chain_update(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "TC3-HMAC-SHA256 Credential=AKIDEXAMPLE/2023-11-14/tcss/tc3_request, \
                        SignedHeaders=content-type;host, \
                        Signature=00000000000000000000000000000000000000000000000000000000000000ff";

    #[track_caller]
    fn refused(value: &str, problem: &'static str) {
        assert_eq!(Authorization::parse(value).err(), Some(Refusal::Authorization(problem)));
    }

    #[test]
    fn the_documented_form_is_read_into_its_parts() {
        let parts = Authorization::parse(GOOD).expect("good");
        let texts = (parts.secret_id, parts.date, parts.service, parts.signed_headers);
        assert_eq!(texts, ("AKIDEXAMPLE", "2023-11-14", "tcss", "content-type;host"));
        assert_eq!(parts.signature[31], 0xff);
    }

    #[test]
    fn another_algorithm_is_refused() {
        refused(&GOOD.replace("TC3-", "TC2-"), "expected TC3-HMAC-SHA256");
    }

    #[test]
    fn the_blanks_after_the_commas_may_be_missing() {
        let value = GOOD.replace(", ", ",");
        let parts = Authorization::parse(&value).expect("good");
        assert_eq!((parts.signed_headers, parts.signature[31]), ("content-type;host", 0xff));
    }

    #[test]
    fn parts_without_commas_are_refused() {
        refused(&GOOD.replace(',', ""), "expected three parts separated by commas");
    }

    #[test]
    fn another_order_is_refused() {
        let value = GOOD.replace("SignedHeaders", "Headers");
        refused(&value, "expected SignedHeaders after Credential");
    }

    #[test]
    fn a_missing_signature_is_refused() {
        refused(&GOOD.replace("Signature=", "Sig="), "expected Signature after SignedHeaders");
    }

    #[test]
    fn a_scope_with_another_ending_is_refused() {
        let value = GOOD.replace("tc3_request", "tc4_request");
        refused(&value, "expected SecretId/date/service/tc3_request");
    }

    #[test]
    fn an_upper_case_signature_is_refused() {
        let value = GOOD.replace("ff", "FF");
        refused(&value, "expected a Signature of 64 lower-case hex digits");
    }

    #[test]
    fn a_short_signature_is_refused() {
        let value = GOOD.replace("ff", "f");
        refused(&value, "expected a Signature of 64 lower-case hex digits");
    }

    // The example of the service's documentation, with its published masked key.
    const KEY: &str = "********************************";
    const BODY: &[u8] = br#"{"Limit": 1, "Filters": [{"Values": ["\u672a\u547d\u540d"], "Name": "instance-name"}]}"#;
    const REQUEST: RawRequest<'_> = RawRequest {
        method: "POST",
        path: "/",
        query: "",
        headers: &[
            ("Host", "cvm.tencentcloudapi.com"),
            ("Content-Type", "application/json; charset=utf-8"),
            ("X-TC-Action", "DescribeInstances"),
        ],
        body: BODY,
    };
    const SIGNATURE: &str = "10b1a37a7301a02ca19a647ad722d5e43b4b3cff309d421d85b46093f6ab6c4f";

    fn authorization() -> Authorization<'static> {
        let mut signature = [0; 32];
        hex::decode_to_slice(SIGNATURE, &mut signature).expect("64 digits");
        Authorization {
            secret_id: "AKID********************************",
            date: "2019-02-25",
            service: "cvm",
            signed_headers: "content-type;host;x-tc-action",
            signature,
        }
    }

    #[test]
    fn the_canonical_request_is_the_documented_one() {
        let host = "cvm.tencentcloudapi.com";
        let text = canonical_request(&REQUEST, authorization().signed_headers, host);
        assert_eq!(
            hex::encode(Sha256::digest(text)),
            "7019a55be8395899b900fb5564e4200d984910f34794a27cb3fb7d10ff6a1e84"
        );
    }

    #[test]
    fn the_signing_key_is_the_documented_one() {
        assert_eq!(
            hex::encode(signing_key(KEY, &authorization())),
            "b596b923aad85185e2d1f6659d2a062e0a86731226e021e61bfe06f7ed05f5af"
        );
    }

    #[test]
    fn the_signature_is_the_documented_one() {
        assert_eq!(check_signature(&REQUEST, &authorization(), "1551113065", KEY), Ok(()));
    }

    #[test]
    fn the_port_of_the_host_need_not_be_signed() {
        let with_host = |host| {
            let headers = [("Host", host), REQUEST.headers[1], REQUEST.headers[2]];
            let request = RawRequest { headers: &headers, ..REQUEST };
            check_signature(&request, &authorization(), "1551113065", KEY)
        };
        assert_eq!(with_host("cvm.tencentcloudapi.com:8080"), Ok(()));
        for host in
            ["cvm.tencentcloudapi.com:", "cvm.tencentcloudapi.com:x", "cvm.tencentcloudapi.co"]
        {
            assert_eq!(with_host(host), Err(Refusal::Signature), "{host}");
        }
    }

    #[test]
    fn the_colons_of_an_ipv6_address_are_no_port() {
        assert_eq!((without_port("[::1]:80"), without_port("[::1]")), (Some("[::1]"), None));
    }

    #[track_caller]
    fn signed_headers(list: &str, expected: Result<(), Refusal>) {
        assert_eq!(check_signed_headers(&REQUEST, list), expected, "{list}");
    }

    #[test]
    fn further_headers_may_be_signed() {
        signed_headers("content-type;host", Ok(()));
        signed_headers("content-type;host;x-tc-action", Ok(()));
    }

    #[test]
    fn other_lists_of_signed_headers_are_refused() {
        for list in [
            "",
            "host",
            "content-type",
            "host;content-type",
            "content-type;host;host",
            "content-type;host;",
            "content-type;host;X-TC-Action",
            "content-type;host;x-tc-version",
        ] {
            signed_headers(list, Err(Refusal::SignedHeaders));
        }
    }

    #[test]
    fn a_signed_header_that_is_repeated_is_refused() {
        let headers = [REQUEST.headers, &[("x-tc-action", "DescribeInstances")]].concat();
        let request = RawRequest { headers: &headers, ..REQUEST };
        let refusal = check_signed_headers(&request, "content-type;host;x-tc-action");
        assert_eq!(refusal, Err(Refusal::SignedHeaders));
    }
}
