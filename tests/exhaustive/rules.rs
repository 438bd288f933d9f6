//! The rules after each answer. They refer to the sequence of answers only, not to internal state.

use std::time::Duration;

use tcss_export::{
    core::wait::Outcome,
    wait::{self, Event, EventKind, Fault, Policy, Remedy},
};

use crate::answers::{
    Exchange,
    Kind::{self, *},
    PERMANENT, URL,
};

/// A waiter just after an answer.
#[derive(Debug)]
pub(crate) struct Moment<'w> {
    pub(crate) policy: &'w Policy,
    /// The last exchange is the one that was just answered.
    pub(crate) past: &'w [Exchange],
    /// The event, or `None` if the exchange only reached its limit.
    pub(crate) event: Option<&'w Event>,
    pub(crate) poll_count: u32,
    pub(crate) outcome: Option<&'w Outcome>,
    /// The time until the deadline.
    pub(crate) left: Duration,
}

pub(crate) type Rule = (&'static str, fn(&Moment<'_>) -> bool);

pub(crate) const RULES: [Rule; 11] = [
    ("a wait succeeds only by SUCCESS with a URL, and with that URL", success),
    ("SUCCESS without a URL is polled again up to its limit", success_without_url),
    ("FAILURE ends the wait", failure),
    ("RUNNING and unknown statuses are polled again", unfinished),
    ("throttling never ends a wait and is counted separately", throttle),
    ("a permanent error ends the wait at once", permanent),
    ("a correction is tried only once before the next good answer", correction),
    ("transient failures end a wait at their limit and not before", transient_failure),
    ("a wait times out at its deadline and never before", timeout),
    ("every delay is within its documented bounds", delay),
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
    let count = m.past.iter().filter(|exchange| exchange.reply.kind == SuccessWithoutUrl).count();
    let is_over = m.kind() == SuccessWithoutUrl && count > m.policy.polls_without_url as usize;
    is_over == matches!(m.error(), Some(wait::ErrorKind::WithoutUrl))
}

fn failure(m: &Moment<'_>) -> bool {
    (m.kind() == Failure) == matches!(m.error(), Some(wait::ErrorKind::JobFailed { .. }))
}

fn unfinished(m: &Moment<'_>) -> bool {
    !matches!(m.kind(), Running | Unknown) || (!m.answer_ended_the_wait() && m.remedy().is_none())
}

fn throttle(m: &Moment<'_>) -> bool {
    m.kind() != Throttled || (!m.answer_ended_the_wait() && m.remedy() == Some(Remedy::BackOff))
}

fn permanent(m: &Moment<'_>) -> bool {
    m.kind() != Permanent
        || m.fault().and_then(Fault::code).is_some_and(|c| c.as_str() == PERMANENT)
}

fn correction(m: &Moment<'_>) -> bool {
    if !m.kind().is_correctable() {
        return true;
    }
    let expected =
        if m.kind() == Expired { Remedy::ClockCorrected } else { Remedy::FreshCredentials };
    let clock_changed = m.event.is_some_and(|event| event.clock_offset.is_some());
    match m.since_good_answer().iter().any(|exchange| exchange.reply.kind == m.kind()) {
        true => m.fault().is_some() && !clock_changed,
        false => m.remedy() == Some(expected) && clock_changed == (m.kind() == Expired),
    }
}

fn transient_failure(m: &Moment<'_>) -> bool {
    if !m.kind().is_transient() {
        return true;
    }
    let is_last = m.count_since_good_answer(Kind::is_transient) >= m.policy.max_failures;
    let is_retried = m.remedy() == Some(Remedy::Retry) || m.kind() == Overdue;
    if is_last { m.fault().is_some() } else { !m.answer_ended_the_wait() && is_retried }
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
    let retries = m.past[..polls - 1].iter().filter(|before| !before.reply.kind.is_good()).count();
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
        self.past.last().expect("an answer")
    }

    fn kind(&self) -> Kind {
        self.last().reply.kind
    }

    /// Returns the earlier exchanges since the last good answer.
    fn since_good_answer(&self) -> &[Exchange] {
        let before = &self.past[..self.past.len() - 1];
        before.rsplit(|exchange| exchange.reply.kind.is_good()).next().unwrap_or(before)
    }

    fn count_since_good_answer(&self, which: fn(Kind) -> bool) -> u32 {
        let count =
            self.since_good_answer().iter().filter(|exchange| which(exchange.reply.kind)).count();
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
    fn answer_ended_the_wait(&self) -> bool {
        self.outcome.is_some() && !matches!(self.error(), Some(wait::ErrorKind::TimedOut))
    }

    fn remedy(&self) -> Option<Remedy> {
        match self.event?.kind {
            EventKind::Retrying { remedy, .. } => Some(remedy),
            _ => None,
        }
    }

    /// Returns the documented bounds of the delay after the last answer.
    fn bounds(&self) -> (Duration, Duration) {
        match self.kind() {
            Expired | BadToken => (Duration::ZERO, Duration::ZERO),
            Throttled => {
                self.policy.throttle.bounds(self.count_since_good_answer(|k| k == Throttled))
            }
            Broken if !self.is_after_a_broken_connection() => (Duration::ZERO, Duration::ZERO),
            kind if kind.is_transient() => {
                self.policy.retry.bounds(self.count_since_good_answer(Kind::is_transient))
            }
            _ => self.interval(),
        }
    }

    fn is_after_a_broken_connection(&self) -> bool {
        let transient =
            self.since_good_answer().iter().rfind(|exchange| exchange.reply.kind.is_transient());
        transient.is_some_and(|exchange| exchange.reply.kind == Broken)
    }

    /// Returns the poll interval for the time since the first good answer, to the microsecond.
    fn interval(&self) -> (Duration, Duration) {
        let first = self.past.iter().find(|exchange| exchange.reply.kind.is_good());
        let now = self.last().answered;
        let running = first.map_or(Duration::ZERO, |first| now - first.answered).as_secs_f64();
        let shortest = self.policy.poll_interval.as_secs_f64();
        let grown = (shortest * (shortest + 0.875 * running)).sqrt();
        let interval = Duration::from_secs_f64(grown).min(Policy::LONGEST_POLL_INTERVAL);
        let rounding = Duration::from_micros(1);
        (interval - rounding, interval + rounding)
    }
}
