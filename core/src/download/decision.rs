//! What a download makes of bytes, of an answer's end and of faults.

use alloc::boxed::Box;
use core::mem;

use super::{
    Body, Download, Held, Phase, Problem, Received,
    error_page::{Refusal, Remedy},
    outcome::{DownloadError, Downloaded, ErrorKind, Event, EventKind, Fault, Outcome, Report},
};
use crate::{error::SendFault, retry::raised, time::Mono};

/// A server may cut a large range into parts, and then the next one is asked for at once. Parts
/// smaller than this come of something wrong with it, and asking at once would only add to that.
const LITTLE: u64 = 64 * 1024;

impl Download {
    /// Takes the next piece of the body under way.
    pub fn body<'b>(&mut self, now: Mono, bytes: &'b [u8]) -> Received<'b> {
        self.now = now;
        let is_given_up = self.limit() <= now;
        if self.is_late() && self.phase.is_under_way() {
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
            // All of it has the time of one stall: nothing more than words is waited for.
            Phase::Refused { excerpt, .. } => match excerpt.take(bytes) && !is_given_up {
                true => Received::Nothing,
                false => Received::Drop,
            },
            _ => Received::Drop,
        }
    }

    fn take<'b>(&mut self, bytes: &'b [u8], end: Option<u64>) -> Received<'b> {
        let have = self.held.bytes.saturating_add(bytes.len() as u64);
        let problem = match self.policy.size_limit() {
            Some(limit) if have > limit => Problem::End(ErrorKind::TooLarge { limit }),
            // More than the answer itself has declared.
            _ if end.is_some_and(|end| have > end) => Problem::StartOver(Fault::WrongRange),
            _ => {
                self.held.crc.update(bytes);
                self.held.bytes = have;
                if have > self.furthest {
                    self.furthest = have;
                    self.retry.succeeded();
                    self.new_urls = 0;
                    self.report.last_fault = None;
                }
                return Received::Write(bytes);
            }
        };
        self.phase = Phase::Useless(problem);
        Received::Drop
    }

    /// Tells it that the answer under way has ended, well or by a fault, or that none came; decides
    /// how to go on.
    pub fn ended(&mut self, now: Mono, end: Result<(), SendFault>) -> Event {
        self.now = now;
        // What stands there meanwhile is no end that anyone could take for a good one.
        let meanwhile = Phase::Useless(Problem::End(ErrorKind::Cancelled));
        match mem::replace(&mut self.phase, meanwhile) {
            Phase::Requested { .. } => {
                let fault = end.err().unwrap_or(SendFault::Connection);
                self.fault(Fault::Send(fault))
            }
            Phase::Body(body) => self.body_ended(&body, end),
            Phase::Refused { mut refusal, excerpt, .. } => {
                refusal.read(excerpt.as_bytes());
                self.refused(refusal)
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

    fn body_ended(&mut self, body: &Body, end: Result<(), SendFault>) -> Event {
        match self.cut(body, end) {
            // It is the limit of the whole that has ended it.
            Some(Fault::Stalled) if self.is_late() => return self.fail(ErrorKind::TimedOut),
            Some(fault) => return self.fault(fault),
            None => {}
        }
        match (self.held.object.total, body.end) {
            (Some(total), _) if self.held.bytes < total => self.go_on(body),
            // A range of a file whose length is not known yet.
            (None, Some(_)) if !self.has_right_checksum() => self.go_on(body),
            _ => self.whole(),
        }
    }

    /// Returns what has cut a body short, if anything has: a fault after its last byte has not.
    fn cut(&self, body: &Body, end: Result<(), SendFault>) -> Option<Fault> {
        let misses_bytes = match body.end {
            Some(end) => self.held.bytes < end,
            // Then it is a good end that shows that all bytes are there, or their checksum.
            None => end.is_err() || !body.shows_its_end && !self.has_right_checksum(),
        };
        let is_short = misses_bytes || body.skip > 0;
        match end {
            Err(SendFault::Permanent) => Some(Fault::Send(SendFault::Permanent)),
            Err(SendFault::Timeout) if is_short => Some(Fault::Stalled),
            _ if is_short => Some(Fault::Incomplete),
            _ => None,
        }
    }

    fn has_right_checksum(&self) -> bool {
        self.held.object.crc64 == Some(self.held.crc.value())
    }

    /// Asks for the rest. Without a strong tag that would be all of the file again, and a server
    /// that always gives less would keep it going for ever.
    fn go_on(&mut self, body: &Body) -> Event {
        if self.held.object.etag.is_none() {
            return self.fault(Fault::Incomplete);
        }
        if self.held.bytes == body.began {
            // The last byte is there still; only a whole answer shows whether more follows.
            return self.start_over(Fault::Less);
        }
        let is_little = self.held.bytes - body.began < LITTLE;
        if is_little && self.held.ends_in_little {
            return self.fault(Fault::Less);
        }
        self.held.ends_in_little = is_little;
        self.phase = Phase::Waiting { due: self.now };
        self.event(EventKind::Continuing)
    }

    fn whole(&mut self) -> Event {
        let computed = self.held.crc.value();
        match self.held.object.crc64 {
            Some(expected) if expected != computed => {
                if self.held.is_stitched && self.can_restart {
                    return self.start_over(Fault::Mismatch);
                }
                self.fail(ErrorKind::Mismatch { expected, computed })
            }
            None if self.policy.requires_crc64() => self.fail(ErrorKind::NoChecksum),
            expected => {
                self.held.object.total = Some(self.held.bytes);
                let (bytes, crc64, verified) = (self.held.bytes, computed, expected.is_some());
                let report = self.report();
                self.end(Ok(Downloaded { bytes, crc64, verified, report }))
            }
        }
    }

    fn refused(&mut self, refusal: Box<Refusal>) -> Event {
        match refusal.remedy() {
            Remedy::NewUrl => self.need_url(Some(refusal)),
            Remedy::Retry | Remedy::BackOff => self.fault(Fault::Refused(refusal)),
            Remedy::Stop => self.fail(ErrorKind::Refused(refusal)),
        }
    }

    /// Goes by a fault after which the bytes that are there cannot be relied on.
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
        if fault == Fault::Send(SendFault::Permanent) {
            return self.fail(ErrorKind::Fault(fault));
        }
        if self.is_late() {
            return self.fail(ErrorKind::TimedOut);
        }
        let (is_throttled, retry_after) = match &fault {
            Fault::Refused(refusal) => (refusal.remedy() == Remedy::BackOff, refusal.retry_after),
            _ => (false, None),
        };
        let is_broken = fault == Fault::Send(SendFault::Connection);
        let (backoff, most) = (self.policy.backoff(is_throttled), self.policy.max_failures());
        let Some(delay) = self.retry.failed(backoff, most, is_broken) else {
            return self.fail(ErrorKind::Fault(fault));
        };
        let delay = raised(delay, retry_after, crate::Policy::LONGEST_RETRY_AFTER);
        self.phase = Phase::Waiting { due: self.now.saturating_add(delay) };
        self.event(EventKind::Retrying { fault, delay })
    }

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
        self.end(Err(DownloadError { kind, report }))
    }

    fn end(&mut self, outcome: Outcome) -> Event {
        self.phase = Phase::Done(Box::new(outcome));
        self.event(EventKind::Ended)
    }

    /// Closes the report.
    fn report(&mut self) -> Box<Report> {
        let mut report = mem::take(&mut self.report);
        report.elapsed = self.elapsed();
        report.bytes = self.bytes();
        report.total = self.total();
        report
    }

    pub(super) const fn event(&self, kind: EventKind) -> Event {
        Event { bytes: self.bytes(), total: self.total(), kind }
    }
}
