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

mod content_range;
mod crc64;
mod decision;
mod event;
mod expiry;
mod fault;
mod file_name;
mod head;
mod headers;
mod limits;
mod location;
mod note;
mod object;
mod outcome;
mod policy;
mod reach;
mod refusal;
mod renewal;
mod request;
mod said;
mod state;
mod step;
mod timing;
mod xml;

use alloc::boxed::Box;
use core::fmt;

pub use self::{
    event::{Event, EventKind},
    fault::Fault,
    limits::Limits,
    note::{Kept, Note},
    outcome::{DownloadError, Downloaded, ErrorKind, Outcome, Report},
    policy::Policy,
    reach::Reach,
    refusal::Refusal,
    step::{Opening, Received, Step},
};
use self::{
    location::Location,
    object::Object,
    state::{Held, Phase},
};
#[cfg(doc)]
use crate::Reason;
use crate::{download_url::DownloadUrl, error::BuildError, retry::Retry, time::Mono};

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
