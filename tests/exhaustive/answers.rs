//! The kinds of answers, and what the service's documents make of each.

use std::{fmt, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header::DATE};
use tcss_export::driver::TransportErrorKind;

pub(crate) const URL: &str = "https://h.example/a.csv?q-signature=EXAMPLE";
pub(crate) const PERMANENT: &str = "AuthFailure.UnauthorizedOperation";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Running,
    Success,
    SuccessWithoutUrl,
    Failure,
    Unknown,
    InternalError,
    Throttled,
    Permanent,
    /// An expired signature, with a usable `Date`.
    Expired,
    BadToken,
    Broken,
    Timeout,
    Page,
    /// The answer comes after the exchange's limit.
    Overdue,
}

use Kind::*;

impl Kind {
    pub(crate) const ALL: [Self; 14] = [
        Running,
        Success,
        SuccessWithoutUrl,
        Failure,
        Unknown,
        InternalError,
        Throttled,
        Permanent,
        Expired,
        BadToken,
        Broken,
        Timeout,
        Page,
        Overdue,
    ];

    /// Whether the service has told how the job stands.
    pub(crate) const fn is_good(self) -> bool {
        matches!(self, Running | Success | SuccessWithoutUrl | Failure | Unknown)
    }

    /// Whether it is a failure that may pass by itself.
    pub(crate) const fn is_passing(self) -> bool {
        matches!(self, InternalError | Broken | Timeout | Page | Overdue)
    }

    /// Whether there is something to correct before asking again.
    pub(crate) const fn is_correctable(self) -> bool {
        matches!(self, Expired | BadToken)
    }

    pub(crate) fn answer(self) -> Result<Response<Bytes>, TransportErrorKind> {
        Ok(match self {
            Running | Overdue => members(r#"{"Response":{"ExportStatus":"RUNNING"}}"#),
            Success => members(SUCCESS),
            SuccessWithoutUrl => members(r#"{"Response":{"ExportStatus":"SUCCESS"}}"#),
            Failure => members(r#"{"Response":{"ExportStatus":"FAILURE","FailureMsg":"m"}}"#),
            Unknown => members(r#"{"Response":{"ExportStatus":"PENDING"}}"#),
            InternalError => members(r#"{"Response":{"Error":{"Code":"InternalError"}}}"#),
            Throttled => members(r#"{"Response":{"Error":{"Code":"RequestLimitExceeded"}}}"#),
            Permanent => members(NOT_ALLOWED),
            Expired => dated(r#"{"Response":{"Error":{"Code":"AuthFailure.SignatureExpire"}}}"#),
            BadToken => members(r#"{"Response":{"Error":{"Code":"AuthFailure.TokenFailure"}}}"#),
            Broken => return Err(TransportErrorKind::Connection),
            Timeout => return Err(TransportErrorKind::Timeout),
            Page => page(),
        })
    }
}

const SUCCESS: &str = r#"{"Response":{"ExportStatus":"SUCCESS","DownloadURL":"https://h.example/a.csv?q-signature=EXAMPLE"}}"#;
const NOT_ALLOWED: &str = r#"{"Response":{"Error":{"Code":"AuthFailure.UnauthorizedOperation"}}}"#;

fn members(body: &'static str) -> Response<Bytes> {
    Response::new(Bytes::from_static(body.as_bytes()))
}

/// By this `Date` the caller's clock is some minutes behind.
fn dated(body: &'static str) -> Response<Bytes> {
    let mut response = members(body);
    let date = HeaderValue::from_static("Tue, 14 Nov 2023 16:40:00 GMT");
    response.headers_mut().insert(DATE, date);
    response
}

fn page() -> Response<Bytes> {
    let mut response = members("<html><title>502 Bad Gateway</title></html>");
    *response.status_mut() = StatusCode::BAD_GATEWAY;
    response
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Running => "running",
            Success => "success",
            SuccessWithoutUrl => "success without URL",
            Failure => "failure",
            Unknown => "unknown status",
            InternalError => "internal error",
            Throttled => "throttled",
            Permanent => "permanent error",
            Expired => "expired signature",
            BadToken => "bad token",
            Broken => "broken connection",
            Timeout => "timeout",
            Page => "page",
            Overdue => "answer after the limit",
        })
    }
}

/// How long an exchange takes, and how much too late the caller asks what to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    Prompt,
    Slow,
}

impl Pace {
    pub(crate) const fn took(self) -> Duration {
        match self {
            Self::Prompt => Duration::from_millis(40),
            Self::Slow => Duration::from_secs(5),
        }
    }

    pub(crate) const fn late(self) -> Duration {
        match self {
            Self::Prompt => Duration::ZERO,
            Self::Slow => Duration::from_millis(2_500),
        }
    }
}

/// What comes of one request, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) kind: Kind,
    pub(crate) pace: Pace,
}

impl Told {
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let paces = [Pace::Prompt, Pace::Slow].into_iter();
        paces.flat_map(|pace| Kind::ALL.into_iter().map(move |kind| Self { kind, pace }))
    }
}
