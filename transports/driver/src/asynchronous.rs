//! The async loop, for any runtime.

mod download;
mod fetch;
mod output;
mod wait_all;

use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::{Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use futures_util::stream::{self, Stream};
use http::{Request, Response};
use tcss_export_core::{Action, Answer, Credentials, Event, Finished, JobId, Now, SendFault};
#[cfg(feature = "serde")]
use tcss_export_core::{ResumeError, SavedWait, TranscriptLine};

pub use self::{
    download::{Download, download, download_into},
    fetch::Fetch,
    wait_all::wait_all,
};
use crate::{
    Functions, clock,
    error::{SendError, TransportError, WaitFailure},
    exchange::{self, Exchange},
    pursuit::{Next, Pursuit},
    shared::Shared,
};

/// What the async loop runs on: [`Functions`], or a type of yours.
///
/// The futures of a wait cross threads if those of the platform do.
pub trait Platform {
    /// Reads both clocks.
    fn now(&self) -> Now {
        clock::now()
    }

    /// Pauses.
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()>;

    /// Gives credentials; asked at each request. When `fresh`, the last ones were refused.
    ///
    /// # Errors
    ///
    /// A fault that may pass is asked again later, [`SendFault::Permanent`] ends a wait.
    ///
    /// [`SendFault::Permanent`]: tcss_export_core::SendFault::Permanent
    fn credentials(&self, fresh: bool)
    -> impl Future<Output = Result<Credentials, TransportError>>;

    /// Sends one request, once, and gives status, headers and the whole body of its answer.
    ///
    /// # Errors
    ///
    /// The transport's own error, with the fault that core goes by.
    fn send(
        &self,
        request: Request<Bytes>,
    ) -> impl Future<Output = Result<Response<Bytes>, TransportError>>;
}

impl<N, S, C, X> Platform for Functions<N, S, C, X>
where
    N: Fn() -> Now,
    S: AsyncFn(Duration),
    C: AsyncFn(bool) -> Result<Credentials, TransportError>,
    X: AsyncFn(Request<Bytes>) -> Result<Response<Bytes>, TransportError>,
{
    fn now(&self) -> Now {
        (self.now)()
    }

    async fn sleep(&self, duration: Duration) {
        (self.sleep)(duration).await;
    }

    async fn credentials(&self, fresh: bool) -> Result<Credentials, TransportError> {
        (self.credentials)(fresh).await
    }

    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        (self.send)(request).await
    }
}

/// A platform can be lent.
impl<P: Platform> Platform for &P {
    fn now(&self) -> Now {
        (**self).now()
    }

    async fn sleep(&self, duration: Duration) {
        (**self).sleep(duration).await;
    }

    async fn credentials(&self, fresh: bool) -> Result<Credentials, TransportError> {
        (**self).credentials(fresh).await
    }

    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        (**self).send(request).await
    }
}

/// A wait for one job, which gives its events one after another.
#[derive(Debug)]
#[must_use = "a wait does nothing until its events are drained"]
pub struct Wait<P> {
    pursuit: Pursuit,
    platform: P,
}

/// Begins a wait; its deadline counts from now.
pub fn wait<P: Platform>(shared: &Shared, job: JobId, platform: P) -> Wait<P> {
    let pursuit = Pursuit::new(shared, job, platform.now().mono);
    Wait { pursuit, platform }
}

impl<P: Platform> Wait<P> {
    /// Waits for the next event; `None` when the wait has ended.
    ///
    /// It may be dropped at any point: a request that was under way is forgotten, and the next
    /// call polls again. So in a `select!` against something that comes more often than answers
    /// do, hold on to one call instead of making new ones.
    pub async fn next(&mut self) -> Option<Event> {
        let Self { pursuit, platform } = self;
        pursuit.abandon();
        loop {
            let now = platform.now();
            match pursuit.next(now) {
                Next::Done => return None,
                Next::Tell(event) => return Some(event),
                Next::Sleep(moment) => {
                    let sleep = platform.sleep(moment.saturating_since(now.mono));
                    let is_called = |w: &Waker| pursuit.is_called_before(moment, now.mono, w);
                    sleep_or_call(sleep, is_called).await;
                }
                Next::FetchCredentials { fresh } => {
                    let limit = pursuit.limit(now).saturating_since(now.mono);
                    let fetch = platform.credentials(fresh);
                    let credentials = within(platform.sleep(limit), fetch).await;
                    if let Some(event) = pursuit.fetched(platform.now(), credentials, fresh) {
                        return Some(event);
                    }
                }
                Next::Send(request) => {
                    let limit = pursuit.limit(now).saturating_since(now.mono);
                    let answer = within(platform.sleep(limit), platform.send(request)).await;
                    return Some(pursuit.answered(platform.now(), answer));
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

/// Goes on with a wait that was saved; the time away counts against its deadline.
///
/// # Errors
///
/// A [`ResumeError`] for a wait of another endpoint, kind or version.
#[cfg(feature = "serde")]
pub fn resume<P: Platform>(
    shared: &Shared,
    saved: SavedWait,
    platform: P,
) -> Result<Wait<P>, ResumeError> {
    let pursuit = Pursuit::resume(shared, saved, platform.now())?;
    Ok(Wait { pursuit, platform })
}

/// What a wait can be kept by.
#[cfg(feature = "serde")]
impl<P: Platform> Wait<P> {
    /// Puts the wait aside, to be resumed in another process.
    pub fn save(&mut self) -> SavedWait {
        self.pursuit.save(self.platform.now())
    }

    /// Begins to write down what happens from here on; [`take_transcript`](Self::take_transcript)
    /// gives the lines.
    pub fn record(&mut self) {
        self.pursuit.record(self.platform.now());
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
pub async fn send<A: Action>(
    shared: &Shared,
    action: &A,
    platform: impl Platform,
) -> Result<Answer<A::Response>, SendError> {
    let mut exchange = Exchange::new(shared, action)?;
    loop {
        let started = platform.now();
        match exchange.next(started)? {
            exchange::Next::Sleep(moment) => {
                let sleep = platform.sleep(moment.saturating_since(started.mono));
                let is_called = |w: &Waker| exchange.is_called_before(moment, started.mono, w);
                sleep_or_call(sleep, is_called).await;
            }
            exchange::Next::FetchCredentials => {
                let limit = platform.sleep(shared.policy().exchange_limit());
                let credentials = within(limit, platform.credentials(false)).await;
                exchange.fetched(platform.now(), credentials)?;
            }
            exchange::Next::Send(request) => {
                let limit = platform.sleep(shared.policy().exchange_limit());
                let answer = within(limit, platform.send(request)).await;
                return exchange.answered::<A>(started, platform.now().mono, answer);
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
