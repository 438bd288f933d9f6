//! How a download comes to a new URL.

use alloc::boxed::Box;

use super::{
    Download,
    event::{Event, EventKind},
    location::Location,
    object::Object,
    outcome::ErrorKind,
    refusal::Refusal,
    state::Phase,
};
use crate::{download_url::DownloadUrl, time::Mono};

impl Download {
    /// Takes a new URL of the same file.
    ///
    /// The same URL as before is not tried again, and one that leads elsewhere starts from the
    /// first byte.
    pub fn new_url(&mut self, now: Mono, url: DownloadUrl) -> Event {
        self.now = now;
        let Phase::NeedsUrl { refusal } = &self.phase else {
            return self.event(EventKind::Ignored);
        };
        if url == self.location.url {
            let kind = Self::without_url(refusal.clone());
            return self.fail(kind);
        }
        let location = match Location::new(url, &self.policy) {
            Ok(location) => location,
            Err(error) => return self.fail(ErrorKind::Url(error)),
        };
        if location.object != self.location.object {
            if self.held.bytes > 0 && !self.can_restart {
                return self.fail(ErrorKind::Changed);
            }
            self.forget_bytes();
            // A tag tells versions of one file apart, and nothing of another.
            self.forgotten = Object::default();
        }
        (self.location, self.is_new_url) = (location, true);
        self.report.new_urls = self.report.new_urls.saturating_add(1);
        self.phase = Phase::Waiting { due: now };
        self.event(EventKind::NewUrl)
    }

    /// Tells it that there is no new URL: the download ends by what the last one has met, or by its
    /// own limit if that has passed.
    pub fn no_new_url(&mut self, now: Mono) -> Event {
        self.now = now;
        let Phase::NeedsUrl { refusal } = &self.phase else {
            return self.event(EventKind::Ignored);
        };
        let kind = match self.is_late() {
            true => ErrorKind::TimedOut,
            false => Self::without_url(refusal.clone()),
        };
        self.fail(kind)
    }

    pub(super) fn need_url(&mut self, refusal: Option<Box<Refusal>>) -> Event {
        if !self.can_renew || self.new_urls >= self.policy.max_new_urls() {
            return self.fail(Self::without_url(refusal));
        }
        self.new_urls += 1;
        self.phase = Phase::NeedsUrl { refusal: refusal.clone() };
        self.event(EventKind::NeedsUrl { refusal })
    }

    pub(super) fn without_url(refusal: Option<Box<Refusal>>) -> ErrorKind {
        match refusal {
            Some(refusal) if !refusal.is_expired() => ErrorKind::Refused(refusal),
            refusal => ErrorKind::Expired { refusal },
        }
    }
}
