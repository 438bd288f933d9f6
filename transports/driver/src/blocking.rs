//! The blocking loops.

mod download;
mod fetch;
mod output;
mod wait_all;

use std::{
    sync::Arc,
    task::{Wake, Waker},
    thread::{self, Thread},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use tcss_export_core::{Action, Answer, Credentials, Event, Finished, JobId, Now};
#[cfg(feature = "serde")]
use tcss_export_core::{ResumeError, SavedWait, TranscriptLine};

pub use self::{
    download::{Download, download, download_into},
    fetch::Fetch,
    wait_all::{WaitAll, wait_all},
};
use crate::{
    Functions, clock,
    error::{SendError, TransportError, WaitFailure},
    exchange::{self, Exchange},
    pursuit::{Next, Pursuit},
    shared::Shared,
};

/// What the blocking loop runs on: [`Functions`], or a type of yours.
pub trait Platform {
    /// Reads both clocks.
    fn now(&mut self) -> Now {
        clock::now()
    }

    /// Pauses; it may return earlier.
    fn sleep(&mut self, duration: Duration) {
        clock::sleep(duration);
    }

    /// Gives credentials; asked at each request. When `fresh`, the last ones were refused.
    ///
    /// # Errors
    ///
    /// A fault that may pass is asked again later, [`SendFault::Permanent`] ends a wait.
    ///
    /// [`SendFault::Permanent`]: tcss_export_core::SendFault::Permanent
    fn credentials(&mut self, fresh: bool) -> Result<Credentials, TransportError>;

    /// Sends one request, once, and gives status, headers and the whole body of its answer.
    ///
    /// It must keep to the [`ExchangeLimit`](crate::ExchangeLimit) of the request: a wait cannot
    /// end while it blocks.
    ///
    /// # Errors
    ///
    /// The transport's own error, with the fault that core goes by.
    fn send(&mut self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError>;
}

impl<N, S, C, X> Platform for Functions<N, S, C, X>
where
    N: FnMut() -> Now,
    S: FnMut(Duration),
    C: FnMut(bool) -> Result<Credentials, TransportError>,
    X: FnMut(Request<Bytes>) -> Result<Response<Bytes>, TransportError>,
{
    fn now(&mut self) -> Now {
        (self.now)()
    }

    fn sleep(&mut self, duration: Duration) {
        (self.sleep)(duration);
    }

    fn credentials(&mut self, fresh: bool) -> Result<Credentials, TransportError> {
        (self.credentials)(fresh)
    }

    fn send(&mut self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        (self.send)(request)
    }
}

/// A platform can be lent.
impl<P: Platform> Platform for &mut P {
    fn now(&mut self) -> Now {
        (**self).now()
    }

    fn sleep(&mut self, duration: Duration) {
        (**self).sleep(duration);
    }

    fn credentials(&mut self, fresh: bool) -> Result<Credentials, TransportError> {
        (**self).credentials(fresh)
    }

    fn send(&mut self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        (**self).send(request)
    }
}

/// A wait for one job: an iterator over its events, which sleeps and sends as it goes.
#[derive(Debug)]
#[must_use = "a wait does nothing until its events are drained"]
pub struct Wait<P> {
    pursuit: Pursuit,
    platform: P,
}

/// Begins a wait; its deadline counts from now.
pub fn wait<P: Platform>(shared: &Shared, job: JobId, mut platform: P) -> Wait<P> {
    let pursuit = Pursuit::new(shared, job, platform.now().mono);
    Wait { pursuit, platform }
}

impl<P: Platform> Wait<P> {
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

impl<P: Platform> Iterator for Wait<P> {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        let Self { pursuit, platform } = self;
        loop {
            let now = platform.now();
            match pursuit.next(now) {
                Next::Done => return None,
                Next::Tell(event) => return Some(event),
                Next::Sleep(moment) => {
                    if !pursuit.is_called_before(moment, now.mono, &this_thread()) {
                        platform.sleep(moment.saturating_since(now.mono));
                    }
                }
                Next::FetchCredentials { fresh } => {
                    let credentials = platform.credentials(fresh);
                    if let Some(event) = pursuit.fetched(platform.now(), credentials, fresh) {
                        return Some(event);
                    }
                }
                Next::Send(request) => {
                    let answer = platform.send(request);
                    return Some(pursuit.answered(platform.now(), answer));
                }
            }
        }
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
    mut platform: P,
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
pub fn send<A: Action>(
    shared: &Shared,
    action: &A,
    mut platform: impl Platform,
) -> Result<Answer<A::Response>, SendError> {
    let mut exchange = Exchange::new(shared, action)?;
    loop {
        let started = platform.now();
        match exchange.next(started)? {
            exchange::Next::Sleep(moment) => {
                if !exchange.is_called_before(moment, started.mono, &this_thread()) {
                    platform.sleep(moment.saturating_since(started.mono));
                }
            }
            exchange::Next::FetchCredentials => {
                let credentials = platform.credentials(false);
                exchange.fetched(platform.now(), credentials)?;
            }
            exchange::Next::Send(request) => {
                let answer = platform.send(request);
                return exchange.answered::<A>(started, platform.now().mono, answer);
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
