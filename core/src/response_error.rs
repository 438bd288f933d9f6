use alloc::string::String;
use core::{fmt, time::Duration};

use http::StatusCode;

use crate::text::brief;

/// Why an answer has no result: an error of the service, or an unusable answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ResponseError {
    pub(crate) kind: ResponseErrorKind,
    #[cfg_attr(feature = "serde", serde(with = "status_number"))]
    pub(crate) status: StatusCode,
    pub(crate) request_id: Option<String>,
    pub(crate) retry_after: Option<Duration>,
}

/// What is wrong with an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum ResponseErrorKind {
    /// The service refused.
    Api(ApiError),
    /// The answer is a redirect, which a signed request must not follow.
    Redirect {
        /// The host of its target, if it names one.
        host: Option<String>,
    },
    /// The answer is compressed, although `identity` was requested.
    Encoding(String),
    /// The answer is a page or other text, usually from a gateway.
    Page {
        /// The answer's content type, if it names one.
        content_type: Option<String>,
        /// The start of the text.
        snippet: String,
    },
    /// The answer has no body.
    Empty,
    /// The answer is larger than [`ANSWER_LIMIT`](crate::ANSWER_LIMIT).
    TooLarge,
    /// The JSON is truncated.
    Truncated,
    /// The answer starts like JSON but is invalid.
    NotJson {
        /// The line of the first error, counted from 1.
        line: usize,
        /// Its column.
        column: usize,
    },
    /// The answer is JSON, but not one of this action.
    Unexpected,
    /// The answer is good, but its status is not.
    Status,
}

impl ResponseError {
    /// Returns what is wrong.
    pub const fn kind(&self) -> &ResponseErrorKind {
        &self.kind
    }

    /// Returns the service's error, if the service refused.
    pub const fn api_error(&self) -> Option<&ApiError> {
        match &self.kind {
            ResponseErrorKind::Api(error) => Some(error),
            _ => None,
        }
    }

    /// Returns the service's error code, if the service refused.
    pub fn code(&self) -> Option<&ErrorCode> {
        self.api_error().map(|error| &error.code)
    }

    /// Returns the HTTP status. The service's own errors have the status 200.
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// Returns the id to quote to the service's support.
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    /// Returns the pause that `Retry-After` asks for.
    pub const fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Returns what to do: for an API error, what its code requires. Otherwise, back off at a
    /// status of 429; retry a page, an empty, truncated or unreadable answer, and a status of 408
    /// or from 500 on; and stop at anything else.
    ///
    /// # Examples
    ///
    /// ```
    /// use http::Response;
    /// use tcss_export_core::{Advice, actions::DescribeExportJobResult, read_answer};
    ///
    /// let body = r#"{"Response":{"Error":{"Code":"RequestLimitExceeded","Message":"Slow down"}}}"#;
    /// let error = read_answer::<DescribeExportJobResult>(&Response::new(body)).unwrap_err();
    /// assert_eq!(error.advice(), Advice::BackOff);
    ///
    /// let page = Response::builder().status(502).body("<html>Bad Gateway</html>")?;
    /// let error = read_answer::<DescribeExportJobResult>(&page).unwrap_err();
    /// assert_eq!(error.advice(), Advice::Retry);
    /// # Ok::<(), http::Error>(())
    /// ```
    pub fn advice(&self) -> Advice {
        match &self.kind {
            ResponseErrorKind::Api(error) => error.code.advice(),
            ResponseErrorKind::Redirect { .. }
            | ResponseErrorKind::Encoding(_)
            | ResponseErrorKind::TooLarge => Advice::Stop,
            _ if self.status == StatusCode::TOO_MANY_REQUESTS => Advice::BackOff,
            ResponseErrorKind::Page { .. }
            | ResponseErrorKind::Empty
            | ResponseErrorKind::Truncated
            | ResponseErrorKind::NotJson { .. } => Advice::Retry,
            _ if self.status.is_server_error() => Advice::Retry,
            _ if self.status == StatusCode::REQUEST_TIMEOUT => Advice::Retry,
            ResponseErrorKind::Unexpected | ResponseErrorKind::Status => Advice::Stop,
        }
    }

    /// Returns whether the same request may succeed later.
    pub fn is_transient(&self) -> bool {
        matches!(self.advice(), Advice::Retry | Advice::BackOff)
    }

    /// Returns whether the service may have performed the action.
    ///
    /// Only the codes of a refusal rule it out: an unreadable answer may report a success, and an
    /// internal error may occur after the action.
    pub fn may_have_acted(&self) -> bool {
        self.code().is_none_or(ErrorCode::may_have_acted)
    }

    /// Returns whether the service asks for fewer requests.
    pub fn is_throttled(&self) -> bool {
        self.advice() == Advice::BackOff
    }
}

impl fmt::Display for ResponseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (HTTP status {}, ", self.kind, self.status.as_u16())?;
        match &self.request_id {
            Some(id) => write!(f, "request id {})", brief(id)),
            None => f.write_str("no request id)"),
        }
    }
}

impl core::error::Error for ResponseError {}

impl fmt::Display for ResponseErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Api(error) => error.fmt(f),
            Self::Redirect { host: Some(host) } => {
                write!(f, "unexpected redirect to {}", brief(host))
            }
            Self::Redirect { host: None } => f.write_str("unexpected redirect"),
            Self::Encoding(coding) => {
                let coding = brief(coding);
                write!(f, "answer has the content encoding {coding}, identity was asked for")
            }
            Self::Page { content_type, snippet } => {
                let content_type = content_type.as_deref().unwrap_or("no content type");
                write!(f, "expected JSON, got {}: {}", brief(content_type), brief(snippet))
            }
            Self::Empty => f.write_str("empty answer"),
            Self::TooLarge => write!(f, "answer is larger than {} bytes", crate::ANSWER_LIMIT),
            Self::Truncated => f.write_str("truncated answer"),
            Self::NotJson { line, column } => {
                write!(f, "answer is not JSON at line {line} column {column}")
            }
            Self::Unexpected => f.write_str("answer is JSON, but not one of this action"),
            Self::Status => f.write_str("a result came with a status that is no success"),
        }
    }
}

/// An error of the service.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct ApiError {
    /// The code, for programs.
    pub code: ErrorCode,
    /// The message, for people; its wording may change.
    pub message: String,
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the service answered {}: {}", self.code, brief(&self.message))
    }
}

/// An error code of the service: a family, or a family and a detail after a dot.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ErrorCode(pub(crate) String);

impl ErrorCode {
    /// Returns the whole code.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the text before the first dot.
    pub fn family(&self) -> &str {
        self.0.split('.').next().unwrap_or_default()
    }

    /// Returns what to do, by the code or else by its family; an unknown family stops.
    ///
    /// Sources: the service's
    /// [error codes](https://www.tencentcloud.com/document/product/1163/52901) and its official
    /// clients.
    pub fn advice(&self) -> Advice {
        match (self.as_str(), self.family()) {
            ("AuthFailure.SignatureExpire", _) => Advice::CorrectClock,
            ("AuthFailure.TokenFailure", _) => Advice::RefreshCredentials,
            // The back end is still working and asks for a retry.
            ("InvalidParameter.RequestTimeout", _) => Advice::Retry,
            // The account has not granted the service its role.
            ("InternalError.ErrRoleNotExist", _) => Advice::Stop,
            // The rest of this family are quotas.
            ("LimitExceeded.RateLimitExceeded", _) | (_, "RequestLimitExceeded") => Advice::BackOff,
            (_, "InternalError" | "ResourceInUse") => Advice::Retry,
            (_, "ResourceUnavailable" | "ServiceUnavailable") => Advice::Retry,
            _ => Advice::Stop,
        }
    }

    fn may_have_acted(&self) -> bool {
        match self.as_str() {
            // The account has not granted the service its role.
            "InternalError.ErrRoleNotExist" => false,
            // The back end is still working.
            "InvalidParameter.RequestTimeout" => true,
            _ => !REFUSALS.split(' ').any(|refusal| refusal == self.family()),
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        brief(&self.0).fmt(f)
    }
}

/// Serializes a status as a number.
#[cfg(feature = "serde")]
pub(crate) mod status_number {
    use http::StatusCode;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer>(status: &StatusCode, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u16(status.as_u16())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<StatusCode, D::Error> {
        StatusCode::from_u16(u16::deserialize(from)?).map_err(D::Error::custom)
    }
}

/// What to do about a failed exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Advice {
    /// Stop: the error is permanent.
    Stop,
    /// Retry a limited number of times.
    Retry,
    /// Retry after a longer delay, and do not count a failure: there were too many requests.
    BackOff,
    /// Correct the clock by the answer's `Date`, once: the signed time was wrong.
    CorrectClock,
    /// Refresh the credentials, once: the token was refused.
    RefreshCredentials,
}

/// The families of codes with which the service refuses before it acts.
const REFUSALS: &str = "ActionOffline AuthFailure DryRunOperation InvalidAction InvalidParameter \
    InvalidParameterValue InvalidRequest IpInBlacklist IpNotInWhitelist LimitExceeded \
    MissingParameter NoSuchProduct NoSuchVersion OperationDenied RequestLimitExceeded \
    RequestSizeLimitExceeded ResourceInsufficient ResourceNotFound UnauthorizedOperation \
    UnknownParameter UnsupportedOperation UnsupportedProtocol UnsupportedRegion";
