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

/// Returns the content encoding of a body, unless it is `identity`.
pub(crate) fn foreign_coding(headers: &HeaderMap) -> Option<String> {
    let is_foreign = |value: &&HeaderValue| !value.as_bytes().eq_ignore_ascii_case(b"identity");
    let mut values = headers.get_all(CONTENT_ENCODING).iter().filter(|value| !value.is_empty());
    values.find(is_foreign).map(|coding| String::from_utf8_lossy(coding.as_bytes()).into())
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
