//! The rate budget as clients share it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    task::Waker,
};

use tcss_export_core::{Mono, RateBudget, Ticket};

/// A [`RateBudget`] that clients share. Clones are handles of the same budget.
///
/// Each client creates its own. Clients of one account should share one, because the service counts
/// requests per account.
#[derive(Clone, Debug, Default)]
pub struct Budget(Arc<Mutex<Queue>>);

#[derive(Debug, Default)]
struct Queue {
    budget: RateBudget,
    sleepers: BTreeMap<Ticket, Waker>,
}

impl Budget {
    /// Creates a budget with another spacing than the default one.
    pub fn new(budget: RateBudget) -> Self {
        Self(Arc::new(Mutex::new(Queue { budget, sleepers: BTreeMap::new() })))
    }

    pub(crate) fn join(&self, now: Mono) -> Turn {
        Turn { ticket: self.with(|queue| queue.budget.join(now)), budget: self.clone() }
    }

    /// Uses the queue under its lock. No waker is woken, cloned or dropped here, because that would
    /// run foreign code under the lock.
    fn with<T>(&self, look: impl FnOnce(&mut Queue) -> T) -> T {
        // A panic while the lock was held leaves a queue that is whole.
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A place in the queue. Dropping it gives the place up.
#[derive(Debug)]
pub(crate) struct Turn {
    budget: Budget,
    ticket: Ticket,
}

impl Turn {
    /// Takes the start, or returns when to try again.
    pub(crate) fn start(&self, now: Mono) -> Result<(), Mono> {
        self.budget
            .with(|queue| {
                queue.budget.start(self.ticket, now)?;
                Ok(queue.first_sleeper())
            })
            .map(wake)
    }

    /// Returns the moment of this turn, as far as it is known now.
    pub(crate) fn moment(&self, now: Mono) -> Mono {
        self.budget.with(|queue| queue.budget.turn(self.ticket, now))
    }

    /// Returns whether the turn has moved to before `moment`. If not, stores a waker for when it
    /// may do so.
    pub(crate) fn is_before(&self, moment: Mono, now: Mono, waker: &Waker) -> bool {
        let waker = waker.clone();
        let replaced = self.budget.with(|queue| {
            let is_earlier = queue.budget.turn(self.ticket, now) < moment;
            // Both results carry a waker, which is dropped outside the lock.
            match is_earlier {
                true => Err(waker),
                false => Ok(queue.sleepers.insert(self.ticket, waker)),
            }
        });
        replaced.is_err()
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let (_own, next) = self.budget.with(|queue| {
            queue.budget.leave(self.ticket);
            (queue.sleepers.remove(&self.ticket), queue.first_sleeper())
        });
        wake(next);
    }
}

impl Queue {
    /// Removes the one sleeper to wake after a start. It wakes the next one in turn.
    fn first_sleeper(&mut self) -> Option<Waker> {
        let first = self.budget.first()?;
        self.sleepers.remove(&first)
    }
}

/// Wakes a sleeper outside the lock, because it may run at once and use the budget.
fn wake(sleeper: Option<Waker>) {
    if let Some(waker) = sleeper {
        waker.wake();
    }
}
