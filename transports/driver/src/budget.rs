use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
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
        Turn { ticket: self.with(|queue| queue.budget.join(now)), budget: self.clone() }
    }

    /// Looks into the queue under its lock, where no code of others may run: no waker is woken,
    /// cloned or dropped there.
    fn with<T>(&self, look: impl FnOnce(&mut Queue) -> T) -> T {
        // Nothing panics while it holds the lock; were it so, the queue would still be whole.
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
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
        self.budget
            .with(|queue| {
                queue.budget.start(self.ticket, now)?;
                Ok(queue.first_sleeper())
            })
            .map(wake)
    }

    /// Returns the moment of this turn as far as can be told now.
    pub(crate) fn moment(&self, now: Mono) -> Mono {
        self.budget.with(|queue| queue.budget.turn(self.ticket, now))
    }

    /// Leaves a waker for when the turn may have moved up; tells whether it has already moved to
    /// before `moment`.
    pub(crate) fn is_before(&self, moment: Mono, now: Mono, waker: &Waker) -> bool {
        let waker = waker.clone();
        let replaced = self.budget.with(|queue| {
            let is_earlier = queue.budget.turn(self.ticket, now) < moment;
            // Either way a waker leaves the lock with it, to be dropped outside.
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
    /// Takes out the one sleeper to wake after a start, never the whole queue: each wakes the next.
    fn first_sleeper(&mut self) -> Option<Waker> {
        let first = self.budget.first()?;
        self.sleepers.remove(&first)
    }
}

/// Wakes a sleeper outside the lock: it may be run at once, and ask the budget again.
fn wake(sleeper: Option<Waker>) {
    if let Some(waker) = sleeper {
        waker.wake();
    }
}
