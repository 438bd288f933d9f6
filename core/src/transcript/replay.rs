use alloc::boxed::Box;
use core::fmt;

use super::{Polled, TranscriptLine, ended};
use crate::{
    credentials::Credentials,
    error::BuildError,
    event::Event,
    session::Session,
    time::{Mono, Now, Wall},
    waiter::{ResumeError, Step, Waiter},
};

/// Decides a recorded wait again, without network and clock.
#[derive(Debug)]
pub struct Replay {
    waiter: Waiter,
    session: Session,
    credentials: Credentials,
}

impl Replay {
    /// Begins with the first line.
    ///
    /// # Errors
    ///
    /// [`ReplayError::NotBegun`] for any other line, [`ReplayError::Site`] and
    /// [`ReplayError::Resume`] for a wait that this version cannot take up.
    pub fn begin(line: TranscriptLine) -> Result<Self, ReplayError> {
        let TranscriptLine::Begun { wait } = line else { return Err(ReplayError::NotBegun) };
        let mut session = Session::new(wait.site().parse().map_err(ReplayError::Site)?);
        let waiter = Waiter::resume(wait.unmoved(), Now::default(), &mut session);
        let credentials = Credentials::new("REPLAY", "REPLAY").map_err(ReplayError::Site)?;
        Ok(Self { waiter: waiter.map_err(ReplayError::Resume)?, session, credentials })
    }

    /// Decides the next line again; gives the decision, or none for the end.
    ///
    /// # Errors
    ///
    /// [`ReplayError::NotDue`], [`ReplayError::Decided`] or [`ReplayError::Ended`] where this
    /// version does otherwise than the one that wrote the line.
    pub fn next(&mut self, line: TranscriptLine) -> Result<Option<Event>, ReplayError> {
        match line {
            TranscriptLine::Begun { .. } => Err(ReplayError::NotBegun),
            TranscriptLine::Polled(polled) => self.poll(polled).map(Some),
            TranscriptLine::NotStarted { at, fault, event } => {
                let decided = self.waiter.cannot_start(moment(at), fault);
                same(event, decided).map(Some)
            }
            TranscriptLine::Ended { at, outcome, polls, retries } => {
                let recorded = TranscriptLine::Ended { at, outcome, polls, retries };
                self.end(at, recorded).map(|()| None)
            }
        }
    }

    fn poll(&mut self, polled: Polled) -> Result<Event, ReplayError> {
        let Polled { started, answered, wall, clock_offset, came, measured_offset, event } = polled;
        let now = Now { wall: Wall::from_unix_millis(wall), mono: moment(started) };
        self.session.set_clock_offset(clock_offset);
        self.waiter
            .start(now, &mut self.session, &self.credentials)
            .map_err(|_| ReplayError::NotDue { started: now.mono })?;
        let reading = came.into_reading(measured_offset);
        same(event, self.waiter.decide(moment(answered), &mut self.session, reading))
    }

    fn end(&mut self, at: u64, recorded: TranscriptLine) -> Result<(), ReplayError> {
        if matches!(&recorded, TranscriptLine::Ended { outcome, .. } if outcome == CANCELLED) {
            self.waiter.cancel();
        }
        let Step::Done(outcome) = self.waiter.step(moment(at)) else {
            return Err(ReplayError::NotEnded);
        };
        let decided = ended(at, outcome);
        if decided == recorded {
            return Ok(());
        }
        Err(ReplayError::Ended { recorded: Box::new(recorded), decided: Box::new(decided) })
    }
}

const CANCELLED: &str = "the wait was cancelled";

fn moment(nanos: u64) -> Mono {
    Mono::from_origin(core::time::Duration::from_nanos(nanos))
}

fn same(recorded: Event, decided: Event) -> Result<Event, ReplayError> {
    if recorded == decided {
        return Ok(decided);
    }
    Err(ReplayError::Decided { recorded: Box::new(recorded), decided: Box::new(decided) })
}

/// Where a replay departs from its transcript.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ReplayError {
    /// The first line, and only that, begins a wait.
    NotBegun,
    /// The wait's endpoint is none.
    Site(BuildError),
    /// The wait cannot be taken up.
    Resume(ResumeError),
    /// A poll was started that is not due.
    NotDue {
        /// When it was started, since the first line.
        started: Mono,
    },
    /// Something else is decided.
    Decided {
        /// By the one who wrote it.
        recorded: Box<Event>,
        /// Now.
        decided: Box<Event>,
    },
    /// It does not end here.
    NotEnded,
    /// It ends otherwise.
    Ended {
        /// As it was written.
        recorded: Box<TranscriptLine>,
        /// As it is now.
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
                write!(f, "the poll started at {seconds:.3} s is not due then")
            }
            Self::NotEnded => f.write_str("the wait does not end here"),
            Self::Decided { recorded, decided } => {
                write!(f, "recorded was {:?}, decided is {:?}", recorded.kind, decided.kind)
            }
            Self::Ended { recorded, decided } => {
                write!(f, "recorded was {recorded:?}, decided is {decided:?}")
            }
        }
    }
}

impl core::error::Error for ReplayError {}
