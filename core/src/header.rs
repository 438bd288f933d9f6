//! The headers of requests, and the values of headers of responses.
//!
//! Source: [Common parameters](https://www.tencentcloud.com/document/product/1163/52897).

use alloc::string::{String, ToString};
use core::{str::FromStr, time::Duration};

use http::{
    HeaderMap, HeaderName, HeaderValue, Uri,
    header::{CONTENT_ENCODING, DATE, LOCATION, RETRY_AFTER},
};

use crate::{
    error::{BuildError, Field, Reason},
    time::{PLAUSIBLE, http_date},
};

/// The action, in the service's own spelling.
pub const X_TC_ACTION: HeaderName = HeaderName::from_static("x-tc-action");
/// The version of the API that the action belongs to.
pub const X_TC_VERSION: HeaderName = HeaderName::from_static("x-tc-version");
/// The Unix seconds that are signed.
pub const X_TC_TIMESTAMP: HeaderName = HeaderName::from_static("x-tc-timestamp");
/// The region; absent without a region, because the service refuses an empty one.
pub const X_TC_REGION: HeaderName = HeaderName::from_static("x-tc-region");
/// The token of temporary credentials, which is not signed.
pub const X_TC_TOKEN: HeaderName = HeaderName::from_static("x-tc-token");
/// The language of messages.
pub const X_TC_LANGUAGE: HeaderName = HeaderName::from_static("x-tc-language");
/// A label that identifies the caller in logs.
pub const X_TC_REQUEST_CLIENT: HeaderName = HeaderName::from_static("x-tc-requestclient");
/// The request id of an answer whose body has none.
pub const X_TC_REQUEST_ID: HeaderName = HeaderName::from_static("x-tc-requestid");
/// Marks an unsigned payload with the value [`UNSIGNED_PAYLOAD`].
pub const X_TC_CONTENT_SHA256: HeaderName = HeaderName::from_static("x-tc-content-sha256");

/// The text that is hashed instead of an unsigned payload.
pub const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";

/// The content type of every request, signed byte for byte.
pub(crate) const JSON: &str = "application/json";

/// The language of the service's messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Language {
    /// `zh-CN`.
    Chinese,
    /// `en-US`.
    English,
}

impl Language {
    /// Returns the value of the header.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chinese => "zh-CN",
            Self::English => "en-US",
        }
    }
}

impl FromStr for Language {
    type Err = BuildError;

    /// # Errors
    ///
    /// [`Reason::Unknown`] for [`Field::Language`] unless the text is `zh-CN` or `en-US`, in any
    /// case.
    fn from_str(text: &str) -> Result<Self, BuildError> {
        [Self::Chinese, Self::English]
            .into_iter()
            .find(|language| language.as_str().eq_ignore_ascii_case(text))
            .ok_or(BuildError::new(Field::Language, Reason::Unknown))
    }
}

/// Returns the host that a redirect points to, if it names one.
pub(crate) fn redirect_host(headers: &HeaderMap) -> Option<String> {
    let location = headers.get(LOCATION).and_then(|value| value.to_str().ok());
    let target = location.and_then(|location| location.parse::<Uri>().ok())?;
    // `Uri` may take a relative path for a host.
    target.scheme().and_then(|_| target.host()).map(ToString::to_string)
}

/// The values of `Content-Encoding` that change no byte, in lower case. Any other value may be a
/// coding, so that the bytes are not those of the file.
///
/// `identity` is the reserved name for no coding ([RFC 9110, section 8.4.1]). The others are not
/// registered [content codings], but servers send them by mistake: `none`, the identity encodings
/// of MIME ([RFC 2045, section 6.2]), and charsets, which belong in `Content-Type`.
///
/// `aws-chunked` and `chunked` are missing, because they may mean framing in the stored bytes.
///
/// [RFC 9110, section 8.4.1]: https://www.rfc-editor.org/rfc/rfc9110.html#section-8.4.1
/// [content codings]: https://www.iana.org/assignments/http-parameters/http-parameters.xhtml
/// [RFC 2045, section 6.2]: https://www.rfc-editor.org/rfc/rfc2045.html#section-6.2
const NO_CODINGS: [&str; 13] = [
    "identity",
    "none",
    "7bit",
    "8bit",
    "binary",
    "utf-8",
    "utf8",
    "us-ascii",
    "iso-8859-1",
    "gbk",
    "gb2312",
    "gb18030",
    "big5",
];

/// Returns the first value of `Content-Encoding` that names a coding.
pub(crate) fn foreign_coding(headers: &HeaderMap) -> Option<String> {
    let mut values = headers.get_all(CONTENT_ENCODING).iter().map(HeaderValue::as_bytes);
    let coding = values.find(|value| !value.split(|b| *b == b',').all(changes_no_byte))?;
    Some(String::from_utf8_lossy(coding).into())
}

fn changes_no_byte(word: &[u8]) -> bool {
    // A list may have empty members (RFC 9110, section 5.6.1.2).
    let word = word.trim_ascii();
    word.is_empty() || NO_CODINGS.iter().any(|name| word.eq_ignore_ascii_case(name.as_bytes()))
}

/// Parses `Retry-After`: seconds, or a date relative to the answer's own.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?;
    if let Some(seconds) = value.to_str().ok().and_then(|text| text.trim().parse().ok()) {
        return Some(Duration::from_secs(seconds));
    }
    let sent = http_date(headers.get(DATE)?, PLAUSIBLE.start)?;
    Some(http_date(value, sent)?.saturating_since(sent))
}
