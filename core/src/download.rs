//! Downloads the file of a finished job, as pure state: which request to send, and which bytes of
//! the response to write.
//!
//! ```text
//! DownloadUrl ─► Download: start ─► http::Request ─► any HTTP client
//!                    ▲                                  │ head, body, ended
//!                    └── retry, resume, start over ◄────┴─► Opening, Received: what to write
//! ```
//!
//! It opens no file and no socket. The first request already asks for the file, with the URL
//! unchanged and no header of the API. An interrupted download of a file with a strong `ETag`
//! resumes with `Range` and `If-Range`. If the server names the length or the CRC-64/XZ, both are
//! checked.

mod chunk;
mod decision;
mod error_page;
mod exchange;
mod object;
mod outcome;
mod part;
mod policy;
mod url;

use alloc::{boxed::Box, vec::Vec};
use core::fmt;

pub use self::{
    chunk::Chunk,
    error_page::Refusal,
    outcome::{Downloaded, Error, ErrorKind, Event, EventKind, Fault, Outcome, Report},
    part::{Part, PartMetadata},
    policy::Policy,
    url::DownloadUrl,
};
use self::{object::Object, part::Crc64, url::Location};
pub use crate::retry::Backoff;
#[cfg(doc)]
use crate::{AddressPolicy, Reason};
use crate::{
    error::{BuildError, TransportErrorKind},
    retry::{Failures, Random},
    time::Mono,
};

/// One download, from the first request to the last verified byte.
///
/// Ask [`step`](Self::step) what to do. On [`Step::Request`], send the request that
/// [`start`](Self::start) returns. Pass the response's head to [`head`](Self::head), each piece of
/// its body to [`body`](Self::body), and the end of the exchange to [`ended`](Self::ended).
///
/// ```
/// use tcss_export_core::{ClockOffset, DownloadUrl, Mono, Now, TransportErrorKind, download::*};
/// # use http::response::Parts;
/// # fn now() -> Now { Now::default() }
/// # fn sleep_until(_: Mono) {}
/// # fn send(_: http::Request<()>) -> Result<(Parts, [&'static [u8]; 2]), TransportErrorKind> {
/// #     let answer = http::Response::builder().header("content-length", "9");
/// #     Ok((answer.body(()).unwrap().into_parts().0, [b"12345", b"6789"]))
/// # }
///
/// fn fetch(mut download: Download, file: &mut Vec<u8>) -> Outcome {
///     loop {
///         match download.step(now().mono) {
///             Step::WaitUntil(moment) => sleep_until(moment),
///             // If you have the job, poll it again and pass its URL to `new_url`.
///             Step::NewUrl => drop(download.no_new_url(now().mono)),
///             Step::Done(_) => return download.finish(),
///             Step::Request => {
///                 // On an error nothing was sent, and the next step says what to do.
///                 let Ok(request) = download.start(now(), ClockOffset::default()) else {
///                     continue;
///                 };
///                 let end = receive(&mut download, send(request), file);
///                 download.ended(now().mono, end);
///             }
///         }
///     }
/// }
///
/// fn receive(
///     download: &mut Download,
///     answer: Result<(Parts, [&[u8]; 2]), TransportErrorKind>,
///     file: &mut Vec<u8>,
/// ) -> Result<(), TransportErrorKind> {
///     let (head, body) = answer?;
///     match download.head(now().mono, &head) {
///         Opening::StartOver => file.clear(),
///         Opening::Append | Opening::Read => {}
///         Opening::Drop => return Ok(()),
///     }
///     for piece in body {
///         match download.body(now().mono, piece) {
///             Received::Write(bytes) => file.extend_from_slice(bytes),
///             Received::Nothing => {}
///             Received::Drop => return Ok(()),
///         }
///     }
///     Ok(())
/// }
///
/// let url = DownloadUrl::new("https://h.example/a.csv?q-signature=EXAMPLE").unwrap();
/// let seed = 7; // any number: it randomizes the delays
/// let download = Download::new(url, &Policy::default(), seed, now().mono)?;
/// let mut file = Vec::new();
/// assert_eq!(fetch(download, &mut file)?.bytes, 9);
/// assert_eq!(file, b"123456789");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[must_use = "a download does nothing by itself"]
pub struct Download {
    policy: Policy,
    location: Location,
    began: Mono,
    now: Mono,
    phase: Phase,
    /// The caller can get a new URL.
    can_renew: bool,
    /// The caller can discard written bytes.
    can_restart: bool,
    /// The URL is tried once even if it seems expired, since the clock may be wrong.
    is_new_url: bool,
    held: Held,
    /// The last file with a strong tag whose bytes were discarded, or never arrived.
    forgotten: Object,
    /// The highest byte count so far: only bytes past it are progress.
    furthest: u64,
    failures: Failures,
    random: Random,
    /// "Not found" responses since the last progress.
    not_found: u32,
    /// New URLs since the last progress.
    new_urls: u32,
    report: Box<Report>,
}

#[derive(Clone)]
enum Phase {
    Waiting {
        due: Mono,
    },
    /// The request was sent, and no head has arrived.
    Requested {
        since: Mono,
    },
    /// Bytes of the file are arriving.
    Body(Body),
    /// An error page is arriving.
    Refused {
        refusal: Box<Refusal>,
        excerpt: Vec<u8>,
        since: Mono,
    },
    /// The response cannot be used, and the rest of it is ignored.
    Useless(Problem),
    NeedsUrl {
        refusal: Option<Box<Refusal>>,
    },
    Done(Box<Outcome>),
}

impl Phase {
    const fn is_in_flight(&self) -> bool {
        matches!(self, Self::Requested { .. } | Self::Body(_) | Self::Refused { .. })
    }
}

/// The body of a usable response while it arrives.
#[derive(Clone)]
struct Body {
    /// The position in the file after the last byte of this body, if known.
    end: Option<u64>,
    /// A truncated body can be detected, by a length or by a last chunk.
    shows_its_end: bool,
    /// The server serves ranges of this file.
    accepts_ranges: bool,
    /// The number of bytes held before this body.
    began: u64,
    /// The number of bytes to skip because they are held already.
    skip: u64,
    /// When the last byte arrived.
    since: Mono,
}

/// Why a response cannot be used.
#[derive(Clone)]
enum Problem {
    /// Retry and keep the bytes.
    Again(Fault),
    /// Retry without the bytes.
    StartOver(Fault),
    End(ErrorKind),
}

/// The bytes that were written, and the file they belong to.
#[derive(Clone, Debug, Default)]
struct Held {
    object: Object,
    bytes: u64,
    crc: Crc64,
    /// The bytes come from more than one response.
    is_stitched: bool,
    /// The last response that was shorter than its request had few bytes.
    ends_in_little: bool,
}

impl Download {
    /// Creates a download whose first request is due at once.
    ///
    /// The seed randomizes the delays: one seed always yields the same ones.
    ///
    /// # Errors
    ///
    /// All are for [`Field::DownloadUrl`](crate::Field::DownloadUrl). A text that is not a URL
    /// gives [`Reason::UrlScheme`], [`Host`](Reason::Host), [`Port`](Reason::Port),
    /// [`UserInfo`](Reason::UserInfo), [`Fragment`](Reason::Fragment),
    /// [`WhiteSpace`](Reason::WhiteSpace), [`InvalidCharacter`](Reason::InvalidCharacter) or
    /// [`TooLong`](Reason::TooLong). Unless the policy allows it, `http` to a host that is not
    /// loopback gives [`PlainHttp`](Reason::PlainHttp). A loopback host, and an IP address that
    /// [`AddressPolicy::Public`] does not permit, give [`PrivateAddress`](Reason::PrivateAddress)
    /// unless the policy allows them.
    pub fn new(
        url: DownloadUrl,
        policy: &Policy,
        seed: u64,
        now: Mono,
    ) -> Result<Self, BuildError> {
        let location = Location::new(url, policy)?;
        Ok(Self {
            policy: policy.clone(),
            location,
            began: now,
            now,
            phase: Phase::Waiting { due: now },
            can_renew: false,
            can_restart: true,
            is_new_url: false,
            held: Held::default(),
            forgotten: Object::default(),
            furthest: 0,
            failures: Failures::default(),
            random: Random(seed),
            not_found: 0,
            new_urls: 0,
            report: Box::default(),
        })
    }

    /// Declares that the caller can get a new URL: an expired or refused one leads to
    /// [`Step::NewUrl`] instead of the end.
    pub const fn with_new_urls(mut self) -> Self {
        self.can_renew = true;
        self
    }

    /// Declares that written bytes cannot be discarded, as on a pipe.
    ///
    /// [`Opening::StartOver`] does not occur then. If the server sends the whole file instead of
    /// the rest, the bytes that were written are skipped if the strong `ETag` is the same;
    /// otherwise the download ends.
    pub const fn without_restart(mut self) -> Self {
        self.can_restart = false;
        self
    }

    /// Resumes after the bytes of an earlier download of the same file.
    ///
    /// They are ignored if they belong to another file, or if this download has bytes already.
    pub fn resume(&mut self, part: Part) {
        if part.metadata.object == self.location.object && self.held.bytes == 0 {
            let Part { metadata: PartMetadata { etag, total, crc64, .. }, length, crc } = part;
            let object = Object { etag: Some(etag), total, crc64 };
            self.held = Held { object, bytes: length, crc, ..Held::default() };
            self.furthest = length;
        }
    }

    /// Returns what to do next. It may be called at any time.
    ///
    /// While a response is in flight, this is [`Step::WaitUntil`] its time limit.
    pub fn step(&mut self, now: Mono) -> Step<'_> {
        self.advance(now);
        match &self.phase {
            Phase::Waiting { due } if *due <= now => Step::Request,
            Phase::Waiting { due } => Step::WaitUntil(self.before_deadline(*due)),
            Phase::NeedsUrl { .. } => Step::NewUrl,
            Phase::Done(outcome) => Step::Done(outcome),
            _ => Step::WaitUntil(self.limit()),
        }
    }

    /// Forgets a request that was dropped before its response ended: it is due again at once.
    pub fn abandon(&mut self) {
        if self.phase.is_in_flight() {
            self.phase = Phase::Waiting { due: self.now };
        }
    }

    /// Cancels the download.
    pub fn cancel(&mut self) {
        if !matches!(self.phase, Phase::Done(_)) {
            self.fail(ErrorKind::Cancelled);
        }
    }

    /// Returns the outcome; a download that has not ended is cancelled.
    ///
    /// # Errors
    ///
    /// An [`Error`] whose kind says why the file is not complete.
    pub fn finish(mut self) -> Outcome {
        self.cancel();
        match self.phase {
            Phase::Done(outcome) => *outcome,
            // `cancel` has ended it.
            _ => Err(Error { kind: ErrorKind::Cancelled, report: self.report }),
        }
    }

    /// Returns the number of bytes written.
    pub const fn bytes(&self) -> u64 {
        self.held.bytes
    }

    /// Returns the length of the file, once a server has named it.
    pub const fn total(&self) -> Option<u64> {
        self.held.object.total
    }

    /// Returns the progress as an event.
    pub const fn receiving(&self) -> Event {
        self.event(EventKind::Receiving)
    }

    /// Returns the metadata for resuming; `None` if the file has no strong `ETag`.
    pub fn metadata(&self) -> Option<PartMetadata> {
        PartMetadata::new(self.location.object.clone(), self.held.object.clone())
    }

    /// Returns when the exchange in flight reaches its time limit.
    pub fn limit(&self) -> Mono {
        let since = match &self.phase {
            Phase::Requested { since } | Phase::Refused { since, .. } => *since,
            Phase::Body(body) => body.since,
            _ => self.now,
        };
        self.before_deadline(since.saturating_add(self.policy.stall_limit))
    }

    /// Returns when the whole download reaches its time limit, if it has one.
    pub fn deadline(&self) -> Option<Mono> {
        self.policy.total_limit.map(|limit| self.began.saturating_add(limit))
    }

    /// Applies the time limits, and ends an exchange whose response was dropped as useless.
    fn advance(&mut self, now: Mono) {
        self.now = now;
        let is_stalled = self.phase.is_in_flight() && self.limit() <= now;
        match self.phase {
            Phase::Useless(_) => drop(self.ended(now, Ok(()))),
            // Even past the deadline: the file may be complete.
            Phase::Body(_) if is_stalled => drop(self.ended(now, Err(TransportErrorKind::Timeout))),
            _ if is_stalled && !self.is_late() => {
                drop(self.ended(now, Err(TransportErrorKind::Timeout)))
            }
            _ => {}
        }
        if self.is_late() && !matches!(self.phase, Phase::Done(_)) {
            self.fail(ErrorKind::TimedOut);
        }
    }

    fn is_late(&self) -> bool {
        self.deadline().is_some_and(|deadline| deadline <= self.now)
    }

    fn before_deadline(&self, moment: Mono) -> Mono {
        self.deadline().map_or(moment, |deadline| deadline.min(moment))
    }

    const fn event(&self, kind: EventKind) -> Event {
        Event { bytes: self.bytes(), total: self.total(), kind }
    }
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download")
            .field("url", &self.location.url)
            .field("bytes", &self.bytes())
            .field("total", &self.total())
            .finish_non_exhaustive()
    }
}

/// What to do next.
#[derive(Debug, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a caller must handle every step")]
pub enum Step<'d> {
    /// Do nothing until this moment, or until more of the response arrives.
    WaitUntil(Mono),
    /// A request is due: call [`Download::start`].
    Request,
    /// The URL has expired or was refused: poll the job again and pass its URL to
    /// [`Download::new_url`], or call [`Download::no_new_url`].
    NewUrl,
    /// The download has ended: [`Download::finish`] returns the outcome.
    Done(&'d Outcome),
}

/// What to do with the body of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a caller must handle every case")]
pub enum Opening {
    /// The body is the file from its first byte: discard the bytes so far, and store the new
    /// [`Download::metadata`].
    StartOver,
    /// The body continues after the bytes written so far.
    Append,
    /// The body is an error page: read it as usual.
    Read,
    /// The body is not needed: drop the response, then call [`Download::ended`].
    Drop,
}

/// What to do with a piece of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a caller must handle every case")]
pub enum Received<'b> {
    /// Append these bytes.
    Write(&'b [u8]),
    /// Write nothing and continue reading.
    Nothing,
    /// The rest of the response is not needed: drop it, then call [`Download::ended`].
    Drop,
}
