use std::task::Waker;

use bytes::Bytes;
use http::{Request, Response};
use tcss_export_core::{Action, Answer, Credentials, Mono, Now, Prepared, read_answer};

use crate::{
    error::{SendError, TransportError},
    gate::{Gate, Pass},
    limits::ExchangeLimit,
    shared::Shared,
};

/// A single exchange as both loops drive it: gate and session put together, no function called.
#[derive(Debug)]
pub(crate) struct Exchange {
    shared: Shared,
    gate: Gate,
    prepared: Prepared,
}

/// What a loop has to do next.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "moved once an exchange")]
pub(crate) enum Next {
    Sleep(Mono),
    FetchCredentials,
    Send(Request<Bytes>),
}

impl Exchange {
    pub(crate) fn new<A: Action>(shared: &Shared, action: &A) -> Result<Self, SendError> {
        let prepared = shared.session().prepare(action).map_err(SendError::Build)?;
        let gate = Gate::new(shared.budget().clone());
        Ok(Self { shared: shared.clone(), gate, prepared })
    }

    pub(crate) fn next(&mut self, now: Now) -> Result<Next, SendError> {
        match self.gate.pass(now.mono, false) {
            Pass::Sleep(moment) => Ok(Next::Sleep(moment)),
            Pass::FetchCredentials => Ok(Next::FetchCredentials),
            Pass::Open(credentials) => {
                let request = self.shared.session().sign(&self.prepared, &credentials, now.wall);
                let mut request = request.map_err(SendError::Build)?;
                ExchangeLimit::add(self.shared.exchange_limit(now.mono), &mut request);
                Ok(Next::Send(request))
            }
        }
    }

    pub(crate) fn fetched(
        &mut self,
        now: Now,
        credentials: Result<Credentials, TransportError>,
    ) -> Result<(), SendError> {
        self.gate.fetched(credentials.map_err(SendError::Credentials)?, now.mono, false);
        Ok(())
    }

    pub(crate) fn is_called_before(&self, moment: Mono, now: Mono, waker: &Waker) -> bool {
        self.gate.is_called_before(moment, now, waker)
    }

    /// Reads the answer to a request started and answered at these moments.
    pub(crate) fn answered<A: Action>(
        self,
        started: Now,
        answered: Mono,
        answer: Result<Response<Bytes>, TransportError>,
    ) -> Result<Answer<A::Response>, SendError> {
        let response = answer.map_err(SendError::Transport)?;
        let result = read_answer::<A>(&response);
        self.shared.session().note_date(started, answered, response.headers(), &result);
        result.map_err(SendError::Answer)
    }
}
