//! The waiter under test, and faulty ones that show that the search finds bugs.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use tcss_export::{
    Credentials, JobId, Session,
    core::{
        Mono, Now,
        wait::{StartError, Step, Waiter},
    },
    driver::TransportErrorKind,
    wait::{Event, Policy},
};

use crate::{answers::Kind, with::with};

/// A fault of a waiter.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bug {
    None,
    /// Reads the last answer as another kind if `when` holds for the kinds so far.
    Misreads {
        when: fn(&[Kind]) -> bool,
        taken_as: Kind,
    },
    /// Polls again after its end.
    PollsAfterTheEnd,
    /// Polls after its deadline.
    IgnoresDeadline,
    /// Polls after nine tenths of the interval.
    RunsFast,
}

#[derive(Clone)]
pub(crate) struct WaiterUnderTest {
    waiter: Waiter,
    bug: Bug,
}

/// The next step of a waiter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum NextStep {
    Sleep(Duration),
    Poll { fresh_credentials: bool },
    Ended,
}

impl WaiterUnderTest {
    pub(crate) fn new(policy: &Policy, bug: Bug) -> Self {
        let policy = match bug {
            Bug::IgnoresDeadline => {
                &with(policy.clone(), |p| p.max_wait = Duration::from_secs(86_400))
            }
            Bug::RunsFast => &with(policy.clone(), |p| {
                p.poll_interval = INTERVAL * 9 / 10;
                p.longest_poll_interval = INTERVAL * 8;
            }),
            _ => policy,
        };
        let job = JobId::new("4711").expect("a text");
        Self { waiter: Waiter::new(job, policy, 7, Mono::default()), bug }
    }

    pub(crate) fn step(&mut self, now: Duration) -> NextStep {
        match self.waiter.step(Mono::from_origin(now)) {
            Step::WaitUntil(moment) => NextStep::Sleep(moment.since_origin()),
            Step::Poll { fresh_credentials } => NextStep::Poll { fresh_credentials },
            Step::Done(_) if matches!(self.bug, Bug::PollsAfterTheEnd) => {
                NextStep::Poll { fresh_credentials: false }
            }
            Step::Done(_) => NextStep::Ended,
        }
    }

    pub(crate) fn start(
        &mut self,
        now: Now,
        session: &mut Session,
        credentials: &Credentials,
    ) -> Result<Request<Bytes>, StartError> {
        self.waiter.start(now, session, credentials)
    }

    /// Answers the last poll with the last of these kinds.
    pub(crate) fn answer(&mut self, now: Now, session: &mut Session, kinds: &[Kind]) -> Event {
        let kind = *kinds.last().expect("an answer");
        self.waiter.answer(now, session, self.as_read(kinds, kind))
    }

    fn as_read(&self, kinds: &[Kind], kind: Kind) -> Result<Response<Bytes>, TransportErrorKind> {
        match self.bug {
            Bug::Misreads { when, taken_as } if when(kinds) => taken_as.answer(),
            _ => kind.answer(),
        }
    }

    /// Returns the waiter inside.
    pub(crate) fn inner(&mut self) -> &mut Waiter {
        &mut self.waiter
    }
}

const INTERVAL: Duration = Policy::POLL_INTERVAL;
