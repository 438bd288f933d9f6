//! The blocking loop.

use std::{
    sync::Arc,
    task::{Wake, Waker},
    thread::{self, Thread},
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

/// A wait for one job: an iterator over its events, which sleeps and sends as it goes.
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
    S: FnMut(Duration),
    C: FnMut(bool) -> Result<Credentials, TransportError>,
    X: FnMut(Request<Bytes>) -> Result<Response<Bytes>, TransportError>,
{
    let pursuit = Pursuit::new(shared, job, (functions.now)().mono);
    Wait { pursuit, functions }
}

impl<N, S, C, X> Wait<N, S, C, X>
where
    N: FnMut() -> Now,
    S: FnMut(Duration),
    C: FnMut(bool) -> Result<Credentials, TransportError>,
    X: FnMut(Request<Bytes>) -> Result<Response<Bytes>, TransportError>,
{
    /// Waits for what is left and returns the outcome.
    ///
    /// # Errors
    ///
    /// A [`WaitFailure`] whose `kind` says why there is no file.
    pub fn outcome(mut self) -> Result<Finished, WaitFailure> {
        while self.next().is_some() {}
        self.pursuit.finish()
    }
}

impl<N, S, C, X> Iterator for Wait<N, S, C, X>
where
    N: FnMut() -> Now,
    S: FnMut(Duration),
    C: FnMut(bool) -> Result<Credentials, TransportError>,
    X: FnMut(Request<Bytes>) -> Result<Response<Bytes>, TransportError>,
{
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        let Self { pursuit, functions } = self;
        loop {
            let now = (functions.now)();
            match pursuit.next(now) {
                Next::Done => return None,
                Next::Sleep(moment) => {
                    if !pursuit.is_called_before(moment, now.mono, &this_thread()) {
                        (functions.sleep)(moment.saturating_since(now.mono));
                    }
                }
                Next::FetchCredentials { fresh } => {
                    let credentials = (functions.credentials)(fresh);
                    if let Some(event) = pursuit.fetched((functions.now)(), credentials) {
                        return Some(event);
                    }
                }
                Next::Send(request) => {
                    let answer = (functions.send)(request);
                    return Some(pursuit.answered((functions.now)(), answer));
                }
            }
        }
    }
}

/// Sends one action, once, and returns its typed answer; the budget may make it wait first.
///
/// # Errors
///
/// A [`SendError`] that says where it arose.
pub fn send<A: Action, N, S, C, X>(
    shared: &Shared,
    action: &A,
    functions: Functions<N, S, C, X>,
) -> Result<Answer<A::Response>, SendError>
where
    N: FnMut() -> Now,
    S: FnMut(Duration),
    C: FnMut(bool) -> Result<Credentials, TransportError>,
    X: FnMut(Request<Bytes>) -> Result<Response<Bytes>, TransportError>,
{
    let Functions { mut now, mut sleep, mut credentials, mut send } = functions;
    let mut exchange = Exchange::new(shared, action)?;
    loop {
        let started = now();
        match exchange.next(started)? {
            exchange::Next::Sleep(moment) => {
                if !exchange.is_called_before(moment, started.mono, &this_thread()) {
                    sleep(moment.saturating_since(started.mono));
                }
            }
            exchange::Next::FetchCredentials => exchange.fetched(now(), credentials(false))?,
            exchange::Next::Send(request) => {
                let answer = send(request);
                return exchange.answered::<A>(started, now().mono, answer);
            }
        }
    }
}

/// Returns what ends a [`clock::sleep`](crate::clock::sleep) of this thread.
fn this_thread() -> Waker {
    struct Unpark(Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    Waker::from(Arc::new(Unpark(thread::current())))
}
