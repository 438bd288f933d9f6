//! A waiter with a virtual clock, driven by a script of exchanges.

use std::{error::Error, fmt::Display, time::Duration};

use bytes::Bytes;
use http::{Request, Response};
use tcss_export::{
    Credentials, Session,
    core::{
        Mono, Now, Wall,
        wait::{self, Outcome, StartError, Step, Waiter},
    },
    driver::TransportErrorKind,
    error::ErrorCode,
    wait::{Event, EventKind, Policy, Remedy},
};

use crate::{
    common::{TIME, credentials, header, job, response, session},
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

/// A waiter with a session, credentials and a virtual clock.
pub(crate) struct Harness {
    pub(crate) waiter: Waiter,
    pub(crate) session: Session,
    pub(crate) credentials: Credentials,
    pub(crate) now: Duration,
    /// Local wall time, in milliseconds, at the origin of the monotonic clock.
    pub(crate) wall: i64,
}

/// A request that was started.
#[derive(Debug)]
pub(crate) struct Poll {
    pub(crate) at: Duration,
    pub(crate) fresh_credentials: bool,
    pub(crate) request: Request<Bytes>,
}

/// A finished wait: its polls, events and outcome.
pub(crate) struct Run {
    pub(crate) polls: Vec<Poll>,
    pub(crate) events: Vec<Event>,
    pub(crate) outcome: Outcome,
    pub(crate) session: Session,
}

impl Harness {
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

    /// Advances the clock until a poll is due, and returns whether it needs fresh credentials.
    /// Returns `None` if the wait has ended.
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

    /// Plays one exchange for each poll until the wait ends, and fails unless the script ends with
    /// it.
    pub(crate) fn run(mut self, script: impl IntoIterator<Item = Exchange>) -> Run {
        let mut script = script.into_iter();
        let (mut polls, mut events) = (Vec::new(), Vec::new());
        while let Some(fresh_credentials) = self.sleep() {
            let request = self.start().expect("a poll is due");
            polls.push(Poll { at: self.now, fresh_credentials, request });
            let exchange = script.next().expect("an exchange for this poll");
            events.push(self.answer(exchange));
        }
        let left = script.size_hint().1;
        assert!(left.is_none_or(|left| left == 0), "the wait ended before its script");
        Run { polls, events, outcome: self.waiter.finish(), session: self.session }
    }
}

impl Run {
    pub(crate) fn error(&self) -> &wait::Error {
        self.outcome.as_ref().expect_err("no file")
    }

    pub(crate) fn code(&self) -> Option<&str> {
        self.error().code().map(ErrorCode::as_str)
    }

    pub(crate) fn kind(&self) -> &wait::ErrorKind {
        &self.error().kind
    }

    /// Asserts that the wait ended with the URL of the script after this many polls.
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

    pub(crate) fn remedies(&self) -> Vec<Remedy> {
        let correction = |event: &Event| match event.kind {
            EventKind::Retrying { remedy, .. } => Some(remedy),
            _ => None,
        };
        self.events.iter().filter_map(correction).collect()
    }

    pub(crate) fn timestamps(&self) -> Vec<&str> {
        self.polls.iter().map(|poll| header(&poll.request, "x-tc-timestamp")).collect()
    }
}

pub(crate) fn run(script: impl IntoIterator<Item = Exchange>) -> Run {
    Harness::new(&Policy::default(), 7).run(script)
}

pub(crate) fn run_under(max_wait: Duration, script: impl IntoIterator<Item = Exchange>) -> Run {
    Harness::new(&with(Policy::default(), |p| p.max_wait = max_wait), 7).run(script)
}

/// Joins the texts of an error and of all its sources.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut texts = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        texts.push(error.to_string());
        next = error.source();
    }
    texts.join(": ")
}

/// The result of one request, how long it took, and by how many seconds the wall clock jumps then.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    pub(crate) answer: Result<Response<Bytes>, TransportErrorKind>,
    pub(crate) took: Duration,
    pub(crate) jump: i64,
}

impl Exchange {
    pub(crate) fn taking(self, took: Duration) -> Self {
        Self { took, ..self }
    }

    pub(crate) fn then_wall_jumps(self, seconds: i64) -> Self {
        Self { jump: seconds, ..self }
    }

    pub(crate) fn with_header(mut self, name: &'static str, value: &str) -> Self {
        let headers = self.answer.as_mut().expect("an answer").headers_mut();
        headers.append(name, value.parse().expect("a header"));
        self
    }

    pub(crate) fn dated(self, date: &str) -> Self {
        self.with_header("date", date)
    }
}

pub(crate) fn answer(status: u16, body: &str) -> Exchange {
    Exchange { answer: Ok(response(status, &[], body)), took: ZERO, jump: 0 }
}

/// An answer whose `Response` object has these members.
pub(crate) fn members(members: &str) -> Exchange {
    answer(200, &format!(r#"{{"Response":{{{members}}}}}"#))
}

pub(crate) fn running() -> Exchange {
    members(r#""ExportStatus":"RUNNING","ExportProgress":42,"RequestId":"r-running""#)
}

/// The answer of a job at this progress, in percent.
pub(crate) fn at(progress: impl Display) -> Exchange {
    members(&format!(r#""ExportStatus":"RUNNING","ExportProgress":{progress}"#))
}

pub(crate) const URL: &str = "https://h.example/a.csv?sign=EXAMPLE";

pub(crate) fn success() -> Exchange {
    members(&format!(r#""ExportStatus":"SUCCESS","DownloadURL":"{URL}","RequestId":"r-success""#))
}

pub(crate) fn api(code: &str) -> Exchange {
    members(&format!(r#""Error":{{"Code":"{code}","Message":"m"}},"RequestId":"r-{code}""#))
}

pub(crate) fn fault(fault: TransportErrorKind) -> Exchange {
    Exchange { answer: Err(fault), took: ZERO, jump: 0 }
}
