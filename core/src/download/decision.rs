//! How a download reacts to bytes, to the end of a response, and to faults.

use alloc::boxed::Box;
use core::mem;

use super::{
    Body, Download, Held, Phase, Problem, Received,
    error_page::{Reaction, Refusal, extend_excerpt},
    object::Object,
    outcome::{Downloaded, Error, ErrorKind, Event, EventKind, Fault, Outcome, Report},
    url::{DownloadUrl, Location},
};
use crate::{
    error::TransportErrorKind,
    retry::{Failures, LONGEST_RETRY_AFTER, raised},
    time::Mono,
};

/// A server may split a large range, and then the rest is requested at once. If the pieces are
/// smaller than this, the server has a problem that requests without a delay would make worse.
const LITTLE: u64 = 64 * 1024;

impl Download {
    /// Takes the next piece of the body in flight.
    pub fn body<'b>(&mut self, now: Mono, bytes: &'b [u8]) -> Received<'b> {
        self.now = now;
        let is_stalled = self.limit() <= now;
        if self.is_late() && self.phase.is_in_flight() {
            self.phase = Phase::Useless(Problem::End(ErrorKind::TimedOut));
        }
        match &mut self.phase {
            Phase::Body(body) => {
                if !bytes.is_empty() {
                    body.since = now;
                }
                let skipped = usize::try_from(body.skip).unwrap_or(usize::MAX).min(bytes.len());
                body.skip -= skipped as u64;
                let end = body.end;
                self.take(bytes.get(skipped..).unwrap_or_default(), end)
            }
            // A whole error page must arrive within one stall limit.
            Phase::Refused { excerpt, .. } => match extend_excerpt(excerpt, bytes) && !is_stalled {
                true => Received::Nothing,
                false => Received::Drop,
            },
            _ => Received::Drop,
        }
    }

    fn take<'b>(&mut self, bytes: &'b [u8], end: Option<u64>) -> Received<'b> {
        let have = self.held.bytes.saturating_add(bytes.len() as u64);
        let problem = match self.policy.size_limit {
            Some(limit) if have > limit => Problem::End(ErrorKind::TooLarge { limit }),
            // The response is longer than it declared.
            _ if end.is_some_and(|end| have > end) => Problem::StartOver(Fault::WrongRange),
            _ => {
                self.held.crc.update(bytes);
                self.held.bytes = have;
                if have > self.furthest {
                    self.furthest = have;
                    self.failures = Failures::default();
                    (self.not_found, self.new_urls) = (0, 0);
                    self.report.last_fault = None;
                }
                return Received::Write(bytes);
            }
        };
        self.phase = Phase::Useless(problem);
        Received::Drop
    }

    /// Takes the end of the exchange in flight and decides how to go on.
    pub fn ended(&mut self, now: Mono, end: Result<(), TransportErrorKind>) -> Event {
        self.now = now;
        // Placeholder while the phase is moved out.
        let placeholder = Phase::Useless(Problem::End(ErrorKind::Cancelled));
        match mem::replace(&mut self.phase, placeholder) {
            Phase::Requested { .. } => {
                let fault = end.err().unwrap_or(TransportErrorKind::Connection);
                self.fault(Fault::Transport(fault))
            }
            Phase::Body(body) => self.body_ended(&body, end),
            Phase::Refused { mut refusal, excerpt, .. } => {
                refusal.read(&excerpt, &self.location.url);
                match refusal.reaction() {
                    Reaction::NewUrl => self.need_url(Some(refusal)),
                    Reaction::NotYet if self.not_found >= self.policy.max_not_found => {
                        self.fail(ErrorKind::Refused(refusal))
                    }
                    Reaction::Retry | Reaction::BackOff | Reaction::NotYet => {
                        self.fault(Fault::Refused(refusal))
                    }
                    Reaction::Stop => self.fail(ErrorKind::Refused(refusal)),
                }
            }
            Phase::Useless(Problem::Again(fault)) => self.fault(fault),
            Phase::Useless(Problem::StartOver(fault)) => self.start_over(fault),
            Phase::Useless(Problem::End(kind)) => self.fail(kind),
            phase => {
                self.phase = phase;
                self.event(EventKind::Ignored)
            }
        }
    }

    fn body_ended(&mut self, body: &Body, end: Result<(), TransportErrorKind>) -> Event {
        match self.truncation(body, end) {
            Some(Fault::Stalled) if self.is_late() => return self.fail(ErrorKind::TimedOut),
            Some(fault) => return self.fault(fault),
            None => {}
        }
        match (self.held.object.total, body.end) {
            (Some(total), _) if self.held.bytes < total => self.request_rest(body),
            // A range of a file whose length is not known yet.
            (None, Some(_)) if !self.has_right_checksum() => self.request_rest(body),
            _ => self.complete(),
        }
    }

    /// Returns how a body was cut short, if it was. A fault after its last byte does not count.
    fn truncation(&self, body: &Body, end: Result<(), TransportErrorKind>) -> Option<Fault> {
        let misses_bytes = match body.end {
            Some(end) => self.held.bytes < end,
            // Only a regular end, or the checksum, proves that all bytes have arrived.
            None => (end.is_err() || !body.shows_its_end) && !self.has_right_checksum(),
        };
        let is_short = misses_bytes || body.skip > 0;
        match end {
            Err(fault @ TransportErrorKind::Permanent) => Some(Fault::Transport(fault)),
            Err(TransportErrorKind::Timeout) if is_short => Some(Fault::Stalled),
            _ if is_short => Some(Fault::Incomplete),
            _ => None,
        }
    }

    fn has_right_checksum(&self) -> bool {
        self.held.object.crc64 == Some(self.held.crc.value())
    }

    fn request_rest(&mut self, body: &Body) -> Event {
        // Without a strong tag this requests the whole file again. It counts as a failure, since
        // the server may always send less.
        if self.held.object.etag.is_none() {
            return self.fault(Fault::Incomplete);
        }
        if self.held.bytes == body.began {
            // Only the last byte was confirmed; only a whole response shows whether more follow.
            return self.start_over(Fault::ShortRanges);
        }
        let is_little = self.held.bytes - body.began < LITTLE;
        if is_little && self.held.ends_in_little {
            return self.fault(Fault::ShortRanges);
        }
        self.held.ends_in_little = is_little;
        self.phase = Phase::Waiting { due: self.now };
        self.event(EventKind::Continuing)
    }

    fn complete(&mut self) -> Event {
        let computed = self.held.crc.value();
        match self.held.object.crc64 {
            Some(expected) if expected != computed => {
                if self.held.is_stitched && self.can_restart {
                    return self.start_over(Fault::Mismatch);
                }
                self.fail(ErrorKind::Mismatch { expected, computed })
            }
            None if self.policy.require_crc64 => self.fail(ErrorKind::NoChecksum),
            expected => {
                self.held.object.total = Some(self.held.bytes);
                let (bytes, crc64, verified) = (self.held.bytes, computed, expected.is_some());
                let report = self.report();
                self.end(Ok(Downloaded { bytes, crc64, verified, report }))
            }
        }
    }

    /// Continues with a new URL of the same file.
    ///
    /// The same URL as before ends the download; a URL of another file starts at the first byte.
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
            // Tags of different files are not comparable.
            self.forgotten = Object::default();
        }
        (self.location, self.is_new_url) = (location, true);
        self.report.new_urls = self.report.new_urls.saturating_add(1);
        self.phase = Phase::Waiting { due: now };
        self.event(EventKind::NewUrl)
    }

    /// Ends the download because no new URL is available; the error says what happened to the last
    /// one, or that the time limit has passed.
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
        if !self.can_renew || self.new_urls >= self.policy.max_new_urls {
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

    /// Handles a fault after which the bytes held are not reliable.
    fn start_over(&mut self, fault: Fault) -> Event {
        if self.can_restart || self.held.bytes == 0 {
            self.forget_bytes();
        } else if fault == Fault::Changed {
            return self.fail(ErrorKind::Changed);
        }
        self.fault(fault)
    }

    fn fault(&mut self, fault: Fault) -> Event {
        self.report.last_fault = Some(fault.clone());
        if fault == Fault::Transport(TransportErrorKind::Permanent) {
            return self.fail(ErrorKind::Fault(fault));
        }
        if self.is_late() {
            return self.fail(ErrorKind::TimedOut);
        }
        let (reaction, retry_after) = match &fault {
            Fault::Refused(refusal) => (refusal.reaction(), refusal.retry_after),
            _ => (Reaction::Retry, None),
        };
        let backoff = match reaction {
            Reaction::BackOff | Reaction::NotYet => self.policy.throttle,
            _ => self.policy.retry,
        };
        let delay = if reaction == Reaction::NotYet {
            self.not_found += 1;
            Some(backoff.delay(self.not_found - 1, &mut self.random))
        } else {
            let is_broken = fault == Fault::Transport(TransportErrorKind::Connection);
            self.failures.failed(backoff, self.policy.max_failures, is_broken, &mut self.random)
        };
        let Some(delay) = delay else { return self.fail(ErrorKind::Fault(fault)) };
        let delay = raised(delay, retry_after, LONGEST_RETRY_AFTER);
        self.phase = Phase::Waiting { due: self.now.saturating_add(delay) };
        self.event(EventKind::Retrying { fault, delay })
    }

    /// Discards the bytes held, but remembers the file they belong to.
    pub(super) fn forget_bytes(&mut self) {
        if self.held.bytes > 0 {
            self.report.restarts = self.report.restarts.saturating_add(1);
        }
        let Held { object, .. } = mem::take(&mut self.held);
        if object.etag.is_some() {
            self.forgotten = object;
        }
    }

    pub(super) fn fail(&mut self, kind: ErrorKind) -> Event {
        let report = self.report();
        self.end(Err(Error { kind, report }))
    }

    fn end(&mut self, outcome: Outcome) -> Event {
        self.phase = Phase::Done(Box::new(outcome));
        self.event(EventKind::Ended)
    }

    fn report(&mut self) -> Box<Report> {
        let mut report = mem::take(&mut self.report);
        report.elapsed = self.now.saturating_since(self.began);
        (report.bytes, report.total) = (self.bytes(), self.total());
        report
    }
}
