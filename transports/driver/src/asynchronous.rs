//! The async loop, for any runtime.

mod download;
mod output;
mod wait_all;

use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::{Poll, Waker},
};

use futures_util::stream::{self, Stream};
use tcss_export_core::{Action, Answer, Event, Finished, JobId, SendFault};
#[cfg(feature = "serde")]
use tcss_export_core::{ResumeError, SavedWait, TranscriptLine};

pub use self::download::Download;
pub(crate) use self::download::begin;
pub(crate) use self::wait_all::wait_all;
use crate::{
    client::Client,
    error::{SendError, TransportError, WaitFailure},
    exchange::{self, Exchange},
    pursuit::{Next, Pursuit},
    transport::Transport,
};

/// A wait for one job, which gives its events one after another.
#[derive(Debug)]
#[must_use = "a wait does nothing until its events are drained"]
pub struct Wait<T> {
    pursuit: Pursuit,
    client: Client<T>,
}

impl<T: Transport> Wait<T> {
    pub(crate) fn new(client: &Client<T>, job: JobId) -> Self {
        let pursuit = Pursuit::new(&client.shared, job, client.now().mono);
        Self { pursuit, client: client.clone() }
    }

    #[cfg(feature = "serde")]
    pub(crate) fn resume(client: &Client<T>, saved: SavedWait) -> Result<Self, ResumeError> {
        let pursuit = Pursuit::resume(&client.shared, saved, client.now())?;
        Ok(Self { pursuit, client: client.clone() })
    }
}

impl<T: Transport> Wait<T> {
    /// Waits for the next event; `None` when the wait has ended.
    ///
    /// It may be dropped at any point: a request that was under way is forgotten, and the next
    /// call polls again. So in a `select!` against something that comes more often than answers
    /// do, hold on to one call instead of making new ones.
    pub async fn next(&mut self) -> Option<Event> {
        let Self { pursuit, client } = self;
        pursuit.abandon();
        loop {
            let now = client.now();
            match pursuit.next(now) {
                Next::Done => return None,
                Next::Tell(event) => return Some(event),
                Next::Sleep(moment) => {
                    let sleep = client.sleep(moment.saturating_since(now.mono));
                    let is_called = |w: &Waker| pursuit.is_called_before(moment, now.mono, w);
                    sleep_or_call(sleep, is_called).await;
                }
                Next::FetchCredentials { fresh } => {
                    let limit = pursuit.limit(now).saturating_since(now.mono);
                    let fetch = client.credentials(fresh);
                    let credentials = within(client.sleep(limit), fetch).await;
                    if let Some(event) = pursuit.fetched(client.now(), credentials, fresh) {
                        return Some(event);
                    }
                }
                Next::Send(request) => {
                    let limit = pursuit.limit(now).saturating_since(now.mono);
                    let answer = within(client.sleep(limit), client.exchange(request)).await;
                    return Some(pursuit.answered(client.now(), answer));
                }
            }
        }
    }

    /// Returns the events as a stream, to be pinned; when it has ended,
    /// [`outcome`](Self::outcome) is at hand.
    pub fn events(&mut self) -> impl Stream<Item = Event> {
        stream::unfold(self, async |wait| wait.next().await.map(|event| (event, wait)))
    }

    /// Waits for what is left and returns the outcome.
    ///
    /// # Errors
    ///
    /// A [`WaitFailure`] whose `kind` says why there is no file.
    pub async fn outcome(mut self) -> Result<Finished, WaitFailure> {
        while self.next().await.is_some() {}
        self.pursuit.finish()
    }
}

/// What a wait can be kept by.
#[cfg(feature = "serde")]
impl<T: Transport> Wait<T> {
    /// Puts the wait aside, to be resumed in another process.
    pub fn save(&mut self) -> SavedWait {
        self.pursuit.save(self.client.now())
    }

    /// Begins to write down what happens from here on; [`take_transcript`](Self::take_transcript)
    /// gives the lines.
    pub fn record(&mut self) {
        self.pursuit.record(self.client.now());
    }

    /// Gives away the lines that were written since the last time.
    pub fn take_transcript(&mut self) -> Vec<TranscriptLine> {
        self.pursuit.take_transcript()
    }
}

/// Sends one action, once, and returns its typed answer; the budget may make it wait first.
///
/// # Errors
///
/// A [`SendError`] that says where it arose.
pub(crate) async fn send<A: Action, T: Transport>(
    client: &Client<T>,
    action: &A,
) -> Result<Answer<A::Response>, SendError> {
    let shared = &client.shared;
    let mut exchange = Exchange::new(shared, action)?;
    loop {
        let started = client.now();
        match exchange.next(started)? {
            exchange::Next::Sleep(moment) => {
                let sleep = client.sleep(moment.saturating_since(started.mono));
                let is_called = |w: &Waker| exchange.is_called_before(moment, started.mono, w);
                sleep_or_call(sleep, is_called).await;
            }
            exchange::Next::FetchCredentials => {
                let limit = client.sleep(shared.policy().exchange_limit());
                let credentials = within(limit, client.credentials(false)).await;
                exchange.fetched(client.now(), credentials)?;
            }
            exchange::Next::Send(request) => {
                let limit = client.sleep(shared.policy().exchange_limit());
                let answer = within(limit, client.exchange(request)).await;
                return exchange.answered::<A>(started, client.now().mono, answer);
            }
        }
    }
}

/// Ends with the sleep, or as soon as the turn in the queue has moved up.
async fn sleep_or_call(sleep: impl Future<Output = ()>, is_called: impl Fn(&Waker) -> bool) {
    let mut sleep = pin!(sleep);
    poll_fn(|context| match is_called(context.waker()) {
        true => Poll::Ready(()),
        false => sleep.as_mut().poll(context),
    })
    .await;
}

/// Gives a future up when the limit ends before it.
async fn within<T>(
    limit: impl Future<Output = ()>,
    future: impl Future<Output = Result<T, TransportError>>,
) -> Result<T, TransportError> {
    let (mut limit, mut future) = (pin!(limit), pin!(future));
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Pending => limit.as_mut().poll(context).map(|()| {
            let source = "nothing came within the time limit";
            Err(TransportError::new(SendFault::Timeout, source))
        }),
        done => done,
    })
    .await
}
