//! A rate budget that several clients share.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    task::Waker,
};

use tcss_export_core::{Mono, RateBudget, Ticket};

use crate::lock;

/// A [`RateBudget`] for each action, shared by clients. Clones are handles to the same budgets.
///
/// By default each client has its own. Clients of one account should share one, because the service
/// counts the requests of each action and account.
#[derive(Clone, Debug, Default)]
pub struct Budget(Arc<Mutex<Queues>>);

#[derive(Debug, Default)]
struct Queues {
    /// The budget of each action that has had no request.
    unused: RateBudget,
    by_action: BTreeMap<&'static str, Queue>,
}

#[derive(Debug)]
struct Queue {
    budget: RateBudget,
    sleepers: BTreeMap<Ticket, Waker>,
}

impl Budget {
    /// Creates a budget that starts the requests of each action as this one does, for example with
    /// a spacing other than the default.
    pub fn new(unused: RateBudget) -> Self {
        Self(Arc::new(Mutex::new(Queues { unused, by_action: BTreeMap::new() })))
    }

    pub(crate) fn join(&self, action: &'static str, now: Mono) -> Turn {
        let ticket = self.with(action, |queue| queue.budget.join(now));
        Turn { ticket, action, budget: self.clone() }
    }

    /// Runs `look` with the queue locked. Wakers are never woken, cloned or dropped inside, because
    /// that could run arbitrary code under the lock.
    fn with<T>(&self, action: &'static str, look: impl FnOnce(&mut Queue) -> T) -> T {
        let Queues { unused, by_action } = &mut *lock(&self.0);
        let new = || Queue { budget: unused.clone(), sleepers: BTreeMap::new() };
        look(by_action.entry(action).or_insert_with(new))
    }
}

/// A place in the queue of an action. Dropping it gives up the place.
#[derive(Debug)]
pub(crate) struct Turn {
    budget: Budget,
    action: &'static str,
    ticket: Ticket,
}

impl Turn {
    /// Claims the start, or returns when to try again. After a claim, drop the turn: that wakes the
    /// next sleeper.
    pub(crate) fn start(&self, now: Mono) -> Result<(), Mono> {
        self.with(|queue| queue.budget.start(self.ticket, now))
    }

    /// Returns the currently expected moment of this turn.
    pub(crate) fn moment(&self, now: Mono) -> Mono {
        self.with(|queue| queue.budget.turn(self.ticket, now))
    }

    /// Returns whether the turn has moved to before `moment`. If not, stores a waker for when it
    /// may do so.
    pub(crate) fn is_before(&self, moment: Mono, now: Mono, waker: &Waker) -> bool {
        let waker = waker.clone();
        let (is_earlier, _unused) =
            self.with(|queue| match queue.budget.turn(self.ticket, now) < moment {
                true => (true, Some(waker)),
                false => (false, queue.sleepers.insert(self.ticket, waker)),
            });
        is_earlier
    }

    fn with<T>(&self, look: impl FnOnce(&mut Queue) -> T) -> T {
        self.budget.with(self.action, look)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let (_own, next) = self.with(|queue| {
            queue.budget.leave(self.ticket);
            let own = queue.sleepers.remove(&self.ticket);
            // It wakes the next one when it drops its own turn.
            (own, queue.budget.first().and_then(|first| queue.sleepers.remove(&first)))
        });
        next.into_iter().for_each(Waker::wake);
    }
}
