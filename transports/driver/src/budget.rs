use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Waker,
};

use tcss_export_core::{Mono, RateBudget, Ticket};

/// A [`RateBudget`] that clients share: clones are handles of the same one.
///
/// Each client has one of its own unless it is given another's. Clients that use one account
/// should share one, because the service counts by account.
#[derive(Clone, Debug, Default)]
pub struct Budget(Arc<Mutex<Queue>>);

#[derive(Debug, Default)]
struct Queue {
    budget: RateBudget,
    sleepers: BTreeMap<Ticket, Waker>,
}

impl Budget {
    /// Creates a handle of a budget with another spacing than the default one.
    #[must_use]
    pub fn new(budget: RateBudget) -> Self {
        Self(Arc::new(Mutex::new(Queue { budget, sleepers: BTreeMap::new() })))
    }

    pub(crate) fn join(&self, now: Mono) -> Turn {
        Turn { ticket: self.queue().budget.join(now), budget: self.clone() }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Nothing panics while it holds the lock; were it so, the queue would still be whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the queue, given up on drop.
#[derive(Debug)]
pub(crate) struct Turn {
    budget: Budget,
    ticket: Ticket,
}

impl Turn {
    /// Takes the start, or tells when to ask again.
    pub(crate) fn start(&self, now: Mono) -> Result<(), Mono> {
        let mut queue = self.budget.queue();
        queue.budget.start(self.ticket, now)?;
        queue.wake_first();
        Ok(())
    }

    /// Returns the moment of this turn as far as can be told now.
    pub(crate) fn moment(&self, now: Mono) -> Mono {
        self.budget.queue().budget.turn(self.ticket, now)
    }

    /// Leaves a waker for when the turn may have moved up; tells whether it has already moved to
    /// before `moment`.
    pub(crate) fn is_before(&self, moment: Mono, now: Mono, waker: &Waker) -> bool {
        let mut queue = self.budget.queue();
        if queue.budget.turn(self.ticket, now) < moment {
            return true;
        }
        queue.sleepers.insert(self.ticket, waker.clone());
        false
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut queue = self.budget.queue();
        queue.budget.leave(self.ticket);
        queue.sleepers.remove(&self.ticket);
        queue.wake_first();
    }
}

impl Queue {
    /// Wakes one sleeper a start, never the whole queue: each start wakes the next.
    fn wake_first(&mut self) {
        let first = self.budget.first();
        if let Some(waker) = first.and_then(|first| self.sleepers.remove(&first)) {
            waker.wake();
        }
    }
}
