//! The async loop, for any runtime.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::{Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use tcss_export_core::{Action, Answer, Credentials, Event, Finished, JobId, Now};

use crate::{
    Functions,
    error::{SendError, TransportError, WaitFailure},
    exchange::{self, Exchange},
    pursuit::{Next, Pursuit},
    shared::Shared,
};

/// A wait for one job, which gives its events one after another.
#[derive(Debug)]
#[must_use = "a wait does nothing until its events are drained"]
pub struct Wait<N, S, C, X> {
    pursuit: Pursuit,
    functions: Functions<N, S, C, X>,
}

/// Begins a wait; its deadline counts from now.
pub fn wait<N, S, C, X>(
    shared: &Shared,
    job: JobId,
    mut functions: Functions<N, S, C, X>,
) -> Wait<N, S, C, X>
where
    N: FnMut() -> Now,
    S: AsyncFnMut(Duration),
    C: AsyncFnMut(bool) -> Result<Credentials, TransportError>,
    X: AsyncFnMut(Request<Bytes>) -> Result<Response<Bytes>, TransportError>,
{
    let pursuit = Pursuit::new(shared, job, (functions.now)().mono);
    Wait { pursuit, functions }
}

impl<N, S, C, X> Wait<N, S, C, X>
where
    N: FnMut() -> Now,
    S: AsyncFnMut(Duration),
    C: AsyncFnMut(bool) -> Result<Credentials, TransportError>,
    X: AsyncFnMut(Request<Bytes>) -> Result<Response<Bytes>, TransportError>,
{
    /// Waits for the next event; `None` when the wait has ended.
    ///
    /// It may be dropped at any point: a request that was under way is forgotten, and the next
    /// call polls again.
    pub async fn next(&mut self) -> Option<Event> {
        let Self { pursuit, functions } = self;
        pursuit.abandon();
        loop {
            let now = (functions.now)();
            match pursuit.next(now) {
                Next::Done => return None,
                Next::Sleep(moment) => {
                    let sleep = (functions.sleep)(moment.saturating_since(now.mono));
                    let is_called = |w: &Waker| pursuit.is_called_before(moment, now.mono, w);
                    sleep_or_call(sleep, is_called).await;
                }
                Next::FetchCredentials { fresh } => {
                    let credentials = (functions.credentials)(fresh).await;
                    if let Some(event) = pursuit.fetched((functions.now)(), credentials) {
                        return Some(event);
                    }
                }
                Next::Send(request) => {
                    let answer = (functions.send)(request).await;
                    return Some(pursuit.answered((functions.now)(), answer));
                }
            }
        }
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

/// Sends one action, once, and returns its typed answer; the budget may make it wait first.
///
/// # Errors
///
/// A [`SendError`] that says where it arose.
pub async fn send<A: Action, N, S, C, X>(
    shared: &Shared,
    action: &A,
    functions: Functions<N, S, C, X>,
) -> Result<Answer<A::Response>, SendError>
where
    N: FnMut() -> Now,
    S: AsyncFnMut(Duration),
    C: AsyncFnMut(bool) -> Result<Credentials, TransportError>,
    X: AsyncFnMut(Request<Bytes>) -> Result<Response<Bytes>, TransportError>,
{
    let Functions { mut now, mut sleep, mut credentials, mut send } = functions;
    let mut exchange = Exchange::new(shared, action)?;
    loop {
        let started = now();
        match exchange.next(started)? {
            exchange::Next::Sleep(moment) => {
                let sleep = sleep(moment.saturating_since(started.mono));
                let is_called = |w: &Waker| exchange.is_called_before(moment, started.mono, w);
                sleep_or_call(sleep, is_called).await;
            }
            exchange::Next::FetchCredentials => {
                let credentials = credentials(false).await;
                exchange.fetched(now(), credentials)?;
            }
            exchange::Next::Send(request) => {
                let answer = send(request).await;
                return exchange.answered::<A>(started, now().mono, answer);
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
