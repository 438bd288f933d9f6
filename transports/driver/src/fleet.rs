use std::{collections::BTreeMap, task::Waker, time::Duration};

use bytes::Bytes;
use http::{Request, Response};
use tcss_export_core::{
    Credentials, Finished, JobId, Mono, Now, SetStep, WaitKey, WaitSet, Waiter,
};

use crate::{
    error::{TransportError, WaitFailure},
    gate::{Gate, Pass},
    limits::ExchangeLimit,
    shared::Shared,
};

/// Many waits as both loops drive them: set, gate and session put together, no function called.
#[derive(Debug)]
pub(crate) struct Fleet {
    shared: Shared,
    set: WaitSet,
    gate: Gate,
    /// What the transport said of a wait's last exchange.
    errors: BTreeMap<WaitKey, TransportError>,
}

/// What a loop has to do next.
#[derive(Debug)]
pub(crate) enum Next {
    Sleep(Mono),
    FetchCredentials { key: WaitKey, fresh: bool },
    Send(Flight, Request<Bytes>),
    Ended(JobId, Result<Finished, WaitFailure>),
    Empty,
}

/// Names an exchange: the answer to an earlier one of the same wait is none to this.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flight {
    key: WaitKey,
    poll: u32,
}

impl Fleet {
    pub(crate) fn new(shared: &Shared) -> Self {
        let gate = Gate::new(shared.budget().clone());
        Self { shared: shared.clone(), set: WaitSet::new(), gate, errors: BTreeMap::new() }
    }

    pub(crate) fn add(&mut self, job: JobId, now: Mono) {
        self.set.add(Waiter::new(job, self.shared.policy(), self.shared.seed(), now));
    }

    pub(crate) fn len(&self) -> usize {
        self.set.len()
    }

    pub(crate) fn exchange_limit(&self) -> Duration {
        self.shared.policy().exchange_limit()
    }

    pub(crate) fn next_limit(&mut self) -> Option<Mono> {
        self.set.next_limit()
    }

    pub(crate) fn next(&mut self, now: Now) -> Next {
        loop {
            let (key, fresh) = match self.set.next(now.mono) {
                SetStep::Poll { key, fresh_credentials } => (key, fresh_credentials),
                SetStep::WaitUntil(moment) => {
                    self.gate.leave();
                    return Next::Sleep(moment);
                }
                SetStep::Ended { key, job, outcome } => {
                    let error = self.errors.remove(&key);
                    return Next::Ended(job, outcome.map_err(|e| WaitFailure::new(e, error)));
                }
                SetStep::Empty => {
                    self.gate.leave();
                    return Next::Empty;
                }
            };
            match self.gate.pass(now.mono, fresh) {
                Pass::Sleep(turn) => {
                    return Next::Sleep(
                        self.set.next_limit().map_or(turn, |limit| limit.min(turn)),
                    );
                }
                Pass::FetchCredentials => return Next::FetchCredentials { key, fresh },
                Pass::Open(credentials) => {
                    let mut session = self.shared.session();
                    if let Ok(mut request) = self.set.start(key, now, &mut session, &credentials) {
                        ExchangeLimit::add(self.shared.exchange_limit(now.mono), &mut request);
                        let poll = self.set.waiter(key).map_or(0, Waiter::poll_count);
                        return Next::Send(Flight { key, poll }, request);
                    }
                    // That wait has ended: its request could not be signed.
                }
            }
        }
    }

    pub(crate) fn fetched(
        &mut self,
        now: Now,
        key: WaitKey,
        credentials: Result<Credentials, TransportError>,
        fresh: bool,
    ) {
        match credentials {
            Ok(credentials) => self.gate.fetched(credentials, now.mono, fresh),
            Err(error) => {
                if self.set.cannot_start(key, now.mono, error.fault()).is_some() {
                    self.errors.insert(key, error);
                }
            }
        }
    }

    pub(crate) fn answered(
        &mut self,
        now: Now,
        flight: Flight,
        answer: Result<Response<Bytes>, TransportError>,
    ) {
        let Flight { key, poll } = flight;
        // One that was given up may have been followed by another, or the wait have ended.
        if self.set.waiter(key).is_none_or(|waiter| waiter.poll_count() != poll) {
            return;
        }
        self.errors.remove(&key);
        let answer = answer.map_err(|error| {
            let fault = error.fault();
            self.errors.insert(key, error);
            fault
        });
        let _event = self.set.answer(key, now, &mut self.shared.session(), answer);
    }

    pub(crate) fn is_called_before(&self, moment: Mono, now: Mono, waker: &Waker) -> bool {
        self.gate.is_called_before(moment, now, waker)
    }
}
