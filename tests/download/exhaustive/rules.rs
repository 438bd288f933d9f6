//! What must hold after each exchange, said of the sequence so far and not of any state.

use std::time::Duration;

use http::HeaderMap;
use tcss_export::{
    core::download::{Opening, Outcome},
    download::{ErrorKind, EventKind, Fault},
    driver::TransportErrorKind,
    wait::Backoff,
};

use super::{
    told::Told,
    walk::{MAX_FAILURES, Target},
};
use crate::{
    server::{File, Play, crc64},
    trial::Exchange,
};

/// A download after an exchange.
#[derive(Debug)]
pub(crate) struct Moment<'w> {
    pub(crate) target: Target,
    pub(crate) versions: &'w [File],
    /// The version that has just been served.
    pub(crate) served: &'w File,
    pub(crate) told: Told,
    pub(crate) exchange: &'w Exchange,
    /// What was in the target before.
    pub(crate) before: &'w [u8],
    /// What is in it now.
    pub(crate) sink: &'w [u8],
    /// How many bytes the download counts.
    pub(crate) bytes: u64,
    /// Failures in a row before this exchange, from the last byte that was not there before.
    pub(crate) failures: u32,
    /// Whether the exchange before failed by its connection.
    pub(crate) was_broken: bool,
    /// New URLs in a row before this exchange.
    pub(crate) new_urls: u32,
    /// Whether this exchange has brought a byte that was not there before.
    pub(crate) is_progress: bool,
    pub(crate) outcome: Option<&'w Outcome>,
}

pub(crate) type Rule = (&'static str, fn(&Moment<'_>) -> bool);

pub(crate) const RULES: [Rule; 9] = [
    ("what is there is the beginning of one version of the file", beginning),
    ("a download succeeds with the bytes that were served last", success),
    ("the bytes in the target are counted", counted),
    ("what is missing is asked for by the tag of what is there", request),
    ("nothing is taken back where it cannot be", restart),
    ("failures in a row end a download at their bound and not before", failure),
    ("every delay lies within the bounds of its kind", delay),
    ("a new URL is asked for once in a row, after a refusal of the old one", new_url),
    ("a download ends by what its last answer was", end),
];

fn success(m: &Moment<'_>) -> bool {
    let Some(Ok(downloaded)) = m.outcome else { return true };
    m.sink == m.served.bytes
        && downloaded.bytes == m.served.bytes.len() as u64
        && downloaded.crc64 == crc64(&m.served.bytes)
        && is_verified(m, downloaded.verified)
}

/// An answer that names no checksum may follow one under the same tag that did.
fn is_verified(m: &Moment<'_>, verified: bool) -> bool {
    match m.told.play {
        Play::NoCrc => m.served.names_crc || !verified,
        _ => verified == m.served.names_crc,
    }
}

fn beginning(m: &Moment<'_>) -> bool {
    m.versions.iter().any(|version| version.bytes.starts_with(m.sink))
}

/// Bytes that were thrown away stay in the target until others come.
fn counted(m: &Moment<'_>) -> bool {
    m.bytes == m.sink.len() as u64 || (m.bytes == 0 && m.target != Target::Pipe)
}

fn request(m: &Moment<'_>) -> bool {
    let headers = m.exchange.request.headers();
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    match (text("range"), text("if-range")) {
        (None, None) => true,
        (Some(range), Some(tag)) => {
            let is_of_it = |version: &&File| version.bytes.starts_with(m.before);
            // The last byte may be asked for again, so that the file does not end before it.
            let last = m.before.len().saturating_sub(1);
            [last, last + 1].map(|first| format!("bytes={first}-")).contains(&range.into())
                && !m.before.is_empty()
                && m.versions.iter().filter(is_of_it).any(|v| v.etag.as_deref() == Some(tag))
                && !tag.starts_with("W/")
                && is_plain(headers)
        }
        _ => false,
    }
}

fn is_plain(headers: &HeaderMap) -> bool {
    headers.len() == 4 && headers["accept-encoding"] == "identity" && headers["host"] == "h.example"
}

fn restart(m: &Moment<'_>) -> bool {
    match m.target {
        Target::Pipe => {
            m.exchange.opening != Some(Opening::StartOver) && m.sink.starts_with(m.before)
        }
        _ => true,
    }
}

fn failure(m: &Moment<'_>) -> bool {
    match (&m.exchange.event.kind, m.error()) {
        (EventKind::Retrying { .. }, _) => m.row() < MAX_FAILURES,
        (EventKind::Ended, Some(ErrorKind::Fault(_))) => m.row() == MAX_FAILURES,
        _ => true,
    }
}

fn delay(m: &Moment<'_>) -> bool {
    let EventKind::Retrying { fault, delay } = &m.exchange.event.kind else { return true };
    let is_broken = *fault == Fault::Transport(TransportErrorKind::Connection);
    let is_first = m.is_progress || !m.was_broken;
    if is_broken && is_first {
        return *delay == Duration::ZERO;
    }
    let is_throttle = m.told.play == Play::Status(503);
    let backoff = if is_throttle { Backoff::THROTTLE } else { Backoff::RETRY };
    let (least, most) = backoff.bounds(m.row());
    least <= *delay && *delay <= most
}

fn new_url(m: &Moment<'_>) -> bool {
    let is_refused = matches!(m.told.play, Play::Expired | Play::Denied);
    let asks = matches!(m.exchange.event.kind, EventKind::NeedsUrl { refusal: Some(_) });
    asks == (is_refused && m.new_urls == 0)
}

fn end(m: &Moment<'_>) -> bool {
    let Some(error) = m.error() else { return true };
    match error {
        ErrorKind::Expired { .. } => m.told.play == Play::Expired,
        ErrorKind::Refused(_) => match m.told.play {
            Play::Denied | Play::Gone => true,
            // Nothing was asked of it that it could not satisfy.
            Play::Unsatisfied | Play::AnyUnsatisfied => {
                !m.exchange.request.headers().contains_key("range")
            }
            _ => false,
        },
        ErrorKind::Redirect { .. } => m.told.play == Play::Redirect,
        ErrorKind::Coding(_) => m.told.play == Play::Gzip,
        ErrorKind::NoLength => m.told.play == Play::Endless && !m.served.names_crc,
        ErrorKind::Mismatch { .. } => m.told.play == Play::WrongCrc,
        ErrorKind::Changed => m.target == Target::Pipe && !m.before.is_empty(),
        ErrorKind::Fault(_) => true,
        _ => false,
    }
}

impl Moment<'_> {
    fn error(&self) -> Option<&ErrorKind> {
        self.outcome?.as_ref().err().map(|error| &error.kind)
    }

    /// Returns how many failures in a row there were when this exchange ended.
    const fn row(&self) -> u32 {
        if self.is_progress { 0 } else { self.failures }
    }
}
