use alloc::string::String;
use core::{fmt, time::Duration};

use http::StatusCode;

use crate::text::brief;

/// Why an answer gave no result: what the service said, or what is wrong with the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ResponseError {
    pub(crate) kind: ResponseErrorKind,
    #[cfg_attr(feature = "serde", serde(with = "status_number"))]
    pub(crate) status: StatusCode,
    pub(crate) request_id: Option<String>,
    pub(crate) retry_after: Option<Duration>,
}

/// What came instead of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum ResponseErrorKind {
    /// The service refused.
    Api(ApiError),
    /// The answer points elsewhere, where no signed request is sent.
    Redirect {
        /// The host it points to, if it names one.
        host: Option<String>,
    },
    /// The answer is compressed, though `identity` was asked for.
    Encoding(String),
    /// A page or another text came instead of JSON, usually from something in between.
    Page {
        /// The answer's content type, if it names one.
        content_type: Option<String>,
        /// How the text begins.
        snippet: String,
    },
    /// The answer has no body.
    Empty,
    /// The answer is larger than [`ANSWER_LIMIT`](crate::ANSWER_LIMIT).
    TooLarge,
    /// The JSON ends in the middle.
    Truncated,
    /// It begins like JSON but is none.
    NotJson {
        /// The line of the first error, counted from 1.
        line: usize,
        /// Its column.
        column: usize,
    },
    /// It is JSON, but no answer of this action.
    Unexpected,
    /// A good answer came with a status that says otherwise.
    Status,
}

impl ResponseError {
    /// Returns what came instead of a result.
    #[must_use]
    pub const fn kind(&self) -> &ResponseErrorKind {
        &self.kind
    }

    /// Returns what the service said, if it was the service that refused.
    #[must_use]
    pub const fn api_error(&self) -> Option<&ApiError> {
        match &self.kind {
            ResponseErrorKind::Api(error) => Some(error),
            _ => None,
        }
    }

    /// Returns the service's error code.
    #[must_use]
    pub fn code(&self) -> Option<&ErrorCode> {
        self.api_error().map(|error| &error.code)
    }

    /// Returns the HTTP status. The service answers 200 to all that it has processed, errors
    /// included.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// Returns the id to quote to the service's support.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    /// Returns how long the answer asks to wait, by its `Retry-After`.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Returns what to do about it.
    ///
    /// An API error goes by its code. A page, an empty, a cut and an unreadable answer may pass;
    /// so may a status of 408 and from 500 on; 429 asks to back off. All others stop.
    #[must_use]
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
            ResponseErrorKind::Unexpected | ResponseErrorKind::Status => {
                let passes =
                    self.status.is_server_error() || self.status == StatusCode::REQUEST_TIMEOUT;
                if passes { Advice::Retry } else { Advice::Stop }
            }
        }
    }

    /// Whether the same request may succeed a little later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self.advice(), Advice::Retry | Advice::BackOff)
    }

    /// Whether the service may have acted on the request all the same: unless it refused by a code
    /// that says otherwise. An answer that cannot be read may be that of a success, and a fault
    /// inside the service may come after it acted.
    #[must_use]
    pub fn may_have_acted(&self) -> bool {
        self.code().is_none_or(|code| may_have_acted(code.as_str(), code.family()))
    }

    /// Whether the service asks for fewer requests.
    #[must_use]
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
                write!(
                    f,
                    "answer has the content encoding {}, identity was asked for",
                    brief(coding)
                )
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

/// What the service said when it refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct ApiError {
    /// The code, which programs go by.
    pub code: ErrorCode,
    /// The message, for people: its wording may change.
    pub message: String,
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the service answered {}: {}", self.code, brief(&self.message))
    }
}

/// An error code of the service: a family and, after a dot, a detail.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ErrorCode(String);

impl ErrorCode {
    pub(crate) const fn new(code: String) -> Self {
        Self(code)
    }

    /// Returns the whole code.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the text before the first dot.
    #[must_use]
    pub fn family(&self) -> &str {
        self.0.split('.').next().unwrap_or_default()
    }

    /// Returns what to do about this code.
    #[must_use]
    pub fn advice(&self) -> Advice {
        Advice::of(&self.0, self.family())
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        brief(&self.0).fmt(f)
    }
}

/// A status as its number.
#[cfg(feature = "serde")]
mod status_number {
    use http::StatusCode;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(status: &StatusCode, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u16(status.as_u16())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<StatusCode, D::Error> {
        StatusCode::from_u16(u16::deserialize(from)?).map_err(D::Error::custom)
    }
}

// MODDOC What the service's error codes mean.
/// What an error code means for a poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Advice {
    /// It will not pass by itself.
    Stop,
    /// It may pass: try again, a bounded number of times.
    Retry,
    /// Too many requests: wait longer, and do not count it as a failure.
    BackOff,
    /// The signed time was off: correct the clock by the answer's `Date`, once.
    CorrectClock,
    /// The token was not accepted: ask for credentials again, once.
    RefreshCredentials,
}

impl Advice {
    /// Returns what to do about an error code.
    ///
    /// The code's own row decides, else that of its family, the text before the dot; a family
    /// that nobody knows stops. Sources: the service's
    /// [error codes](https://www.tencentcloud.com/document/product/1163/52901) and those of its
    /// own clients.
    pub(crate) fn of(code: &str, family: &str) -> Self {
        match code {
            "AuthFailure.SignatureExpire" => Self::CorrectClock,
            "AuthFailure.TokenFailure" => Self::RefreshCredentials,
            // The back end is still at work, and asks to be asked again.
            "InvalidParameter.RequestTimeout" => Self::Retry,
            // The account has not granted the service its role.
            "InternalError.ErrRoleNotExist" => Self::Stop,
            // Other details of this family are quotas.
            "LimitExceeded.RateLimitExceeded" => Self::BackOff,
            _ => match family {
                "RequestLimitExceeded" => Self::BackOff,
                "InternalError"
                | "ResourceInUse"
                | "ResourceUnavailable"
                | "ServiceUnavailable" => Self::Retry,
                _ => Self::Stop,
            },
        }
    }
}

/// Tells whether the service may have acted on a request that it answers with this code.
pub(crate) fn may_have_acted(code: &str, family: &str) -> bool {
    match code {
        // The account has not granted the service its role.
        "InternalError.ErrRoleNotExist" => false,
        // The back end is still at work.
        "InvalidParameter.RequestTimeout" => true,
        _ => !REFUSALS.contains(&family),
    }
}

/// The families of codes by which the service refuses before it acts.
const REFUSALS: [&str; 23] = [
    "ActionOffline",
    "AuthFailure",
    "DryRunOperation",
    "InvalidAction",
    "InvalidParameter",
    "InvalidParameterValue",
    "InvalidRequest",
    "IpInBlacklist",
    "IpNotInWhitelist",
    "LimitExceeded",
    "MissingParameter",
    "NoSuchProduct",
    "NoSuchVersion",
    "OperationDenied",
    "RequestLimitExceeded",
    "RequestSizeLimitExceeded",
    "ResourceInsufficient",
    "ResourceNotFound",
    "UnauthorizedOperation",
    "UnknownParameter",
    "UnsupportedOperation",
    "UnsupportedProtocol",
    "UnsupportedRegion",
];
