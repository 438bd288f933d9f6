//! Saves, resumes, records and replays waits.

use alloc::{borrow::ToOwned, boxed::Box, string::ToString, vec::Vec};
use core::{fmt, mem, time::Duration};

use super::{
    Policy,
    outcome::{ErrorKind, Event},
    saved::{ResumeError, SavedWait, VERSION},
    transcript::{Polled, Transcript, TranscriptLine, ended},
    waiter::{Phase, Step, Waiter},
};
use crate::{
    actions::{Action, DescribeExportJobResult},
    credentials::Credentials,
    error::BuildError,
    session::Session,
    time::{ClockOffset, Mono, Now, Wall},
};

impl Waiter {
    /// Saves the wait, in any state.
    ///
    /// A request in flight or an outcome is not saved: the poll is due again.
    pub fn save(&self, now: Now, session: &Session) -> SavedWait {
        let due = match self.phase {
            Phase::Waiting { due } => due,
            Phase::InFlight { .. } | Phase::Done(_) => now.mono,
        };
        SavedWait {
            version: VERSION,
            action: DescribeExportJobResult::NAME.to_owned(),
            site: session.endpoint().to_string(),
            job_id: self.job().clone(),
            saved_at: now.wall.unix_millis(),
            clock_offset: session.clock_offset(),
            elapsed: self.elapsed_at(now.mono),
            due_in: due.saturating_since(now.mono),
            policy: Some(self.policy.clone()).filter(|policy| *policy != Policy::default()),
            random: self.random.clone(),
            schedule: self.schedule.clone(),
            runs: self.failures.clone(),
            is_retry: self.seen.is_retry(),
            wants_fresh_credentials: self.wants_fresh_credentials,
            polls_without_url: self.polls_without_url,
            seen: self.seen.clone(),
        }
    }

    /// Resumes a saved wait.
    ///
    /// The wall time since it was saved counts against the deadline, up to the time that was left;
    /// a negative time counts as zero. A session without a clock offset gets the saved one, which
    /// an answer corrects again if it does not fit this machine.
    ///
    /// # Errors
    ///
    /// [`ResumeError::Version`] for an unknown format, [`ResumeError::Action`] for another kind of
    /// wait, [`ResumeError::Site`] for another endpoint.
    pub fn resume(saved: SavedWait, now: Now, session: &mut Session) -> Result<Self, ResumeError> {
        saved.check(session)?;
        if session.clock_offset == ClockOffset::default() {
            session.clock_offset = saved.clock_offset;
        }
        let away = now.wall.saturating_since(saved.saved_at());
        let policy = saved.policy.unwrap_or_default();
        let away = away.min(policy.max_wait.saturating_sub(saved.elapsed));
        let due_in = saved.due_in.saturating_sub(away);
        let mut failures = saved.runs;
        failures.clock_corrected = false;
        Ok(Self {
            elapsed_before: saved.elapsed.saturating_add(away),
            phase: Phase::Waiting { due: now.mono.saturating_add(due_in) },
            schedule: saved.schedule,
            failures,
            random: saved.random,
            wants_fresh_credentials: saved.wants_fresh_credentials,
            polls_without_url: saved.polls_without_url,
            seen: saved.seen,
            ..Self::new(saved.job_id, &policy, 0, now.mono)
        })
    }

    /// Starts to record the wait; [`take_transcript`](Self::take_transcript) returns the lines.
    pub fn record(&mut self, now: Now, session: &Session) {
        let Phase::InFlight { started } = self.phase else {
            let saved = self.save(now, session);
            self.transcript = Some(Box::new(Transcript::begin(saved, now.mono)));
            return;
        };
        // The transcript begins before the poll in flight, whose answer becomes its next line.
        let mut saved = self.save(started, session);
        saved.seen.polls = saved.seen.polls.saturating_sub(1);
        saved.seen.retries = saved.seen.retries.saturating_sub(u32::from(self.seen.is_retry()));
        saved.clock_offset = self.seen.clock_offset;
        self.transcript = Some(Box::new(Transcript::begin(saved, started.mono)));
    }

    /// Returns the lines since the last call; the first one is the wait itself.
    pub fn take_transcript(&mut self) -> Vec<TranscriptLine> {
        let Some(mut transcript) = self.transcript.take() else { return Vec::new() };
        let mut lines = mem::take(&mut transcript.lines);
        match &self.phase {
            Phase::Done(outcome) => lines.push(ended(transcript.since(self.now), outcome)),
            _ => self.transcript = Some(transcript),
        }
        lines
    }
}

/// Replays a recorded wait, without network or clock.
#[derive(Debug)]
pub struct Replay {
    waiter: Waiter,
    session: Session,
    credentials: Credentials,
}

impl Replay {
    /// Starts with the first line.
    ///
    /// # Errors
    ///
    /// [`ReplayError::NotBegun`] for any other line; [`ReplayError::Site`] or
    /// [`ReplayError::Resume`] for a wait that this version cannot resume.
    pub fn begin(line: TranscriptLine) -> Result<Self, ReplayError> {
        let TranscriptLine::Begun { mut wait } = line else { return Err(ReplayError::NotBegun) };
        // The clock of a replay starts at zero, so no time has passed since.
        wait.saved_at = 0;
        let mut session = Session::new(wait.site.parse().map_err(ReplayError::Site)?);
        let waiter = Waiter::resume(*wait, Now::default(), &mut session);
        let credentials = Credentials::new("REPLAY", "REPLAY").map_err(ReplayError::Site)?;
        Ok(Self { waiter: waiter.map_err(ReplayError::Resume)?, session, credentials })
    }

    /// Replays the next line; returns its event, or `None` at the end.
    ///
    /// # Errors
    ///
    /// [`ReplayError::NotDue`], [`ReplayError::Decided`], [`ReplayError::NotEnded`] or
    /// [`ReplayError::Ended`] if this version behaves differently from the recording.
    pub fn next(&mut self, line: TranscriptLine) -> Result<Option<Event>, ReplayError> {
        match line {
            TranscriptLine::Begun { .. } => Err(ReplayError::NotBegun),
            TranscriptLine::Polled(polled) => self.poll(polled).map(Some),
            TranscriptLine::NotStarted { at, fault, event } => {
                let decided = self.waiter.cannot_start(Mono::from_origin(at), fault);
                same(event, decided).map(Some)
            }
            TranscriptLine::Ended { at, .. } => self.end(at, line).map(|()| None),
        }
    }

    fn poll(&mut self, polled: Polled) -> Result<Event, ReplayError> {
        let Polled { started, answered, wall, clock_offset, result, measured_offset, event } =
            polled;
        let now = Now { wall: Wall::from_unix_millis(wall), mono: Mono::from_origin(started) };
        self.session.clock_offset = clock_offset;
        self.waiter
            .start(now, &mut self.session, &self.credentials)
            .map_err(|_| ReplayError::NotDue { started: now.mono })?;
        let exchange = result.into_exchange(now, measured_offset);
        self.waiter.now = Mono::from_origin(answered);
        same(event, self.waiter.decide(Some(&mut self.session), exchange))
    }

    fn end(&mut self, at: Duration, recorded: TranscriptLine) -> Result<(), ReplayError> {
        let cancelled = ErrorKind::Cancelled.to_string();
        if matches!(&recorded, TranscriptLine::Ended { outcome, .. } if *outcome == cancelled) {
            self.waiter.cancel();
        }
        let Step::Done(outcome) = self.waiter.step(Mono::from_origin(at)) else {
            return Err(ReplayError::NotEnded);
        };
        let decided = ended(at, outcome);
        if decided == recorded {
            return Ok(());
        }
        Err(ReplayError::Ended { recorded: Box::new(recorded), decided: Box::new(decided) })
    }
}

fn same(recorded: Event, decided: Event) -> Result<Event, ReplayError> {
    if recorded == decided {
        return Ok(decided);
    }
    Err(ReplayError::Decided { recorded: Box::new(recorded), decided: Box::new(decided) })
}

/// How a replay differs from its transcript.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ReplayError {
    /// Only the first line may begin a wait.
    NotBegun,
    /// The endpoint of the wait is invalid.
    Site(BuildError),
    /// The wait cannot be resumed.
    Resume(ResumeError),
    /// The recorded poll is not due.
    NotDue {
        /// When it was started.
        started: Mono,
    },
    /// The event is different.
    Decided {
        /// The recorded one.
        recorded: Box<Event>,
        /// The replayed one.
        decided: Box<Event>,
    },
    /// The replayed wait does not end here.
    NotEnded,
    /// The end is different.
    Ended {
        /// The recorded one.
        recorded: Box<TranscriptLine>,
        /// The replayed one.
        decided: Box<TranscriptLine>,
    },
}

impl fmt::Display for ReplayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotBegun => f.write_str("the first line, and only that, begins a wait"),
            Self::Site(error) => error.fmt(f),
            Self::Resume(error) => error.fmt(f),
            Self::NotDue { started } => {
                let seconds = started.since_origin().as_secs_f64();
                write!(f, "the poll that started at {seconds:.3} s was not due")
            }
            Self::NotEnded => f.write_str("the wait does not end here"),
            Self::Decided { recorded, decided } => {
                write!(f, "recorded {:?}, but decided {:?}", recorded.kind, decided.kind)
            }
            Self::Ended { recorded, decided } => {
                write!(f, "recorded {recorded:?}, but decided {decided:?}")
            }
        }
    }
}

impl core::error::Error for ReplayError {}
