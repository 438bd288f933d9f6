//! The form of a saved wait.

use alloc::string::{String, ToString};
use core::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

use super::{Policy, outcome::Seen, schedule::Schedule};
use crate::{
    actions::{Action, DescribeExportJobResult, JobId},
    retry::{Failures, Random},
    session::Session,
    text::brief,
    time::{ClockOffset, Wall},
};

pub(super) const VERSION: u32 = 1;

/// A saved wait, for any format that serde supports.
///
/// It contains the messages of the service, but no credentials, no signature and no URL. It has the
/// policy of the wait only if that is not the default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SavedWait {
    pub(super) version: u32,
    pub(super) action: String,
    pub(super) site: String,
    pub(super) job_id: JobId,
    /// Milliseconds since the Unix epoch.
    pub(super) saved_at: i64,
    /// The session's.
    pub(super) clock_offset: ClockOffset,
    #[serde(with = "crate::time::nanos")]
    pub(super) elapsed: Duration,
    #[serde(with = "crate::time::nanos")]
    pub(super) due_in: Duration,
    /// `None` for the default.
    pub(super) policy: Option<Policy>,
    pub(super) random: Random,
    pub(super) schedule: Schedule,
    pub(super) runs: Failures,
    /// Implied by `seen`, but part of the saved format.
    pub(super) is_retry: bool,
    pub(super) wants_fresh_credentials: bool,
    pub(super) polls_without_url: u32,
    pub(super) seen: Seen,
}

impl SavedWait {
    /// Returns the job.
    pub const fn job_id(&self) -> &JobId {
        &self.job_id
    }

    /// Returns the text of the [`Endpoint`](crate::Endpoint).
    pub fn site(&self) -> &str {
        &self.site
    }

    /// Returns the time from saving to the next poll, for timers that take a duration.
    pub const fn due_in(&self) -> Duration {
        self.due_in
    }

    /// Returns when the next poll is due, by the clock of the machine that saved the wait.
    pub fn due_at(&self) -> Wall {
        self.saved_at().saturating_add(self.due_in)
    }

    /// Returns when the wait ends at the latest, by the clock of the machine that saved it.
    pub fn deadline_at(&self) -> Wall {
        let policy = self.policy.clone().unwrap_or_default();
        self.saved_at().saturating_add(policy.max_wait.saturating_sub(self.elapsed))
    }

    pub(super) const fn saved_at(&self) -> Wall {
        Wall::from_unix_millis(self.saved_at)
    }

    pub(super) fn check(&self, session: &Session) -> Result<(), ResumeError> {
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

impl ResumeError {
    /// Returns false: the wait cannot be resumed here.
    pub const fn is_transient(&self) -> bool {
        false
    }
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
