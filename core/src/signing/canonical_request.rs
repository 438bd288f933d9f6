use alloc::{borrow::Cow, collections::BTreeMap, string::String, vec::Vec};
use core::{fmt, str};

use sha2::{Digest, Sha256};

use crate::{
    error::{BuildError, Field, Reason},
    header::JSON,
};

/// The signed headers: lower-case, trimmed, sorted by name.
///
/// The service does the same, so `X-TC-Action` may be sent in its usual spelling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CanonicalHeaders {
    lines: String,
    names: Cow<'static, str>,
}

impl CanonicalHeaders {
    /// Creates the list from names and values, in any order and spelling.
    ///
    /// # Errors
    ///
    /// For [`Field::SignedHeaders`]: [`Reason::Empty`] for an empty name,
    /// [`Reason::InvalidCharacter`] for an invalid name or a value with control characters,
    /// [`Reason::Repeated`] for a repeated name, and [`Reason::Missing`] without `content-type` or
    /// `host`, which the service requires.
    pub fn new<'h>(
        headers: impl IntoIterator<Item = (&'h str, &'h str)>,
    ) -> Result<Self, BuildError> {
        let mut sorted = BTreeMap::new();
        for (name, value) in headers {
            let (name, value) = canonical_header(name, value)?;
            if sorted.insert(name, value).is_some() {
                return Err(refused(Reason::Repeated));
            }
        }
        if !["content-type", "host"].iter().all(|name| sorted.contains_key(*name)) {
            return Err(refused(Reason::Missing));
        }
        let lines = sorted.iter().flat_map(|(name, value)| [name, ":", value, "\n"]).collect();
        let names: Vec<&str> = sorted.keys().map(String::as_str).collect();
        Ok(Self { lines, names: names.join(";").into() })
    }

    /// Creates the list of a session; `new` would make a first request a third more expensive.
    pub(crate) fn of_session(host: &str, action: &str) -> Self {
        let action = action.to_ascii_lowercase();
        let lines = ["content-type:", JSON, "\nhost:", host, "\nx-tc-action:", &action, "\n"];
        Self { lines: lines.concat(), names: SESSION_HEADERS.into() }
    }

    /// Returns the sorted names, joined by `;` as in the `Authorization` header.
    pub fn names(&self) -> &str {
        &self.names
    }
}

fn canonical_header(name: &str, value: &str) -> Result<(String, String), BuildError> {
    if name.is_empty() {
        return Err(refused(Reason::Empty));
    }
    let name = http::HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| refused(Reason::InvalidCharacter))?;
    let value = value.trim();
    if value.contains(char::is_control) {
        return Err(refused(Reason::InvalidCharacter));
    }
    Ok((name.as_str().into(), value.to_lowercase()))
}

const fn refused(reason: Reason) -> BuildError {
    BuildError::new(Field::SignedHeaders, reason)
}

/// The signed headers of every session.
pub(crate) const SESSION_HEADERS: &str = "content-type;host;x-tc-action";

/// The first stage: the normalized text of the request, which both sides hash.
///
/// `Display` writes the exact text, to compare it with the service's
/// [signature tool](https://www.tencentcloud.com/document/product/1163/52898).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CanonicalRequest {
    /// Everything before the payload hash, which comes last.
    head: String,
    payload_hash: HexDigest,
}

impl CanonicalRequest {
    /// Creates the canonical request. Method, path and query are those that are sent, with `""` for
    /// no query; they must not contain line ends, which no request can have there.
    ///
    /// ```
    /// use tcss_export_core::signing::{CanonicalHeaders, CanonicalRequest, HexDigest};
    ///
    /// let headers = CanonicalHeaders::new([
    ///     ("Host", "tcss.tencentcloudapi.com"),
    ///     ("Content-Type", "application/json"),
    /// ])?;
    /// let request = CanonicalRequest::new("POST", "/", "", &headers, HexDigest::of(b"{}"));
    /// assert!(request.to_string().starts_with("POST\n/\n\ncontent-type:application/json\nhost:"));
    /// # Ok::<(), tcss_export_core::BuildError>(())
    /// ```
    pub fn new(
        method: &str,
        path: &str,
        query: &str,
        headers: &CanonicalHeaders,
        payload_hash: HexDigest,
    ) -> Self {
        let names = &*headers.names;
        let parts = [method, "\n", path, "\n", query, "\n", &headers.lines, "\n", names, "\n"];
        Self { head: parts.concat(), payload_hash }
    }

    /// Returns the hash for the string to sign.
    pub fn hash(&self) -> HexDigest {
        request_hash(self.hashed_head(), self.payload_hash)
    }

    /// Returns the state of the hash before the payload, which all requests of one action share.
    pub(crate) fn hashed_head(&self) -> Sha256 {
        Sha256::new_with_prefix(&self.head)
    }

    /// Returns the hash of the payload.
    pub const fn payload_hash(&self) -> HexDigest {
        self.payload_hash
    }
}

impl fmt::Display for CanonicalRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.head)?;
        self.payload_hash.fmt(f)
    }
}

pub(crate) fn request_hash(hashed_head: Sha256, payload_hash: HexDigest) -> HexDigest {
    HexDigest::from_raw(hashed_head.chain_update(payload_hash.as_bytes()).finalize().into())
}

/// A SHA-256 digest as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct HexDigest([u8; 64]);

impl HexDigest {
    /// Returns the digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self::from_raw(Sha256::digest(bytes).into())
    }

    /// Returns the digest for an unsigned payload.
    ///
    /// Like the official SDKs, send [`UNSIGNED_PAYLOAD`](crate::header::UNSIGNED_PAYLOAD) in
    /// [`X_TC_CONTENT_SHA256`](crate::header::X_TC_CONTENT_SHA256) then.
    pub fn unsigned_payload() -> Self {
        Self::of(crate::header::UNSIGNED_PAYLOAD.as_bytes())
    }

    /// Returns the digits.
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).expect("both constructors write ASCII digits only")
    }

    pub(super) const fn as_bytes(&self) -> &[u8; 64] {
        &self.0
    }

    /// Encodes by arithmetic that vectorizes, in a fifth of the time of `hex::encode_to_slice`.
    pub(super) fn from_raw(raw: [u8; 32]) -> Self {
        let mut digits = [0; 64];
        for (pair, byte) in digits.as_chunks_mut().0.iter_mut().zip(raw) {
            *pair = [hex_digit(byte >> 4), hex_digit(byte & 15)];
        }
        Self(digits)
    }
}

impl fmt::Display for HexDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for HexDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HexDigest({self})")
    }
}

const fn hex_digit(nibble: u8) -> u8 {
    // From ten on, skip the 39 characters between '9' and 'a'.
    b'0' + nibble + 39 * (nibble > 9) as u8
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    const HOST: (&str, &str) = ("host", "h.example");
    const TYPE: (&str, &str) = ("content-type", "application/json");

    fn reason_of(headers: &[(&str, &str)]) -> Reason {
        CanonicalHeaders::new(headers.iter().copied()).unwrap_err().reason()
    }

    #[test]
    fn values_are_lower_case_and_trimmed() {
        let headers = CanonicalHeaders::new([
            ("X-TC-Action", " DescribeExportJobResult\t"),
            ("Host", "H.Example"),
            TYPE,
        ])
        .unwrap();
        let expected = "content-type:application/json\nhost:h.example\n\
                        x-tc-action:describeexportjobresult\n";
        assert_eq!(headers.lines, expected);
        assert_eq!(headers.names(), "content-type;host;x-tc-action");
    }

    #[test]
    fn the_list_of_a_session_is_the_same_as_that_of_any_headers() {
        let headers = [TYPE, HOST, ("X-TC-Action", "DescribeExportJobResult")];
        let expected = CanonicalHeaders::new(headers).unwrap();
        let session = CanonicalHeaders::of_session(HOST.1, "DescribeExportJobResult");
        assert_eq!(session, expected);
    }

    #[test]
    fn bad_header_lists_are_refused() {
        assert_eq!(reason_of(&[HOST]), Reason::Missing);
        assert_eq!(reason_of(&[TYPE]), Reason::Missing);
        assert_eq!(reason_of(&[HOST, TYPE, ("Host", "other")]), Reason::Repeated);
        assert_eq!(reason_of(&[HOST, TYPE, ("", "x")]), Reason::Empty);
        assert_eq!(reason_of(&[HOST, TYPE, ("a b", "x")]), Reason::InvalidCharacter);
        assert_eq!(reason_of(&[HOST, TYPE, ("a", "x\ny")]), Reason::InvalidCharacter);
    }

    #[test]
    fn digits_are_those_of_the_hex_crate_for_every_byte() {
        for byte in 0..=u8::MAX {
            let raw = [byte; 32];
            assert_eq!(HexDigest::from_raw(raw).as_str(), hex::encode(raw));
        }
    }

    // Expected: `printf '{"JobId":"..."}' | sha256sum`.
    #[test]
    fn payload_hash_is_the_hex_of_the_hash_and_not_a_hash_of_hex() {
        let digest = HexDigest::of(br#"{"JobId":"3f1c9a52-77aa-4a6e-9b7d-5d2f0c8e1a10"}"#);
        let expected = "a810469766a5d6203e60b556954e2519f2b89949a4828a53da5dd8d358d26658";
        assert_eq!(digest.as_str(), expected);
    }

    #[test]
    fn debug_shows_a_digest() {
        let digest = HexDigest::of(b"{}");
        assert_eq!(format!("{digest:?}"), format!("HexDigest({})", digest.as_str()));
    }
}
