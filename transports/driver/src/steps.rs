//! Single steps of an export, for workflow engines and job queues that keep the state themselves.
//!
//! [`create_once`](Client::create_once), [`poll_once`](Client::poll_once) and
//! [`fetch_once`](Client::fetch_once) send at most one request to the service. Store the result of
//! a step before the next one: all types here serialize, and none contains a secret or the query of
//! a URL. A step whose result was lost may run again, with one exception: see
//! [`create_once`](Client::create_once). [`send_once`](Client::send_once) is for other actions.

use std::{error::Error, fmt, time::Duration};

use serde::{Deserialize, Serialize};
use tcss_export_core::{
    Advice, Answer, Credentials, ErrorCode, JobId, Now, Wall,
    actions::{Action, CreateExportComplianceStatusListJob, DescribeExportJobResult, ExportStatus},
    download::{self, Downloaded, ErrorKind},
    wait::{self, Fault, Report, SavedWait, Step, Waiter},
};

use crate::{
    client::Client,
    download::{DownloadError, FileErrorKind, Source, Target},
    error::{SendError, with_causes},
    trace::Trace,
    transport::Transport,
    transport_error::TransportError,
};

/// When a request may start.
///
/// It is granted by whatever paces all workers of an account, such as a row of a database or an
/// object of a workflow engine. Without it, a step takes its turn in the
/// [`Budget`](crate::Budget) of its client.
///
/// A step sleeps until `at`. After `until` it sends nothing, so that steps that an engine repeats
/// all at once keep to the limit of the service. Grant starts
/// [`RateBudget::SPACING`](tcss_export_core::RateBudget::SPACING) apart.
///
/// Both times are those of this machine's clock. If a database grants starts by its own clock, let
/// it return the delay, and add that to the local time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::exhaustive_structs, reason = "an interval has two ends")]
pub struct Start {
    /// The earliest moment.
    pub at: Wall,
    /// The latest moment.
    pub until: Wall,
}

impl Start {
    /// How late a request may start by default: 20 ms. With the usual spacing, 21 starts then
    /// arrive within a second only if the network delays the first of them by another 29 ms.
    pub const TOLERANCE: Duration = Duration::from_millis(20);

    /// Creates a start that is at most [`TOLERANCE`](Self::TOLERANCE) late.
    pub fn new(at: Wall) -> Self {
        Self { at, until: at.saturating_add(Self::TOLERANCE) }
    }
}

/// The wait that a poll belongs to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(clippy::exhaustive_enums, reason = "a wait is new, or it is not")]
pub enum WaitState {
    /// A new wait, whose deadline counts from its first poll.
    New(JobId),
    /// A wait that an earlier poll has returned.
    Saved(Box<SavedWait>),
}

impl WaitState {
    /// Returns the job.
    pub const fn job(&self) -> &JobId {
        match self {
            Self::New(job) => job,
            Self::Saved(saved) => saved.job_id(),
        }
    }
}

impl From<JobId> for WaitState {
    fn from(job: JobId) -> Self {
        Self::New(job)
    }
}

impl From<Box<SavedWait>> for WaitState {
    fn from(saved: Box<SavedWait>) -> Self {
        Self::Saved(saved)
    }
}

impl From<SavedWait> for WaitState {
    fn from(saved: SavedWait) -> Self {
        Box::new(saved).into()
    }
}

/// The result of a poll.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum PollOutcome {
    /// Poll again at [`due_at`](SavedWait::due_at): the job is running, or the exchange failed and
    /// may be repeated.
    Again(Box<SavedWait>),
    /// The file can be [fetched](Client::fetch_once).
    Ready(Box<Report>),
    /// The wait has ended without a file.
    Failed {
        /// Why it ended.
        error: Box<wait::Error>,
        /// The transport's error with its causes, if the last exchange ended with one.
        transport: Option<String>,
    },
}

/// The result of fetching a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum FetchOutcome {
    /// The file is complete now.
    Downloaded(Downloaded),
    /// The file was complete before, and nothing was sent.
    WasThere {
        /// Its length.
        bytes: u64,
    },
}

/// Why a step has no result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum StepError {
    /// The start had passed. Nothing was sent: get another start.
    Late,
    /// The step failed.
    Failed {
        /// The error with its causes.
        message: String,
        /// The service's error code.
        code: Option<ErrorCode>,
        /// The id to quote to the service's support.
        request_id: Option<String>,
        /// Whether the same step may succeed later.
        is_transient: bool,
        /// Whether the service may have acted on the request: a create may have made a job.
        may_have_arrived: bool,
    },
}

impl<T: Transport> Client<T> {
    /// Creates a job.
    ///
    /// A second create makes a second job. So before a create that may be a repetition, list the
    /// jobs and look for one that is new: after an error that
    /// [may have arrived](StepError::Failed::may_have_arrived), and if this step may have run
    /// before without its result being stored, even if it is [`Late`](StepError::Late) now.
    ///
    /// # Errors
    ///
    /// [`StepError::Late`]; [`StepError::Failed`] if no job id was received.
    pub async fn create_once(
        &self,
        order: &CreateExportComplianceStatusListJob,
        start: Option<Start>,
    ) -> Result<JobId, StepError> {
        Ok(self.send_once(order, start).await?.response.job_id)
    }

    /// Polls a job, once it is due. The next poll is that of [`PollOutcome::Again`].
    ///
    /// A failed exchange is not an error of this step: the wait counts it, by the client's policy.
    ///
    /// # Errors
    ///
    /// [`StepError::Late`]; [`StepError::Failed`] for a saved wait of another endpoint or version.
    pub async fn poll_once(
        &self,
        wait: impl Into<WaitState>,
        start: Option<Start>,
    ) -> Result<PollOutcome, StepError> {
        let (mut wait, new) = match wait.into() {
            WaitState::New(job) => (self.follow(job.clone()), Some(job)),
            WaitState::Saved(saved) => {
                (self.resume(*saved).map_err(|e| StepError::failed(with_causes(&e), false))?, None)
            }
        };
        if let Some((_, fresh)) = wait.due().await {
            match self.begin(DescribeExportJobResult::NAME, start, fresh).await {
                Ok(Some((now, credentials))) => {
                    // A granted start, or the turn in the budget, may have been far ahead.
                    if let Some(job) = new {
                        wait.waiter = Waiter::new(job, self.policy(), self.seed(), now.mono);
                    }
                    wait.poll(now, &credentials).await;
                }
                Ok(None) => return Err(StepError::Late),
                Err(error) => {
                    wait.cannot_start(error);
                }
            }
        }
        if !matches!(wait.waiter.step(self.now().mono), Step::Done(_)) {
            return Ok(PollOutcome::Again(Box::new(wait.save())));
        }
        Ok(match wait.outcome().await {
            Ok(finished) => PollOutcome::Ready(finished.report),
            Err(error) => {
                let transport = error.transport().map(|error| with_causes(error));
                PollOutcome::Failed { error: Box::new((*error).clone()), transport }
            }
        })
    }

    /// Downloads the file of a finished job, unless the target exists: a target gets its name only
    /// when it is complete, so name it after the job or the order.
    ///
    /// The one request to the service, which needs a start, is for the URL of the file. The
    /// download itself does not count against the service's limit.
    ///
    /// # Errors
    ///
    /// [`StepError::Late`]; [`StepError::Failed`] if the file is not complete. Its part stays, and
    /// the next step to the same target continues it.
    pub async fn fetch_once(
        &self,
        job: JobId,
        target: impl Into<Target>,
        policy: download::Policy,
        start: Option<Start>,
    ) -> Result<FetchOutcome, StepError> {
        let target = target.into();
        if let Some(bytes) = target.finished() {
            return Ok(FetchOutcome::WasThere { bytes });
        }
        let job = self.send_once(&DescribeExportJobResult::new(job), start).await?.response;
        let (ExportStatus::Success, Some(url)) = (&job.status, job.download_url) else {
            let message = format!("the job has no file: its status is \"{}\"", job.status);
            return Err(StepError::failed(message, job.status != ExportStatus::Failure));
        };
        let download = self.download(Source::new(url).with_policy(policy), target);
        let download = download.map_err(|e| StepError::failed(with_causes(&e), false))?;
        Ok(FetchOutcome::Downloaded(download.outcome().await?))
    }

    /// Sends any action at a granted start, for example to list the jobs.
    ///
    /// # Errors
    ///
    /// [`StepError::Late`]; [`StepError::Failed`] as for [`send`](Self::send).
    pub async fn send_once<A: Action>(
        &self,
        action: &A,
        start: Option<Start>,
    ) -> Result<Answer<A::Response>, StepError> {
        let prepared = self.session().prepare(action).map_err(SendError::Build)?;
        let begun = self.begin(A::NAME, start, false).await.map_err(SendError::Credentials)?;
        let (started, credentials) = begun.ok_or(StepError::Late)?;
        let trace = Trace::exchange(A::NAME);
        let answer = trace.sent::<A>(self.send_now::<A>(&prepared, started, &credentials).await);
        if answer.as_ref().is_err_and(|error| advice(error) == Some(Advice::RefreshCredentials)) {
            // For the next step. If it fails, that step tries again.
            let _ = self.credentials(true, None).await;
        }
        Ok(answer?)
    }

    /// Waits for the start, and for credentials. `None` if the start has passed.
    async fn begin(
        &self,
        action: &'static str,
        start: Option<Start>,
        fresh: bool,
    ) -> Result<Option<(Now, Credentials)>, TransportError> {
        let Some(Start { at, until }) = start else {
            return self.turn(action, fresh).await.map(Some);
        };
        // As for a turn in the budget, a long wait does not make the credentials stale.
        self.sleep_until(Wall::from_unix_millis(at.unix_millis().saturating_sub(1_000))).await;
        if self.now().wall > until {
            return Ok(None);
        }
        let credentials = self.credentials(fresh, None).await?;
        self.sleep_until(at).await;
        let now = self.now();
        Ok((now.wall <= until).then_some((now, credentials)))
    }

    async fn sleep_until(&self, moment: Wall) {
        loop {
            let left = moment.saturating_since(self.now().wall);
            if left.is_zero() {
                return;
            }
            self.sleep(left).await;
        }
    }
}

impl StepError {
    /// Returns whether the same step may succeed later.
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Late => true,
            Self::Failed { is_transient, .. } => *is_transient,
        }
    }

    /// Returns whether this run of the step may have had an effect at the service. An earlier run
    /// that was killed may have had one, too.
    pub const fn may_have_arrived(&self) -> bool {
        matches!(self, Self::Failed { may_have_arrived: true, .. })
    }

    /// Returns a failure without an answer of the service.
    const fn failed(message: String, is_transient: bool) -> Self {
        let (code, request_id) = (None, None);
        Self::Failed { message, code, request_id, is_transient, may_have_arrived: false }
    }
}

impl From<SendError> for StepError {
    fn from(error: SendError) -> Self {
        let fault = error.fault();
        let fault = fault.as_ref();
        Self::Failed {
            message: with_causes(&error),
            code: fault.and_then(Fault::code).cloned(),
            request_id: fault.and_then(Fault::request_id).map(Into::into),
            // The next request has a corrected clock, or refreshed credentials.
            is_transient: advice(&error).is_some_and(|advice| advice != Advice::Stop),
            may_have_arrived: error.may_have_arrived(),
        }
    }
}

impl From<DownloadError> for StepError {
    fn from(error: DownloadError) -> Self {
        let found = error.download_error();
        let is_over_next_time = match &error {
            // Another worker has completed the file.
            DownloadError::File(file) => file.kind() == FileErrorKind::Exists,
            // The next step gets a new URL.
            _ => found.is_some_and(|found| matches!(found.kind, ErrorKind::Expired { .. })),
        };
        Self::Failed {
            message: with_causes(&error),
            code: None,
            request_id: found.and_then(download::Error::request_id).map(Into::into),
            is_transient: is_over_next_time || error.is_transient(),
            may_have_arrived: false,
        }
    }
}

fn advice(error: &SendError) -> Option<Advice> {
    error.fault().map(|fault| fault.advice())
}

impl fmt::Display for StepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Late => "the start of the step has passed, and nothing was sent",
            Self::Failed { message, .. } => message,
        })
    }
}

impl Error for StepError {}
