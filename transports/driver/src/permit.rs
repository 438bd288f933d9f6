//! The right to start a request: a turn in the budget, and credentials to sign with.

use std::{future::poll_fn, pin::pin, task::Poll, time::Duration};

use tcss_export_core::{Credentials, Mono};

use crate::{budget::Turn, client::Client, transport::Transport, transport_error::TransportError};

/// What a request needs before it starts.
///
/// Credentials are fetched once the turn has come, so that a long queue does not make them stale.
/// If the fetch outlasts the turn, the next turn uses them while they are fresh.
#[derive(Debug)]
pub(crate) struct Permit {
    action: &'static str,
    turn: Option<Turn>,
    fetched: Option<Fetched>,
}

#[derive(Debug)]
struct Fetched {
    credentials: Credentials,
    at: Mono,
    /// Whether they replace credentials that the service refused.
    fresh: bool,
}

/// Older credentials are fetched again before a request starts.
const FRESH_FOR: Duration = Duration::from_secs(1);

impl Permit {
    pub(crate) const fn new(action: &'static str) -> Self {
        Self { action, turn: None, fetched: None }
    }

    /// Claims the start if the turn has come and credentials are available. The request must be
    /// sent at once.
    pub(crate) fn start(&mut self, now: Mono, fresh: bool) -> Option<Credentials> {
        let turn = self.turn.as_ref()?;
        let fetched = self.fetched.take_if(|fetched| fetched.is_usable(now, fresh))?;
        if turn.start(now).is_err() {
            self.fetched = Some(fetched);
            return None;
        }
        self.turn = None;
        Some(fetched.credentials)
    }

    /// Makes [`start`](Self::start) possible: waits for the turn, then fetches credentials. Returns
    /// early at `until`.
    ///
    /// The place in the queue is kept even if this future is dropped.
    pub(crate) async fn prepare<T: Transport>(
        &mut self,
        client: &Client<T>,
        fresh: bool,
        until: Option<Mono>,
    ) -> Result<(), TransportError> {
        loop {
            let now = client.now().mono;
            if until.is_some_and(|until| until <= now) {
                return Ok(());
            }
            let turn = self.turn.get_or_insert_with(|| client.budget().join(self.action, now));
            let moment = turn.moment(now);
            if now < moment {
                let moment = until.map_or(moment, |until| until.min(moment));
                sleep_until_turn(client, turn, moment, now).await;
                continue;
            }
            if self.fetched.as_ref().is_some_and(|fetched| fetched.is_usable(now, fresh)) {
                return Ok(());
            }
            let credentials = client.credentials(fresh, until).await?;
            self.fetched = Some(Fetched { credentials, at: client.now().mono, fresh });
        }
    }

    /// Gives up the place in the queue, because no request is due.
    pub(crate) fn release(&mut self) {
        *self = Self::new(self.action);
    }
}

impl Fetched {
    fn is_usable(&self, now: Mono, fresh: bool) -> bool {
        now.saturating_since(self.at) < FRESH_FOR && (self.fresh || !fresh)
    }
}

/// Sleeps until this moment, or until the turn has moved up in the queue.
async fn sleep_until_turn<T: Transport>(client: &Client<T>, turn: &Turn, moment: Mono, now: Mono) {
    let mut sleep = pin!(client.sleep(moment.saturating_since(now)));
    poll_fn(|context| match turn.is_before(moment, now, context.waker()) {
        true => Poll::Ready(()),
        false => sleep.as_mut().poll(context),
    })
    .await;
}
