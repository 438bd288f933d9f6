use std::{task::Waker, time::Duration};

use tcss_export_core::{Credentials, Mono};

use crate::budget::{Budget, Turn};

/// What stands between a request that is due and its start: a turn and credentials.
///
/// Credentials are fetched when the turn has come, so that a long queue does not make them stale;
/// should the fetch take so long that the turn is lost, the next one comes soon, and what was
/// fetched is used.
#[derive(Debug)]
pub(crate) struct Gate {
    budget: Budget,
    turn: Option<Turn>,
    fetched: Option<Fetched>,
}

#[derive(Debug)]
struct Fetched {
    credentials: Credentials,
    at: Mono,
    /// Their source was told that the last ones were refused.
    afresh: bool,
}

/// What to do to get through.
#[derive(Debug)]
pub(crate) enum Pass {
    Sleep(Mono),
    FetchCredentials,
    Open(Credentials),
}

/// Older credentials are asked for again before a start.
const FRESH_FOR: Duration = Duration::from_secs(1);

impl Gate {
    pub(crate) const fn new(budget: Budget) -> Self {
        Self { budget, turn: None, fetched: None }
    }

    pub(crate) fn pass(&mut self, now: Mono, fresh: bool) -> Pass {
        let turn = self.turn.get_or_insert_with(|| self.budget.join(now));
        let moment = turn.moment(now);
        if now < moment {
            return Pass::Sleep(moment);
        }
        let serves = |fetched: &Fetched| {
            now.saturating_since(fetched.at) < FRESH_FOR && (fetched.afresh || !fresh)
        };
        let Some(fetched) = self.fetched.take().filter(serves) else {
            return Pass::FetchCredentials;
        };
        match turn.start(now) {
            Ok(()) => {
                self.turn = None;
                Pass::Open(fetched.credentials)
            }
            Err(moment) => {
                self.fetched = Some(fetched);
                Pass::Sleep(moment)
            }
        }
    }

    pub(crate) fn fetched(&mut self, credentials: Credentials, at: Mono, afresh: bool) {
        self.fetched = Some(Fetched { credentials, at, afresh });
    }

    /// Gives up the turn: nothing is due.
    pub(crate) fn leave(&mut self) {
        self.turn = None;
        self.fetched = None;
    }

    /// Tells whether a sleep until `moment` is too long; if not, leaves a waker to end it.
    pub(crate) fn is_called_before(&self, moment: Mono, now: Mono, waker: &Waker) -> bool {
        self.turn.as_ref().is_some_and(|turn| turn.is_before(moment, now, waker))
    }
}
