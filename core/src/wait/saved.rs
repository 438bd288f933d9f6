//! Saves a wait, to resume it in another process or on another machine.

use alloc::{
    borrow::ToOwned,
    boxed::Box,
    string::{String, ToString},
    vec::Vec,
};
use core::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    policy::Policy,
    transcript::{Transcript, TranscriptLine},
    waiter::{Last, Phase, Seen, Waiter},
};
use crate::{
    actions::{Action, DescribeExportJobResult, DescribeExportJobResultResponse, JobId},
    retry::{Failures, Random},
    session::Session,
    text::brief,
    time::{ClockOffset, Now, Wall},
};

const VERSION: u32 = 1;

/// A saved wait, for any format that serde supports.
///
/// It contains the messages of the service, but no credentials, no signature and no URL.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SavedWait {
    version: u32,
    action: String,
    site: String,
    job_id: JobId,
    /// Milliseconds since the Unix epoch.
    saved_at: i64,
    /// The session's.
    clock_offset: ClockOffset,
    #[serde(with = "crate::time::nanos")]
    elapsed: Duration,
    #[serde(with = "crate::time::nanos")]
    due_in: Duration,
    policy: Policy,
    random: Random,
    #[serde(with = "crate::time::nanos")]
    interval: Duration,
    runs: Failures,
    is_retry: bool,
    wants_fresh_credentials: bool,
    polls_without_url: u32,
    seen: Seen,
}

impl SavedWait {
    /// Returns the job.
    #[must_use]
    pub const fn job_id(&self) -> &JobId {
        &self.job_id
    }

    pub(crate) const fn clock_offset(&self) -> ClockOffset {
        self.clock_offset
    }

    /// Moves the wait to the origin of the wall clock, for a replay: no time has passed since.
    pub(crate) fn unmoved(mut self) -> Self {
        self.saved_at = 0;
        self
    }

    /// Returns the text of the [`Endpoint`](crate::Endpoint).
    #[must_use]
    pub fn site(&self) -> &str {
        &self.site
    }
}

impl Waiter {
    /// Saves the wait, in any state.
    ///
    /// A request in flight or an outcome is not saved: the poll is due again.
    #[must_use]
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
            policy: self.policy.clone(),
            random: self.random.clone(),
            interval: self.interval,
            runs: self.failures.clone(),
            is_retry: self.is_retry,
            wants_fresh_credentials: self.wants_fresh_credentials,
            polls_without_url: self.polls_without_url,
            seen: self.seen_so_far(),
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
        if session.clock_offset() == ClockOffset::default() {
            session.set_clock_offset(saved.clock_offset);
        }
        let left = saved.policy.max_wait.saturating_sub(saved.elapsed);
        let away = away(Wall::from_unix_millis(saved.saved_at), now.wall).min(left);
        let due_in = saved.due_in.saturating_sub(away);
        let mut failures = saved.runs;
        failures.clock_corrected = false;
        Ok(Self {
            action: DescribeExportJobResult::new(saved.job_id),
            policy: saved.policy,
            began: now.mono,
            elapsed_before: saved.elapsed.saturating_add(away),
            now: now.mono,
            phase: Phase::Waiting { due: now.mono.saturating_add(due_in) },
            prepared: None,
            interval: saved.interval,
            failures,
            random: saved.random,
            is_retry: saved.is_retry,
            wants_fresh_credentials: saved.wants_fresh_credentials,
            polls_without_url: saved.polls_without_url,
            seen: saved.seen,
            transcript: None,
        })
    }

    /// Starts to record the wait; [`take_transcript`](Self::take_transcript) returns the lines.
    pub fn record(&mut self, now: Now, session: &Session) {
        let Phase::InFlight { started } = self.phase else {
            self.transcript = Some(Box::new(Transcript::begin(self.save(now, session), now)));
            return;
        };
        // The transcript begins before the poll in flight, whose answer becomes its next line.
        let mut saved = self.save(started, session);
        saved.seen.polls = saved.seen.polls.saturating_sub(1);
        saved.seen.retries = saved.seen.retries.saturating_sub(u32::from(self.is_retry));
        saved.clock_offset = self.seen.clock_offset;
        self.transcript = Some(Box::new(Transcript::begin(saved, started)));
    }

    /// Returns the lines since the last call; the first one is the wait itself.
    pub fn take_transcript(&mut self) -> Vec<TranscriptLine> {
        let Some(transcript) = &mut self.transcript else { return Vec::new() };
        let mut lines = transcript.take_lines();
        if let Phase::Done(outcome) = &self.phase
            && let Some(mut transcript) = self.transcript.take()
        {
            transcript.ended(self.now, outcome);
            lines.append(&mut transcript.take_lines());
        }
        lines
    }

    /// Returns what was seen, even if it has moved into the report of an ended wait.
    fn seen_so_far(&self) -> Seen {
        let Phase::Done(outcome) = &self.phase else { return self.seen.clone() };
        let report = match &**outcome {
            Ok(finished) => &finished.report,
            Err(error) => &error.report,
        };
        Seen {
            last: report.last.clone().map(Last::from_response),
            last_fault: report.last_fault.clone().map(Box::new),
            request_id: report.request_id.clone().map(String::into_boxed_str),
            ..self.seen.clone()
        }
    }
}

impl Last {
    fn from_response(response: DescribeExportJobResultResponse) -> Self {
        let DescribeExportJobResultResponse { status, progress, failure_message, .. } = response;
        Self { status, progress, failure_message }
    }
}

impl SavedWait {
    fn check(&self, session: &Session) -> Result<(), ResumeError> {
        if self.version != VERSION {
            return Err(ResumeError::Version { saved: self.version });
        }
        if self.action != DescribeExportJobResult::NAME {
            return Err(ResumeError::Action { saved: self.action.clone() });
        }
        let site = session.endpoint().to_string();
        if self.site != site {
            return Err(ResumeError::Site { saved: self.site.clone(), session: site });
        }
        Ok(())
    }
}

fn away(saved: Wall, now: Wall) -> Duration {
    let millis = now.unix_millis().saturating_sub(saved.unix_millis());
    Duration::from_millis(u64::try_from(millis).unwrap_or_default())
}

/// Why a saved wait cannot be resumed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResumeError {
    /// Another version of this crate saved it, in another format.
    Version {
        /// The version of the format.
        saved: u32,
    },
    /// It polls another action.
    Action {
        /// Its action.
        saved: String,
    },
    /// Its endpoint is not the session's.
    Site {
        /// Its endpoint.
        saved: String,
        /// The session's endpoint.
        session: String,
    },
}

impl fmt::Display for ResumeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version { saved } => {
                write!(f, "expected a wait saved in form {VERSION}, got form {saved}")
            }
            Self::Action { saved } => {
                let name = DescribeExportJobResult::NAME;
                write!(f, "expected a wait that polls {name}, got {}", brief(saved))
            }
            Self::Site { saved, session } => {
                write!(f, "expected a wait at {session}, got one at {}", brief(saved))
            }
        }
    }
}

impl core::error::Error for ResumeError {}
