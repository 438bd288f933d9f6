use std::{
    hash::{BuildHasher, Hasher, RandomState},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tcss_export_core::{ClockOffset, Policy, Session};

use crate::budget::Budget;

/// What all requests of one client share: session, budget and policy. Clones are handles of the
/// same session and budget.
#[derive(Clone, Debug)]
pub struct Shared {
    session: Arc<Mutex<Session>>,
    budget: Budget,
    policy: Policy,
    /// The seed of the next wait, if the waits are to be the same each time.
    seeds: Option<Arc<AtomicU64>>,
}

impl Shared {
    /// Creates a handle with a budget of its own and the default policy.
    #[must_use]
    pub fn new(session: Session) -> Self {
        let session = Arc::new(Mutex::new(session));
        Self { session, budget: Budget::default(), policy: Policy::default(), seeds: None }
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
