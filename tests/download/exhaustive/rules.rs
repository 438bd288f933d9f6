//! The rules that hold after each exchange. They refer to the exchanges so far, not to the state of
//! the download.

use std::time::Duration;

use http::HeaderMap;
use tcss_export::{
    core::download::{Opening, Outcome},
    download::{ErrorKind, EventKind, Fault},
    driver::TransportErrorKind,
    wait::Backoff,
};

use super::{
    search::{MAX_FAILURES, MAX_NOT_FOUND, Target},
    steps::ServerStep,
};
use crate::{
    run::Exchange,
    server::{File, Reply, crc64},
};

/// A download after one exchange.
#[derive(Debug)]
pub(crate) struct Snapshot<'w> {
    pub(crate) target: Target,
    pub(crate) versions: &'w [File],
    /// The version served in this exchange.
    pub(crate) served: &'w File,
    pub(crate) step: ServerStep,
    pub(crate) exchange: &'w Exchange,
    /// The content of the target before.
    pub(crate) before: &'w [u8],
    /// The content of the target now.
    pub(crate) sink: &'w [u8],
    /// The bytes that the download reports.
    pub(crate) bytes: u64,
    /// Failures since the last new byte, before this exchange.
    pub(crate) failures: u32,
    /// Whether the connection of the previous exchange broke.
    pub(crate) was_broken: bool,
    /// "Not found" answers since the last new byte, before this exchange.
    pub(crate) not_found: u32,
    /// New URLs in a row before this exchange.
    pub(crate) new_urls: u32,
    /// Whether this exchange brought a new byte.
    pub(crate) is_progress: bool,
    pub(crate) outcome: Option<&'w Outcome>,
}

pub(crate) type Rule = (&'static str, fn(&Snapshot<'_>) -> bool);

pub(crate) const RULES: [Rule; 9] = [
    ("the target holds the beginning of one version of the file", beginning),
    ("a successful download has the bytes of the version served last", success),
    ("the download reports the length of the target", counted),
    ("a range request has the tag of the bytes in the target", request),
    ("bytes in a pipe are never taken back", restart),
    ("failures in a row end the download at the limit and not earlier", failure),
    ("each delay is within the bounds of its backoff", delay),
    ("a new URL is requested once in a row, after a refusal", new_url),
    ("the final error matches the last answer", end),
];

fn success(s: &Snapshot<'_>) -> bool {
    let Some(Ok(downloaded)) = s.outcome else { return true };
    s.sink == s.served.bytes
        && downloaded.bytes == s.served.bytes.len() as u64
        && downloaded.crc64 == crc64(&s.served.bytes)
        && is_verified(s, downloaded.verified)
}

/// An answer without a checksum may follow one with a checksum and the same tag.
fn is_verified(s: &Snapshot<'_>, verified: bool) -> bool {
    match s.step.reply {
        Reply::NoCrc => s.served.names_crc || !verified,
        _ => verified == s.served.names_crc,
    }
}

fn beginning(s: &Snapshot<'_>) -> bool {
    s.versions.iter().any(|version| version.bytes.starts_with(s.sink))
}

/// Discarded bytes stay in the target until new ones arrive.
fn counted(s: &Snapshot<'_>) -> bool {
    s.bytes == s.sink.len() as u64 || (s.bytes == 0 && s.target != Target::Pipe)
}

fn request(s: &Snapshot<'_>) -> bool {
    let headers = s.exchange.request.headers();
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    match (text("range"), text("if-range")) {
        (None, None) => true,
        (Some(range), Some(tag)) => {
            let matches = |version: &&File| version.bytes.starts_with(s.before);
            // The last byte may be requested again, so that the range is never empty.
            let last = s.before.len().saturating_sub(1);
            [last, last + 1].map(|first| format!("bytes={first}-")).contains(&range.into())
                && !s.before.is_empty()
                && s.versions.iter().filter(matches).any(|v| v.etag.as_deref() == Some(tag))
                && !tag.starts_with("W/")
                && is_plain(headers)
        }
        _ => false,
    }
}

fn is_plain(headers: &HeaderMap) -> bool {
    headers.len() == 4 && headers["accept-encoding"] == "identity" && headers["host"] == "h.example"
}

fn restart(s: &Snapshot<'_>) -> bool {
    match s.target {
        Target::Pipe => {
            s.exchange.opening != Some(Opening::StartOver) && s.sink.starts_with(s.before)
        }
        _ => true,
    }
}

fn failure(s: &Snapshot<'_>) -> bool {
    match (&s.exchange.event.kind, s.error()) {
        (EventKind::Retrying { .. }, _) if s.step.reply == Reply::Gone => {
            s.not_found < MAX_NOT_FOUND
        }
        (EventKind::Retrying { .. }, _) => s.failures_in_a_row() < MAX_FAILURES,
        (EventKind::Ended, Some(ErrorKind::Fault(_))) => s.failures_in_a_row() == MAX_FAILURES,
        _ => true,
    }
}

fn delay(s: &Snapshot<'_>) -> bool {
    let EventKind::Retrying { fault, delay } = &s.exchange.event.kind else { return true };
    let is_broken = *fault == Fault::Transport(TransportErrorKind::Connection);
    let is_first = s.is_progress || !s.was_broken;
    if is_broken && is_first {
        return *delay == Duration::ZERO;
    }
    if s.step.reply == Reply::Gone {
        let (min, max) = Backoff::THROTTLE.bounds(s.not_found);
        return (min..=max).contains(delay);
    }
    let is_throttle = s.step.reply == Reply::Status(503);
    let backoff = if is_throttle { Backoff::THROTTLE } else { Backoff::RETRY };
    let (min, max) = backoff.bounds(s.failures_in_a_row());
    (min..=max).contains(delay)
}

fn new_url(s: &Snapshot<'_>) -> bool {
    let is_refused = matches!(s.step.reply, Reply::Expired | Reply::Denied);
    let asks = matches!(s.exchange.event.kind, EventKind::NeedsUrl { refusal: Some(_) });
    asks == (is_refused && s.new_urls == 0)
}

fn end(s: &Snapshot<'_>) -> bool {
    let Some(error) = s.error() else { return true };
    match error {
        ErrorKind::Expired { .. } => s.step.reply == Reply::Expired,
        ErrorKind::Refused(_) => match s.step.reply {
            Reply::Denied => true,
            Reply::Gone => s.not_found == MAX_NOT_FOUND,
            // Status 416 although no range was requested.
            Reply::NotSatisfiable | Reply::AlwaysNotSatisfiable => {
                !s.exchange.request.headers().contains_key("range")
            }
            _ => false,
        },
        ErrorKind::Redirect { .. } => s.step.reply == Reply::Redirect,
        ErrorKind::Coding(_) => s.step.reply == Reply::Gzip,
        ErrorKind::NoLength => s.step.reply == Reply::NoLength && !s.served.names_crc,
        ErrorKind::Mismatch { .. } => s.step.reply == Reply::WrongCrc,
        ErrorKind::Changed => s.target == Target::Pipe && !s.before.is_empty(),
        ErrorKind::Fault(_) => true,
        _ => false,
    }
}

impl Snapshot<'_> {
    fn error(&self) -> Option<&ErrorKind> {
        self.outcome?.as_ref().err().map(|error| &error.kind)
    }

    /// Returns the failures in a row after this exchange, without its own.
    const fn failures_in_a_row(&self) -> u32 {
        if self.is_progress { 0 } else { self.failures }
    }
}
