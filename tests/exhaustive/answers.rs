//! The kinds of answers, and what the service's documents say about each.

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
    /// The answer arrives after the exchange limit.
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

    /// Whether the answer has a job status.
    pub(crate) const fn is_good(self) -> bool {
        matches!(self, Running | Success | SuccessWithoutUrl | Failure | Unknown)
    }

    /// Whether it is a transient failure.
    pub(crate) const fn is_transient(self) -> bool {
        matches!(self, InternalError | Broken | Timeout | Page | Overdue)
    }

    /// Whether a correction is needed before the next poll.
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

/// An answer whose `Date` is some minutes ahead of the local clock.
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

/// How long an exchange takes, and how late the driver asks for the next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    Prompt,
    Slow,
}

impl Pace {
    pub(crate) const fn duration(self) -> Duration {
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

/// The answer to one request, and how fast it arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) kind: Kind,
    pub(crate) pace: Pace,
}

impl Reply {
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let paces = [Pace::Prompt, Pace::Slow].into_iter();
        paces.flat_map(|pace| Kind::ALL.into_iter().map(move |kind| Self { kind, pace }))
    }
}

/// One finished exchange of a sequence.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exchange {
    pub(crate) reply: Reply,
    pub(crate) started: Duration,
    /// When the waiter received the answer or the exchange reached its limit.
    pub(crate) answered: Duration,
    /// The pause until the next step, or `None` if the wait ended.
    pub(crate) pause: Option<Duration>,
}

impl fmt::Display for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |duration: Duration| duration.as_secs_f64();
        let (started, answered) = (seconds(self.started), seconds(self.answered));
        write!(f, "started at {started:.3} s, at {answered:.3} s {}", self.reply.kind)?;
        match self.pause {
            Some(pause) => write!(f, ", next poll after {:.3} s", seconds(pause))?,
            None => f.write_str(", no next poll")?,
        }
        match self.reply.pace {
            Pace::Prompt => Ok(()),
            Pace::Slow => write!(f, ", started {:.1} s late", seconds(Pace::Slow.late())),
        }
    }
}
