//! Downloads the file of a finished job, as pure state: says which request to send, takes status,
//! headers and bytes as they come, and says what to write.
//!
//! ```text
//! DownloadUrl ─► Download: start ─► http::Request ─► any HTTP client
//!                    ▲                                  │ head, body, ended
//!                    └── retry, resume, start over ◄────┴─► Opening, Received: what to write
//! ```
//!
//! It knows no file and no socket. The first request is the download itself: no `HEAD`, no probe,
//! no header of the API, the URL as it is. A download that broke off goes on by `Range` and
//! `If-Range` behind the bytes that are there, if the file has a strong `ETag`; length and
//! CRC-64/XZ, where the server names them, are checked before it is done.

mod decision;
mod error_page;
mod exchange;
mod object;
mod outcome;
mod part;
mod policy;
mod url;

use alloc::boxed::Box;
use core::{fmt, time::Duration};

use self::{error_page::Excerpt, object::Object, part::Crc64, url::Location};
pub use self::{
    error_page::Refusal,
    outcome::{DownloadError, Downloaded, ErrorKind, Event, EventKind, Fault, Outcome, Report},
    part::{Kept, Note},
    policy::Policy,
    url::DownloadUrl,
};
#[cfg(doc)]
use crate::Reason;
pub use crate::limits::{Limits, Reach};
use crate::{
    error::{BuildError, SendFault},
    retry::Retry,
    time::Mono,
};

/// One download, from the first request to the last byte that was checked.
///
/// Ask [`step`](Self::step) what to do. On [`Step::Request`] take a request from
/// [`start`](Self::start) and send it; give the answer's head to [`head`](Self::head), each piece
/// of its body to [`body`](Self::body), and its end, or that none came, to
/// [`ended`](Self::ended).
///
/// ```
/// use tcss_export_core::{ClockOffset, DownloadUrl, Mono, Now, SendFault, download::*};
/// # use http::response::Parts;
/// # fn now() -> Now { Now::default() }
/// # fn sleep_until(_: Mono) {}
/// # fn send(_: http::Request<()>) -> Result<(Parts, [&'static [u8]; 2]), SendFault> {
/// #     let answer = http::Response::builder().header("content-length", "9");
/// #     Ok((answer.body(()).unwrap().into_parts().0, [b"12345", b"6789"]))
/// # }
///
/// fn fetch(mut download: Download, file: &mut Vec<u8>) -> Outcome {
///     loop {
///         match download.step(now().mono) {
///             Step::WaitUntil(moment) => sleep_until(moment),
///             // Poll the job once more and hand its URL to `new_url`, if there is a job.
///             Step::NewUrl => drop(download.no_new_url(now().mono)),
///             Step::Done(_) => return download.finish(),
///             Step::Request => {
///                 // Else the URL's own time is over: the next step says what to do.
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
///     answer: Result<(Parts, [&[u8]; 2]), SendFault>,
///     file: &mut Vec<u8>,
/// ) -> Result<(), SendFault> {
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
/// let seed = 7; // any number: it spreads the delays
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
    /// The latest moment it was told.
    now: Mono,
    phase: Phase,
    /// There is someone to ask for a new URL.
    can_renew: bool,
    /// Bytes that were written can be taken back.
    can_restart: bool,
    /// A new URL is tried once, whatever its own time says: the clock may be wrong.
    is_new_url: bool,
    held: Held,
    /// The last file under a strong tag whose bytes were thrown away, or never came.
    forgotten: Object,
    /// Only bytes behind this point are progress.
    furthest: u64,
    retry: Retry,
    /// New URLs asked for since the last progress.
    new_urls: u32,
    report: Box<Report>,
}

impl Download {
    /// Creates a download whose first request is due at once.
    ///
    /// The seed spreads the delays: one seed always gives one list.
    ///
    /// # Errors
    ///
    /// All are for [`Field::DownloadUrl`](crate::Field::DownloadUrl). What cannot be a URL gives
    /// [`Reason::UrlScheme`], [`Host`](Reason::Host), [`Port`](Reason::Port),
    /// [`UserInfo`](Reason::UserInfo), [`Fragment`](Reason::Fragment),
    /// [`WhiteSpace`](Reason::WhiteSpace), [`InvalidCharacter`](Reason::InvalidCharacter) or
    /// [`TooLong`](Reason::TooLong). Unless the policy allows it, a URL that is not `https` gives
    /// [`PlainHttp`](Reason::PlainHttp), and an address in it that [`Reach::Public`] does not
    /// permit gives [`PrivateAddress`](Reason::PrivateAddress). Loopback hosts are taken in any
    /// case.
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
            retry: Retry::new(seed),
            new_urls: 0,
            report: Box::default(),
        })
    }

    /// Tells it that a new URL can be had: an expired or refused one leads to [`Step::NewUrl`]
    /// instead of the end.
    pub const fn with_new_urls(mut self) -> Self {
        self.can_renew = true;
        self
    }

    /// Tells it that what is written cannot be taken back, as on a pipe.
    ///
    /// There is no [`Opening::StartOver`] then. Where a whole answer comes instead of the rest, the
    /// bytes that are there are passed over if it is the same file by its strong `ETag`, else the
    /// download ends.
    pub const fn without_restart(mut self) -> Self {
        self.can_restart = false;
        self
    }

    /// Goes on behind the bytes that an earlier download of the same file has left; they count for
    /// nothing if it is another file, or if bytes are there already.
    pub fn resume(&mut self, kept: Kept) {
        if kept.note.object == self.location.object && self.held.bytes == 0 {
            self.held = kept.into();
            self.furthest = self.held.bytes;
        }
    }

    /// Ends the download where it stands.
    pub fn cancel(&mut self) {
        if !matches!(self.phase, Phase::Done(_)) {
            self.fail(ErrorKind::Cancelled);
        }
    }

    /// Returns the outcome; a download that has not ended is cancelled.
    ///
    /// # Errors
    ///
    /// A [`DownloadError`] whose kind says why there is no whole file.
    pub fn finish(mut self) -> Outcome {
        self.cancel();
        match self.phase {
            Phase::Done(outcome) => *outcome,
            // Cancelling has ended it.
            _ => Err(DownloadError { kind: ErrorKind::Cancelled, report: self.report }),
        }
    }

    /// Returns how many bytes of the file are there.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.held.bytes
    }

    /// Returns how many bytes the file has, once a server has said so.
    #[must_use]
    pub const fn total(&self) -> Option<u64> {
        self.held.object.total
    }

    /// Returns how far it is, as an event.
    #[must_use]
    pub const fn receiving(&self) -> Event {
        self.event(EventKind::Receiving)
    }

    /// Returns what to keep beside the bytes that are there, so that a later download can go on
    /// with them; `None` if no server has said by what they could be known again.
    #[must_use]
    pub fn note(&self) -> Option<Note> {
        let Object { etag, total, crc64 } = self.held.object.clone();
        Some(Note::new(self.location.object.clone(), etag?, total, crc64))
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
#[expect(clippy::exhaustive_enums, reason = "a caller must know all there is to do")]
pub enum Step<'d> {
    /// Nothing until this moment, or until more of the answer under way is there.
    WaitUntil(Mono),
    /// A request is due: [`Download::start`](super::Download::start).
    Request,
    /// The URL has expired or was refused: poll the job once more and hand its URL to
    /// [`Download::new_url`](super::Download::new_url), or say that there is
    /// [none](super::Download::no_new_url).
    NewUrl,
    /// The download has ended; [`Download::finish`](super::Download::finish) gives the outcome
    /// away.
    Done(&'d Outcome),
}

/// What an answer's head means for the bytes that are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a caller must know all there is to do")]
pub enum Opening {
    /// The body is the file from its first byte on: throw away what is there, and keep the new
    /// [`Download::note`](super::Download::note) beside what comes.
    StartOver,
    /// The body goes on behind what is there.
    Append,
    /// The body is no part of the file; it is to be read all the same.
    Read,
    /// The body is not needed: drop the answer, then
    /// [`Download::ended`](super::Download::ended).
    Drop,
}

/// What to do with a piece of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a caller must know all there is to do")]
pub enum Received<'b> {
    /// Write these bytes behind what is there.
    Write(&'b [u8]),
    /// Write nothing and read on.
    Nothing,
    /// No more of this answer is needed: drop it, then
    /// [`Download::ended`](super::Download::ended).
    Drop,
}

// MODDOC What a download remembers.
#[derive(Clone)]
enum Phase {
    Waiting {
        due: Mono,
    },
    /// The request is sent, and no head is there yet.
    Requested {
        since: Mono,
    },
    /// Bytes of the file are coming.
    Body(Body),
    /// What the server says instead of a file is coming.
    Refused {
        refusal: Box<Refusal>,
        excerpt: Excerpt,
        since: Mono,
    },
    /// The answer is of no use, and nothing more of it is taken.
    Useless(Problem),
    NeedsUrl {
        refusal: Option<Box<Refusal>>,
    },
    Done(Box<Outcome>),
}

impl Phase {
    const fn is_under_way(&self) -> bool {
        matches!(self, Self::Requested { .. } | Self::Body(_) | Self::Refused { .. })
    }
}

/// A good answer's body, while it comes.
#[derive(Clone)]
struct Body {
    /// The byte of the file behind its last one, if it is known.
    end: Option<u64>,
    /// A cut can be told from the end: by a length, or by the last chunk.
    shows_its_end: bool,
    /// How many bytes of the file were there before.
    began: u64,
    /// How many of its bytes are there already and are passed over.
    skip: u64,
    /// When the last byte came.
    since: Mono,
}

/// What is wrong with an answer.
#[derive(Clone)]
enum Problem {
    /// It may pass, and the bytes that are there stay.
    Again(Fault),
    /// It may pass, and the bytes that are there cannot be relied on.
    StartOver(Fault),
    /// It will not pass.
    End(ErrorKind),
}

/// The bytes that are there, and which file they are of.
#[derive(Clone, Debug, Default)]
struct Held {
    object: Object,
    /// How many they are.
    bytes: u64,
    crc: Crc64,
    /// They came in more than one answer.
    is_stitched: bool,
    /// The last answer that held less than was asked for held only a little.
    ends_in_little: bool,
}

impl From<Kept> for Held {
    fn from(kept: Kept) -> Self {
        let Kept { note: Note { etag, total, crc64, .. }, length, crc } = kept;
        let object = Object { etag: Some(etag), total, crc64 };
        Self { object, bytes: length, crc, ..Self::default() }
    }
}

// MODDOC When a download does what, and when it gives up.
impl Download {
    /// Returns what to do next; it may be asked at any time, as often as one likes.
    ///
    /// While an answer is under way this is [`Step::WaitUntil`] the moment at which it is given
    /// up.
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

    /// Forgets the request under way, which was dropped before its answer had ended: it is due
    /// again at once.
    pub fn abandon(&mut self) {
        if self.phase.is_under_way() {
            self.phase = Phase::Waiting { due: self.now };
        }
    }

    /// Returns the moment at which what is under way is given up.
    #[must_use]
    pub fn limit(&self) -> Mono {
        let since = match &self.phase {
            Phase::Requested { since } | Phase::Refused { since, .. } => *since,
            Phase::Body(body) => body.since,
            _ => self.now,
        };
        self.before_deadline(since.saturating_add(self.policy.stall_limit()))
    }

    /// Returns the moment at which the whole download is given up, if its policy has a limit for
    /// that.
    #[must_use]
    pub fn deadline(&self) -> Option<Mono> {
        self.policy.total_limit().map(|limit| self.began.saturating_add(limit))
    }

    /// Lets the limits take effect, and what was dropped without a word.
    fn advance(&mut self, now: Mono) {
        self.now = now;
        let is_given_up = self.phase.is_under_way() && self.limit() <= now;
        match self.phase {
            Phase::Done(_) => return,
            Phase::Useless(_) => drop(self.ended(now, Ok(()))),
            // All of it may be there.
            Phase::Body(_) if is_given_up => drop(self.ended(now, Err(SendFault::Timeout))),
            _ if is_given_up && !self.is_late() => drop(self.ended(now, Err(SendFault::Timeout))),
            _ => {}
        }
        if self.is_late() && !matches!(self.phase, Phase::Done(_)) {
            self.fail(ErrorKind::TimedOut);
        }
    }

    /// Whether the deadline has passed.
    fn is_late(&self) -> bool {
        self.deadline().is_some_and(|deadline| deadline <= self.now)
    }

    fn before_deadline(&self, moment: Mono) -> Mono {
        self.deadline().map_or(moment, |deadline| deadline.min(moment))
    }

    fn elapsed(&self) -> Duration {
        self.now.saturating_since(self.began)
    }
}
