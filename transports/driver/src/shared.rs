use std::{
    hash::{BuildHasher, Hasher, RandomState},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tcss_export_core::{ClockOffset, Mono, Policy, Session};

use crate::budget::Budget;

/// What all requests of one client share: session, budget and policy. Clones are handles of the
/// same session and budget.
#[derive(Clone, Debug)]
pub struct Shared {
    session: Arc<Mutex<Session>>,
    budget: Budget,
    policy: Policy,
    /// When all exchanges have to end, if they have to.
    end: Option<Mono>,
    /// The seed of the next wait, if the waits are to be the same each time.
    seeds: Option<Arc<AtomicU64>>,
}

impl Shared {
    /// Creates a handle with a budget of its own and the default policy.
    #[must_use]
    pub fn new(session: Session) -> Self {
        let session = Arc::new(Mutex::new(session));
        let (budget, policy) = (Budget::default(), Policy::default());
        Self { session, budget, policy, end: None, seeds: None }
    }

    /// Sets the budget, to share one with other clients.
    #[must_use]
    pub fn with_budget(mut self, budget: Budget) -> Self {
        self.budget = budget;
        self
    }

    /// Sets the policy of waits.
    #[must_use]
    pub fn with_policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Sets a moment at which waits and exchanges end, however long they may take otherwise.
    pub(crate) fn until(mut self, now: Mono, end: Mono) -> Self {
        let rest = end.saturating_since(now).min(self.policy.max_wait());
        self.policy = self.policy.with_max_wait(rest);
        self.end = Some(end);
        self
    }

    /// Returns how long an exchange may take that starts now.
    pub(crate) fn exchange_limit(&self, now: Mono) -> Duration {
        let limit = self.policy.exchange_limit();
        self.end.map_or(limit, |end| end.saturating_since(now).min(limit))
    }

    /// Returns the moment, or that at which everything ends, if it comes earlier.
    pub(crate) fn before_end(&self, moment: Mono) -> Mono {
        self.end.map_or(moment, |end| end.min(moment))
    }

    /// Sets the seed from which the delays of all waits follow, for tests that must be the same
    /// each time. Without one they differ from wait to wait and from run to run.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.seeds = Some(Arc::new(AtomicU64::new(seed)));
        self
    }

    /// Returns the budget, to be shared.
    #[must_use]
    pub const fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Returns what is added to local wall time before it is signed, as the answers so far have
    /// corrected it.
    #[must_use]
    pub fn clock_offset(&self) -> ClockOffset {
        self.session().clock_offset()
    }

    /// Returns the policy.
    #[must_use]
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Locks the session; held only while a request is signed or an answer is read.
    pub(crate) fn session(&self) -> MutexGuard<'_, Session> {
        // Nothing panics while it holds the lock; were it so, the session would still be whole.
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns a number that differs from wait to wait, to spread their delays.
    pub(crate) fn seed(&self) -> u64 {
        match &self.seeds {
            Some(seeds) => seeds.fetch_add(1, Ordering::Relaxed),
            None => RandomState::new().build_hasher().finish(),
        }
    }
}

impl From<Session> for Shared {
    fn from(session: Session) -> Self {
        Self::new(session)
    }
}
