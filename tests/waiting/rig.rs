//! A waiter with all that stands around it, in virtual time.

use std::{error::Error, time::Duration};

use bytes::Bytes;
use http::Request;
use tcss_export::{
    Credentials, Session,
    core::{
        Mono, Now, Wall,
        wait::{self, Outcome, StartError, Step, Waiter},
    },
    wait::{Correction, Event, EventKind, Policy},
};

use crate::{
    common::{TIME, credentials, header, job, session},
    exchange::{Exchange, URL},
    with::with,
};

pub(crate) const ZERO: Duration = Duration::ZERO;

pub(crate) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn mono(since_origin: Duration) -> Mono {
    Mono::from_origin(since_origin)
}

/// A waiter with all that stands around it.
pub(crate) struct Rig {
    pub(crate) waiter: Waiter,
    pub(crate) session: Session,
    pub(crate) credentials: Credentials,
    pub(crate) now: Duration,
    /// Local wall time in milliseconds when the monotonic clock is at its origin.
    pub(crate) wall: i64,
}

/// A request that was started.
#[derive(Debug)]
pub(crate) struct Poll {
    pub(crate) at: Duration,
    pub(crate) fresh_credentials: bool,
    pub(crate) request: Request<Bytes>,
}

/// What a script gave.
pub(crate) struct Run {
    pub(crate) polls: Vec<Poll>,
    pub(crate) events: Vec<Event>,
    pub(crate) outcome: Outcome,
    pub(crate) session: Session,
}

impl Rig {
    pub(crate) fn new(policy: &Policy, seed: u64) -> Self {
        let waiter = Waiter::new(job(), policy, seed, mono(ZERO));
        let (session, credentials) = (session(), credentials());
        Self { waiter, session, credentials, now: ZERO, wall: TIME * 1_000 }
    }

    pub(crate) fn now(&self) -> Now {
        let millis = self.wall + i64::try_from(self.now.as_millis()).expect("a short wait");
        Now { wall: Wall::from_unix_millis(millis), mono: mono(self.now) }
    }

    pub(crate) fn start(&mut self) -> Result<Request<Bytes>, StartError> {
        self.waiter.start(self.now(), &mut self.session, &self.credentials)
    }

    pub(crate) fn answer(&mut self, exchange: Exchange) -> Event {
        self.now += exchange.took;
        let event = self.waiter.answer(self.now(), &mut self.session, exchange.answer);
        self.wall += exchange.jump * 1_000;
        event
    }

    pub(crate) fn step(&mut self) -> Step<'_> {
        self.waiter.step(mono(self.now))
    }

    /// Goes on until a poll is due or the wait has ended; tells which.
    pub(crate) fn sleep(&mut self) -> Option<bool> {
        loop {
            let now = self.now;
            match self.step() {
                Step::WaitUntil(moment) => {
                    assert!(moment.since_origin() > now, "woken too early at {now:?}");
                    self.now = moment.since_origin();
                }
                Step::Poll { fresh_credentials } => return Some(fresh_credentials),
                Step::Done(_) => return None,
            }
        }
    }

    /// Plays one exchange a poll, until the wait ends. A poll more than the script has is a fault
    /// of the waiter.
    pub(crate) fn run(mut self, script: impl IntoIterator<Item = Exchange>) -> Run {
        let mut script = script.into_iter();
        let (mut polls, mut events) = (Vec::new(), Vec::new());
        while let Some(fresh_credentials) = self.sleep() {
            let request = self.start().expect("a poll is due");
            polls.push(Poll { at: self.now, fresh_credentials, request });
            let exchange = script.next().expect("no poll after the end of the script");
            events.push(self.answer(exchange));
        }
        let left = script.size_hint().1;
        assert!(left.is_none_or(|left| left == 0), "the wait has ended before its script");
        Run { polls, events, outcome: self.waiter.finish(), session: self.session }
    }
}

impl Run {
    pub(crate) fn error(&self) -> &wait::Error {
        self.outcome.as_ref().expect_err("no file")
    }

    pub(crate) fn kind(&self) -> &wait::ErrorKind {
        &self.error().kind
    }

    #[track_caller]
    pub(crate) fn assert_url(&self, polls: usize) {
        let finished = self.outcome.as_ref().expect("a file");
        assert_eq!(finished.download_url.as_str(), URL);
        assert_eq!(self.polls.len(), polls);
        assert_eq!(usize::try_from(finished.report.polls), Ok(polls));
    }

    pub(crate) fn starts(&self) -> Vec<Duration> {
        self.polls.iter().map(|poll| poll.at).collect()
    }

    pub(crate) fn delays(&self) -> Vec<Duration> {
        let delay = |event: &Event| match event.kind {
            EventKind::Waiting { delay, .. } | EventKind::Retrying { delay, .. } => Some(delay),
            _ => None,
        };
        self.events.iter().filter_map(delay).collect()
    }

    pub(crate) fn remedies(&self) -> Vec<Correction> {
        let remedy = |event: &Event| match event.kind {
            EventKind::Retrying { remedy, .. } => Some(remedy),
            _ => None,
        };
        self.events.iter().filter_map(remedy).collect()
    }

    pub(crate) fn timestamps(&self) -> Vec<&str> {
        self.polls.iter().map(|poll| header(&poll.request, "x-tc-timestamp")).collect()
    }
}

pub(crate) fn run(script: impl IntoIterator<Item = Exchange>) -> Run {
    Rig::new(&Policy::default(), 7).run(script)
}

pub(crate) fn run_under(max_wait: Duration, script: impl IntoIterator<Item = Exchange>) -> Run {
    Rig::new(&with(Policy::default(), |p| p.max_wait = max_wait), 7).run(script)
}

/// The text of an error and of all its sources.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut texts = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        texts.push(error.to_string());
        next = error.source();
    }
    texts.join(": ")
}
