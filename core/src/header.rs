//! The names of the headers that a request carries, and the constant values among them.
//!
//! Source: [Common parameters](https://www.tencentcloud.com/document/product/1163/52897).

use core::str::FromStr;

use http::{HeaderName, HeaderValue};

use crate::error::{BuildError, Field, Reason};

/// The action, in the service's own spelling.
pub const X_TC_ACTION: HeaderName = HeaderName::from_static("x-tc-action");
/// The version of the API that the action belongs to.
pub const X_TC_VERSION: HeaderName = HeaderName::from_static("x-tc-version");
/// The Unix seconds that are signed.
pub const X_TC_TIMESTAMP: HeaderName = HeaderName::from_static("x-tc-timestamp");
/// The region; left out when there is none, because an empty one is refused.
pub const X_TC_REGION: HeaderName = HeaderName::from_static("x-tc-region");
/// The token of temporary credentials; not among the signed headers.
pub const X_TC_TOKEN: HeaderName = HeaderName::from_static("x-tc-token");
/// The language of messages.
pub const X_TC_LANGUAGE: HeaderName = HeaderName::from_static("x-tc-language");
/// A label by which the caller can be told apart in logs.
pub const X_TC_REQUEST_CLIENT: HeaderName = HeaderName::from_static("x-tc-requestclient");
/// The request id of an answer, where its body has none.
pub const X_TC_REQUEST_ID: HeaderName = HeaderName::from_static("x-tc-requestid");
/// Goes with a payload that is not signed; its value is [`UNSIGNED_PAYLOAD`].
pub const X_TC_CONTENT_SHA256: HeaderName = HeaderName::from_static("x-tc-content-sha256");

/// The text that is hashed in place of a payload that is not signed.
pub const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";

/// The one content type that is sent, and signed byte for byte.
pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The language in which the service words its messages.
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
    #[must_use]
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
    /// [`Reason::Unknown`] for [`Field::Language`] for anything but `zh-CN` and `en-US`, in any
    /// case.
    fn from_str(text: &str) -> Result<Self, BuildError> {
        [Self::Chinese, Self::English]
            .into_iter()
            .find(|language| language.as_str().eq_ignore_ascii_case(text))
            .ok_or(BuildError::new(Field::Language, Reason::Unknown))
    }
}
