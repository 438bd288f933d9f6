//! The waiter under test, and wrong ones by which the search shows that it finds something.

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

use crate::answers::Kind;
use crate::with::with;

/// What is wrong with a waiter.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bug {
    None,
    /// Where `when` holds of the kinds so far, the last one is taken for another.
    Mistakes {
        when: fn(&[Kind]) -> bool,
        taken_as: Kind,
    },
    /// An end is forgotten.
    PollsAfterTheEnd,
    /// The deadline never comes.
    KnowsNoDeadline,
    /// A second lasts nine tenths of one.
    RunsFast,
}

#[derive(Clone)]
pub(crate) struct Subject {
    waiter: Waiter,
    bug: Bug,
}

/// What a waiter says is to be done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Standing {
    Sleep(Duration),
    Poll { fresh_credentials: bool },
    Ended,
}

impl Subject {
    pub(crate) fn new(policy: &Policy, bug: Bug) -> Self {
        let policy = match bug {
            Bug::KnowsNoDeadline => {
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

    pub(crate) fn step(&mut self, now: Duration) -> Standing {
        match self.waiter.step(Mono::from_origin(now)) {
            Step::WaitUntil(moment) => Standing::Sleep(moment.since_origin()),
            Step::Poll { fresh_credentials } => Standing::Poll { fresh_credentials },
            Step::Done(_) if matches!(self.bug, Bug::PollsAfterTheEnd) => {
                Standing::Poll { fresh_credentials: false }
            }
            Step::Done(_) => Standing::Ended,
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

    /// Takes the last of these kinds.
    pub(crate) fn answer(&mut self, now: Now, session: &mut Session, kinds: &[Kind]) -> Event {
        let kind = *kinds.last().expect("something came");
        self.waiter.answer(now, session, self.understood(kinds, kind))
    }

    fn understood(
        &self,
        kinds: &[Kind],
        kind: Kind,
    ) -> Result<Response<Bytes>, TransportErrorKind> {
        match self.bug {
            Bug::Mistakes { when, taken_as } if when(kinds) => taken_as.answer(),
            _ => kind.answer(),
        }
    }

    /// Returns the true waiter.
    pub(crate) fn waiter(&mut self) -> &mut Waiter {
        &mut self.waiter
    }
}

const INTERVAL: Duration = Policy::POLL_INTERVAL;
