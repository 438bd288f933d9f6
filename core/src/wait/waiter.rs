use alloc::boxed::Box;
use core::{fmt, time::Duration};

use bytes::Bytes;
use http::Request;

#[cfg(feature = "serde")]
use super::transcript::Transcript;
use super::{
    Policy,
    outcome::{Error, ErrorKind, Event, EventKind, Exchange, Outcome, Seen},
    schedule::Schedule,
};
use crate::{
    actions::{DescribeExportJobResult, JobId},
    credentials::Credentials,
    error::{BuildError, TransportErrorKind},
    retry::{Failures, Random},
    session::{Prepared, Session},
    time::{Mono, Now},
};

/// Follows one export job to its end, as pure state: it takes the time and the answers, and returns
/// what to do next.
///
/// It has no clock, budget, source of credentials or HTTP client. Ask [`step`](Self::step) what to
/// do. On [`Step::Poll`], send the request that [`start`](Self::start) returns, and pass the result
/// to [`answer`](Self::answer).
///
/// ```
/// use tcss_export_core::{wait::*, *};
/// # fn now() -> Now { Now { wall: Wall::from_unix_seconds(1_699_979_400), ..Now::default() } }
/// # fn send(_: http::Request<bytes::Bytes>) -> Result<http::Response<bytes::Bytes>, TransportErrorKind> {
/// #     let url = "https://h.example/a.csv";
/// #     let body = format!(r#"{{"Response":{{"ExportStatus":"SUCCESS","DownloadURL":"{url}"}}}}"#);
/// #     Ok(http::Response::new(body.into()))
/// # }
/// # fn sleep_until(_: Mono) {}
///
/// let credentials = Credentials::new("AKIDEXAMPLE", "EXAMPLEKEY")?;
/// let mut session = Session::new(Endpoint::international());
/// let seed = 7; // any number: it randomizes the delays
/// let mut waiter = Waiter::new(JobId::new("4711")?, &Policy::default(), seed, now().mono);
/// loop {
///     match waiter.step(now().mono) {
///         Step::WaitUntil(moment) => sleep_until(moment),
///         Step::Poll { .. } => {
///             let request = waiter.start(now(), &mut session, &credentials)?;
///             let answer = send(request);
///             waiter.answer(now(), &mut session, answer);
///         }
///         Step::Done(_) => break,
///     }
/// }
/// assert!(waiter.finish().is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[must_use = "a waiter does nothing by itself"]
pub struct Waiter {
    pub(super) action: DescribeExportJobResult,
    pub(super) policy: Policy,
    /// When it was created or resumed.
    pub(super) began: Mono,
    /// How long it had lasted before it was resumed.
    pub(super) elapsed_before: Duration,
    pub(super) now: Mono,
    pub(super) phase: Phase,
    pub(super) prepared: Option<Box<Prepared>>,
    pub(super) schedule: Schedule,
    pub(super) failures: Failures,
    pub(super) random: Random,
    /// The last credentials were refused.
    pub(super) wants_fresh_credentials: bool,
    pub(super) polls_without_url: u32,
    pub(super) seen: Seen,
    #[cfg(feature = "serde")]
    pub(super) transcript: Option<Box<Transcript>>,
}

impl Waiter {
    /// Creates a wait whose first poll is due at once and whose deadline counts from `now`.
    ///
    /// The seed randomizes the delays: one seed always yields the same ones.
    pub fn new(job: JobId, policy: &Policy, seed: u64, now: Mono) -> Self {
        Self {
            action: DescribeExportJobResult::new(job),
            policy: policy.clone(),
            began: now,
            elapsed_before: Duration::ZERO,
            now,
            phase: Phase::Waiting { due: now },
            prepared: None,
            schedule: Schedule::default(),
            failures: Failures::default(),
            random: Random(seed),
            wants_fresh_credentials: false,
            polls_without_url: 0,
            seen: Seen::default(),
            #[cfg(feature = "serde")]
            transcript: None,
        }
    }

    /// Returns what to do next. It may be called at any time.
    ///
    /// While a request is in flight, this is [`Step::WaitUntil`] the exchange limit, after which it
    /// counts as [`TransportErrorKind::Timeout`]. So a wait ends at most that long after its
    /// deadline.
    pub fn step(&mut self, now: Mono) -> Step<'_> {
        self.advance(now);
        let deadline = self.deadline();
        match &self.phase {
            Phase::Waiting { due } if *due <= now => {
                Step::Poll { fresh_credentials: self.wants_fresh_credentials }
            }
            Phase::Waiting { due } => Step::WaitUntil(deadline.min(*due)),
            Phase::InFlight { started } => Step::WaitUntil(self.limit_of(started.mono)),
            Phase::Done(outcome) => Step::Done(outcome),
        }
    }

    /// Starts the due poll and returns its request, to be sent at once.
    ///
    /// # Errors
    ///
    /// [`StartError::NotDue`], or [`StartError::Build`], which ends the wait.
    pub fn start(
        &mut self,
        now: Now,
        session: &mut Session,
        credentials: &Credentials,
    ) -> Result<Request<Bytes>, StartError> {
        if !matches!(self.step(now.mono), Step::Poll { .. }) {
            return Err(StartError::NotDue);
        }
        self.seen.clock_offset = session.clock_offset();
        let request = self.sign(now, session, credentials).map_err(|error| {
            self.end(Err(ErrorKind::Build(error)));
            StartError::Build(error)
        })?;
        self.seen.polls = self.seen.polls.saturating_add(1);
        if self.seen.is_retry() {
            self.seen.retries = self.seen.retries.saturating_add(1);
        }
        self.phase = Phase::InFlight { started: now };
        Ok(request)
    }

    /// Forgets a request that was dropped without an answer: the poll is due again.
    pub fn abandon(&mut self) {
        if let Phase::InFlight { started } = self.phase {
            self.phase = Phase::Waiting { due: started.mono };
        }
    }

    /// Cancels the wait.
    pub fn cancel(&mut self) {
        if !matches!(self.phase, Phase::Done(_)) {
            self.end(Err(ErrorKind::Cancelled));
        }
    }

    /// Returns the outcome; a wait that has not ended is cancelled.
    ///
    /// # Errors
    ///
    /// An [`Error`] whose kind says why there is no file.
    pub fn finish(self) -> Outcome {
        match self.phase {
            Phase::Done(outcome) => *outcome,
            _ => Err(Error { kind: ErrorKind::Cancelled, report: self.report() }),
        }
    }

    /// Returns the job.
    pub const fn job(&self) -> &JobId {
        &self.action.job_id
    }

    /// Returns the last request id of an answer.
    pub fn request_id(&self) -> Option<&str> {
        self.seen.request_id.as_deref()
    }

    /// Returns the deadline, at and after which nothing is sent.
    pub const fn deadline(&self) -> Mono {
        self.began.saturating_add(self.policy.max_wait.saturating_sub(self.elapsed_before))
    }

    /// Returns the number of requests.
    pub const fn poll_count(&self) -> u32 {
        self.seen.polls
    }

    pub(super) const fn is_in_flight(&self) -> bool {
        matches!(self.phase, Phase::InFlight { .. })
    }

    /// Returns whether the job was neither polled nor listed.
    pub(super) const fn is_unseen(&self) -> bool {
        self.seen.polls == 0 && self.seen.last.is_none()
    }

    /// Applies the limit of the exchange and the deadline.
    fn advance(&mut self, now: Mono) {
        self.now = now;
        if let Phase::InFlight { started } = self.phase
            && now >= self.limit_of(started.mono)
        {
            self.decide(None, Exchange::of_fault(started, TransportErrorKind::Timeout));
        }
        if matches!(self.phase, Phase::Waiting { .. }) && now >= self.deadline() {
            self.end(Err(ErrorKind::TimedOut));
        }
    }

    pub(super) fn elapsed_at(&self, now: Mono) -> Duration {
        self.elapsed_before.saturating_add(now.saturating_since(self.began))
    }

    const fn limit_of(&self, started: Mono) -> Mono {
        started.saturating_add(self.policy.exchange_limit)
    }

    /// Returns when the next poll is due, if none is in flight; and when the wait ends without a
    /// poll, or the exchange without an answer.
    pub(super) const fn due_and_limit(&self) -> (Option<Mono>, Option<Mono>) {
        match self.phase {
            Phase::Waiting { due } => (Some(due), Some(self.deadline())),
            Phase::InFlight { started } => (None, Some(self.limit_of(started.mono))),
            Phase::Done(_) => (None, None),
        }
    }

    pub(super) const fn event(&self, kind: EventKind) -> Event {
        Event { poll: self.seen.polls, clock_offset: None, kind }
    }

    fn sign(
        &mut self,
        now: Now,
        session: &mut Session,
        credentials: &Credentials,
    ) -> Result<Request<Bytes>, BuildError> {
        let prepared = match &mut self.prepared {
            Some(prepared) => prepared,
            none => none.insert(Box::new(session.prepare(&self.action)?)),
        };
        session.sign(prepared, credentials, now.wall)
    }
}

impl fmt::Debug for Waiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiter")
            .field("job", self.job())
            .field("seen", &self.seen)
            .finish_non_exhaustive()
    }
}

/// What to do next.
#[derive(Debug, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a caller must handle every step")]
pub enum Step<'w> {
    /// Do nothing until this moment, or until the answer arrives.
    WaitUntil(Mono),
    /// A poll is due: get credentials, then call [`Waiter::start`].
    Poll {
        /// The last credentials were refused: refresh them.
        fresh_credentials: bool,
    },
    /// The wait has ended: [`Waiter::finish`] returns the outcome.
    Done(&'w Outcome),
}

/// Why a poll did not start.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StartError {
    /// No poll is due: call [`Waiter::step`].
    NotDue,
    /// The request could not be built or signed. The wait has ended.
    Build(BuildError),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotDue => f.write_str("no poll is due"),
            Self::Build(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for StartError {}

#[derive(Clone)]
pub(super) enum Phase {
    Waiting { due: Mono },
    InFlight { started: Now },
    Done(Box<Outcome>),
}
