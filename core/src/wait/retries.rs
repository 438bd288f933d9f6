//! What to do after a failed exchange, for waits and single actions.

use core::time::Duration;

use super::{Event, EventKind, Fault, Policy, Remedy};
use crate::{
    error::TransportErrorKind,
    response_error::Advice,
    retry::{Failures, Random, raised},
    time::{ClockOffset, Mono},
};

impl Failures {
    /// Decides what to do about a fault and when. `corrected`: its answer corrected the clock.
    /// `None` if nothing helps, or after too many failures in a row.
    pub(super) fn remedy(
        &mut self,
        fault: &Fault,
        corrected: bool,
        policy: &Policy,
        random: &mut Random,
    ) -> Option<(Remedy, Duration)> {
        let (remedy, delay) = match fault.advice() {
            // A second correction in a row would not help.
            Advice::CorrectClock if corrected && !self.clock_corrected => {
                self.clock_corrected = true;
                return Some((Remedy::ClockCorrected, Duration::ZERO));
            }
            Advice::RefreshCredentials if !self.credentials_refreshed => {
                self.credentials_refreshed = true;
                return Some((Remedy::FreshCredentials, Duration::ZERO));
            }
            Advice::Retry => {
                let is_broken = matches!(fault, Fault::Transport(TransportErrorKind::Connection));
                let delay = self.failed(policy.retry, policy.max_failures, is_broken, random)?;
                (Remedy::Retry, delay)
            }
            Advice::BackOff => (Remedy::BackOff, self.throttled(policy.throttle, random)),
            _ => return None,
        };
        Some((remedy, raised(delay, fault.retry_after(), policy.longest_retry_after)))
    }
}

/// Decides when to repeat a single action that failed: by the rules of a wait, within
/// [`Policy::max_wait`].
///
/// It does not know whether the action may be repeated: see
/// [`Action::READ_ONLY`](crate::actions::Action::READ_ONLY).
///
/// ```
/// use std::time::Duration;
/// use tcss_export_core::wait::{EventKind, Fault, Policy, Retries};
/// use tcss_export_core::{Mono, TransportErrorKind};
///
/// let now = Mono::from_origin(Duration::ZERO);
/// let mut retries = Retries::new(&Policy::default(), 7, now);
/// let fault = Fault::Transport(TransportErrorKind::Timeout);
/// let event = retries.failed(now, fault, None).expect("a first failure is retried");
/// assert!(matches!(event.kind, EventKind::Retrying { .. }));
/// ```
#[derive(Clone, Debug)]
pub struct Retries {
    policy: Policy,
    failures: Failures,
    random: Random,
    deadline: Mono,
    attempts: u32,
}

impl Retries {
    /// Starts now. The seed randomizes the delays: one seed always yields the same ones.
    pub fn new(policy: &Policy, seed: u64, now: Mono) -> Self {
        Self {
            deadline: now.saturating_add(policy.max_wait),
            policy: policy.clone(),
            failures: Failures::default(),
            random: Random(seed),
            attempts: 0,
        }
    }

    /// Takes the fault of an attempt, and the clock offset if its answer corrected the clock.
    /// Returns the event with the delay before the next attempt, always an [`EventKind::Retrying`].
    ///
    /// `None` if the fault is final: it is permanent, it is one failure in a row too many, or the
    /// next attempt would come after the deadline. A corrected clock and new credentials are tried
    /// even then, once.
    pub fn failed(
        &mut self,
        now: Mono,
        fault: Fault,
        clock_offset: Option<ClockOffset>,
    ) -> Option<Event> {
        self.attempts = self.attempts.saturating_add(1);
        let Self { failures, policy, random, .. } = self;
        let (remedy, delay) = failures.remedy(&fault, clock_offset.is_some(), policy, random)?;
        let kind = EventKind::Retrying { fault, remedy, delay };
        let event = Event { poll: self.attempts, clock_offset, kind };
        let is_correction = matches!(remedy, Remedy::ClockCorrected | Remedy::FreshCredentials);
        (is_correction || now.saturating_add(delay) < self.deadline).then_some(event)
    }
}
