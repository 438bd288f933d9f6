//! When a download does what, and when it gives up.

use core::time::Duration;

use super::{Download, outcome::ErrorKind, state::Phase, step::Step};
use crate::{outcome::SendFault, time::Mono};

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
    pub(super) fn is_late(&self) -> bool {
        self.deadline().is_some_and(|deadline| deadline <= self.now)
    }

    fn before_deadline(&self, moment: Mono) -> Mono {
        self.deadline().map_or(moment, |deadline| deadline.min(moment))
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.now.saturating_since(self.began)
    }
}
