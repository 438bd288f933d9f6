//! What must hold after each answer, said of the sequence so far and not of any state.

use std::time::Duration;

use tcss_export::{
    core::wait::Outcome,
    wait::{self, Correction, Event, EventKind, Fault, Policy},
};

use crate::{
    answers::{
        Kind::{self, *},
        PERMANENT, URL,
    },
    exchange::Exchange,
};

/// A waiter after an answer.
#[derive(Debug)]
pub(crate) struct Moment<'w> {
    pub(crate) policy: &'w Policy,
    /// The last exchange is the one that was just answered.
    pub(crate) past: &'w [Exchange],
    /// What was decided; nothing is told where only the limit of the exchange has passed.
    pub(crate) event: Option<&'w Event>,
    pub(crate) poll_count: u32,
    pub(crate) outcome: Option<&'w Outcome>,
    /// The time to the deadline.
    pub(crate) left: Duration,
}

pub(crate) type Rule = (&'static str, fn(&Moment<'_>) -> bool);

pub(crate) const RULES: [Rule; 11] = [
    ("a wait succeeds by a success with a URL, and with that URL", success),
    ("a success without a URL is polled again to its bound", success_without_url),
    ("a failure of the job ends the wait", failure),
    ("a status that is no end is polled again", no_end),
    ("throttles never end a wait and count apart", throttle),
    ("a permanent error ends the wait at once", permanent),
    ("a correction is tried once until a good answer comes", correction),
    ("passing failures end a wait at their bound and not before", passing_failure),
    ("a wait times out at its deadline and never before", timeout),
    ("every delay lies within the bounds of its kind", delay),
    ("polls and retries are counted", counters),
];

fn success(m: &Moment<'_>) -> bool {
    let is_this = |url: &str| m.kind() == Success && url == URL;
    match m.outcome {
        Some(Ok(finished)) => is_this(finished.download_url.as_str()),
        _ => m.kind() != Success,
    }
}

fn success_without_url(m: &Moment<'_>) -> bool {
    let count = m.past.iter().filter(|exchange| exchange.told.kind == SuccessWithoutUrl).count();
    let is_over = m.kind() == SuccessWithoutUrl && count > m.policy.polls_without_url as usize;
    is_over == matches!(m.error(), Some(wait::ErrorKind::WithoutUrl))
}

fn failure(m: &Moment<'_>) -> bool {
    (m.kind() == Failure) == matches!(m.error(), Some(wait::ErrorKind::JobFailed { .. }))
}

fn no_end(m: &Moment<'_>) -> bool {
    !matches!(m.kind(), Running | Unknown) || (!m.is_answered_by_end() && m.remedy().is_none())
}

fn throttle(m: &Moment<'_>) -> bool {
    m.kind() != Throttled || (!m.is_answered_by_end() && m.remedy() == Some(Correction::BackOff))
}

fn permanent(m: &Moment<'_>) -> bool {
    m.kind() != Permanent
        || m.fault().and_then(Fault::code).is_some_and(|c| c.as_str() == PERMANENT)
}

fn correction(m: &Moment<'_>) -> bool {
    if !m.kind().is_correctable() {
        return true;
    }
    let remedy =
        if m.kind() == Expired { Correction::ClockCorrected } else { Correction::FreshCredentials };
    let is_corrected = m.event.is_some_and(|event| event.clock_offset.is_some());
    match m.run().iter().any(|exchange| exchange.told.kind == m.kind()) {
        true => m.fault().is_some() && !is_corrected,
        false => m.remedy() == Some(remedy) && is_corrected == (m.kind() == Expired),
    }
}

fn passing_failure(m: &Moment<'_>) -> bool {
    if !m.kind().is_passing() {
        return true;
    }
    let is_last = m.count_in_run(Kind::is_passing) >= m.policy.max_failures;
    let is_retried = m.remedy() == Some(Correction::Retry) || m.kind() == Overdue;
    if is_last { m.fault().is_some() } else { !m.is_answered_by_end() && is_retried }
}

fn timeout(m: &Moment<'_>) -> bool {
    match m.error() {
        Some(wait::ErrorKind::TimedOut) => m.left.is_zero(),
        _ => !m.left.is_zero() || m.outcome.is_some(),
    }
}

fn delay(m: &Moment<'_>) -> bool {
    let Some(pause) = m.last().pause else { return true };
    let (shortest, longest) = m.bounds();
    shortest.min(m.left) <= pause && pause <= longest.min(m.left)
}

fn counters(m: &Moment<'_>) -> bool {
    let polls = m.past.len();
    let retries = m.past[..polls - 1].iter().filter(|before| !before.told.kind.is_good()).count();
    let report = m.outcome.map(|outcome| match outcome {
        Ok(finished) => &finished.report,
        Err(error) => &error.report,
    });
    m.poll_count as usize == polls
        && m.event.is_none_or(|event| event.poll as usize == polls)
        && report.is_none_or(|r| (r.polls as usize, r.retries as usize) == (polls, retries))
}

impl Moment<'_> {
    fn last(&self) -> &Exchange {
        self.past.last().expect("something came")
    }

    fn kind(&self) -> Kind {
        self.last().told.kind
    }

    /// Returns what came before since the last good answer.
    fn run(&self) -> &[Exchange] {
        let before = &self.past[..self.past.len() - 1];
        before.rsplit(|exchange| exchange.told.kind.is_good()).next().unwrap_or(before)
    }

    fn count_in_run(&self, which: fn(Kind) -> bool) -> u32 {
        let count = self.run().iter().filter(|exchange| which(exchange.told.kind)).count();
        u32::try_from(count).expect("a short sequence")
    }

    fn error(&self) -> Option<&wait::ErrorKind> {
        self.outcome?.as_ref().err().map(|error| &error.kind)
    }

    fn fault(&self) -> Option<&Fault> {
        match self.error()? {
            wait::ErrorKind::Fault(fault) => Some(fault),
            _ => None,
        }
    }

    /// Whether the answer, and not the deadline, has ended the wait.
    fn is_answered_by_end(&self) -> bool {
        self.outcome.is_some() && !matches!(self.error(), Some(wait::ErrorKind::TimedOut))
    }

    fn remedy(&self) -> Option<Correction> {
        match self.event?.kind {
            EventKind::Retrying { remedy, .. } => Some(remedy),
            _ => None,
        }
    }

    /// Returns the documented bounds of the delay after the last answer.
    fn bounds(&self) -> (Duration, Duration) {
        match self.kind() {
            Expired | BadToken => (Duration::ZERO, Duration::ZERO),
            Throttled => self.policy.throttle.bounds(self.count_in_run(|k| k == Throttled)),
            Broken if !self.is_after_a_broken_one() => (Duration::ZERO, Duration::ZERO),
            kind if kind.is_passing() => {
                self.policy.retry.bounds(self.count_in_run(Kind::is_passing))
            }
            _ => (self.interval(), self.interval()),
        }
    }

    fn is_after_a_broken_one(&self) -> bool {
        let passing = self.run().iter().rfind(|exchange| exchange.told.kind.is_passing());
        passing.is_some_and(|exchange| exchange.told.kind == Broken)
    }

    /// Returns the interval after so many good answers.
    fn interval(&self) -> Duration {
        let before = &self.past[..self.past.len() - 1];
        let grown = before.iter().filter(|exchange| exchange.told.kind.is_good());
        grown.fold(self.policy.poll_interval, |interval, _| {
            (interval + interval / 2).min(Policy::LONGEST_POLL_INTERVAL)
        })
    }
}
