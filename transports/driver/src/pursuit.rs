use std::task::Waker;

use bytes::Bytes;
use http::{Request, Response};
use tcss_export_core::{Credentials, Event, EventKind, Finished, JobId, Mono, Now, Step, Waiter};
#[cfg(feature = "serde")]
use tcss_export_core::{ResumeError, SavedWait, TranscriptLine};

use crate::{
    error::{TransportError, WaitFailure},
    gate::{Gate, Pass},
    limits::ExchangeLimit,
    shared::Shared,
};

/// One wait as both loops drive it: waiter, gate and session put together, no function called.
#[derive(Debug)]
pub(crate) struct Pursuit {
    shared: Shared,
    waiter: Waiter,
    gate: Gate,
    last_error: Option<TransportError>,
    /// The end has been told as an event.
    told_end: bool,
}

/// What a loop has to do next.
#[derive(Debug)]
pub(crate) enum Next {
    Sleep(Mono),
    FetchCredentials {
        fresh: bool,
    },
    Send(Request<Bytes>),
    /// The end, which no answer has told.
    Tell(Event),
    Done,
}

impl Pursuit {
    pub(crate) fn new(shared: &Shared, job: JobId, now: Mono) -> Self {
        Self::of(shared, Waiter::new(job, shared.policy(), shared.seed(), now))
    }

    fn of(shared: &Shared, waiter: Waiter) -> Self {
        let gate = Gate::new(shared.budget().clone());
        Self { shared: shared.clone(), waiter, gate, last_error: None, told_end: false }
    }

    pub(crate) fn next(&mut self, now: Now) -> Next {
        loop {
            let fresh = match self.waiter.step(now.mono) {
                Step::Poll { fresh_credentials } => fresh_credentials,
                Step::WaitUntil(moment) => {
                    self.gate.leave();
                    return Next::Sleep(moment);
                }
                Step::Done(_) => {
                    self.gate.leave();
                    return self.end();
                }
            };
            match self.gate.pass(now.mono, fresh) {
                Pass::Sleep(moment) => return Next::Sleep(moment.min(self.waiter.deadline())),
                Pass::FetchCredentials => return Next::FetchCredentials { fresh },
                Pass::Open(credentials) => {
                    let mut session = self.shared.session();
                    if let Ok(mut request) = self.waiter.start(now, &mut session, &credentials) {
                        ExchangeLimit::add(self.shared.exchange_limit(now.mono), &mut request);
                        return Next::Send(request);
                    }
                    // The wait has ended: it could not be signed.
                }
            }
        }
    }

    /// Tells the end once, unless the last answer has.
    fn end(&mut self) -> Next {
        match std::mem::replace(&mut self.told_end, true) {
            true => Next::Done,
            false => Next::Tell(Event::ended(self.waiter.poll_count())),
        }
    }

    /// Returns the moment at which what is under way is given up.
    pub(crate) fn limit(&mut self, now: Now) -> Mono {
        match self.waiter.step(now.mono) {
            Step::WaitUntil(limit) => self.shared.before_end(limit),
            Step::Poll { .. } => {
                let limit = now.mono.saturating_add(self.shared.exchange_limit(now.mono));
                limit.min(self.waiter.deadline())
            }
            Step::Done(_) => now.mono,
        }
    }

    pub(crate) fn fetched(
        &mut self,
        now: Now,
        credentials: Result<Credentials, TransportError>,
        fresh: bool,
    ) -> Option<Event> {
        match credentials {
            Ok(credentials) => {
                self.gate.fetched(credentials, now.mono, fresh);
                None
            }
            Err(error) => {
                let event = self.waiter.cannot_start(now.mono, error.fault());
                self.told_end = event.kind == EventKind::Ended;
                self.last_error = Some(error);
                // The deadline may have passed meanwhile: the end is told next.
                (event.kind != EventKind::Ignored).then_some(event)
            }
        }
    }

    pub(crate) fn answered(
        &mut self,
        now: Now,
        answer: Result<Response<Bytes>, TransportError>,
    ) -> Event {
        let (answer, error) = match answer {
            Ok(response) => (Ok(response), None),
            Err(error) => (Err(error.fault()), Some(error)),
        };
        self.last_error = error;
        let event = self.waiter.answer(now, &mut self.shared.session(), answer);
        self.told_end = event.kind == EventKind::Ended;
        event
    }

    /// Forgets a request whose sending was given up.
    pub(crate) fn abandon(&mut self) {
        self.waiter.abandon();
    }

    pub(crate) fn is_called_before(&self, moment: Mono, now: Mono, waker: &Waker) -> bool {
        self.gate.is_called_before(moment, now, waker)
    }

    pub(crate) fn finish(self) -> Result<Finished, WaitFailure> {
        self.waiter.finish().map_err(|error| WaitFailure::new(error, self.last_error))
    }
}

/// What a wait can be kept by.
#[cfg(feature = "serde")]
impl Pursuit {
    pub(crate) fn resume(shared: &Shared, saved: SavedWait, now: Now) -> Result<Self, ResumeError> {
        let waiter = Waiter::resume(saved, now, &mut shared.session())?;
        Ok(Self::of(shared, waiter))
    }

    pub(crate) fn save(&self, now: Now) -> SavedWait {
        self.waiter.save(now, &self.shared.session())
    }

    pub(crate) fn record(&mut self, now: Now) {
        self.waiter.record(now, &self.shared.session());
    }

    pub(crate) fn take_transcript(&mut self) -> Vec<TranscriptLine> {
        self.waiter.take_transcript()
    }
}
