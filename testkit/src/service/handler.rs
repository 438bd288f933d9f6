//! Chooses the answer to every request and records both.

use std::sync::Mutex;
use std::time::{Duration, Instant};
use std::vec;

use serde_json::{Value, json};

use super::actions::{Call, member, owner};
use super::answer::{Answer, Context, play, refuse, succeed};
use super::jobs::Jobs;
use super::parameters::ApiError;
use super::request::{Received, Rules};
use super::seen::{Seen, SeenAnswer, SeenDownload};
use super::starts::{self, Starts, THROTTLED};
use super::storage::Storage;
use crate::clock::Clock;
use crate::create_faults::CreateFault;
use crate::lock;
use crate::script::Step;

/// A function that sees every request.
pub(super) type Watcher = Box<dyn Fn(&Seen) + Send + Sync>;

pub(super) struct Handler {
    pub(super) rules: Rules,
    pub(super) clock: Clock,
    pub(super) watcher: Option<Watcher>,
    pub(super) started: Instant,
    /// The number of calls of one action with one key that are accepted in any second.
    pub(super) limit: Option<u64>,
    pub(super) state: Mutex<State>,
}

pub(super) struct State {
    pub(super) jobs: Jobs,
    pub(super) create_faults: vec::IntoIter<CreateFault>,
    pub(super) storage: Option<Storage>,
    /// How far the service's clock is ahead of [`Handler::clock`], in seconds.
    pub(super) skew: i64,
    pub(super) seen: Vec<Seen>,
}

impl Handler {
    pub(super) fn answer(&self, received: &Received) -> Answer {
        let real_now = self.clock.now();
        let mut state = lock(&self.state);
        let at = self.started.elapsed();
        let job = member(&received.parameters(), "JobId");
        let skew = job.and_then(|job| state.jobs.positions.pass_skews(&job, Step::skew));
        state.skew = skew.unwrap_or(state.skew);
        let context =
            Context { now: real_now.saturating_add(state.skew), number: state.seen.len() };
        let (download, (answer, record)) = match &mut state.storage {
            Some(storage) if received.path() != "/" => {
                let seen = SeenDownload { target: received.target(), headers: received.headers() };
                (Some(seen), storage.answer(received, &context))
            }
            _ => {
                let call = self.rules.check(received, context.now);
                let call = call
                    .and_then(|call| self.check_limit(received, &state.seen, at).map(|()| call));
                let added = |action: &str| self.rules.answer(action, received);
                let answer = call.and_then(|call| state.answer(call, added, &context));
                (None, answer.unwrap_or_else(|error| refused(error, &context)))
            }
        };
        let seen = seen_of(at, received, download, record);
        state.seen.push(seen.clone());
        drop(state);
        if let Some(watcher) = &self.watcher {
            watcher(&seen);
        }
        answer
    }

    fn check_limit(
        &self,
        received: &Received,
        seen: &[Seen],
        now: Duration,
    ) -> Result<(), ApiError> {
        let Some(limit) = self.limit else { return Ok(()) };
        let (action, secret_id) = (received.header("x-tc-action"), received.secret_id());
        let accepted = starts::accepted(seen, action.as_deref(), secret_id.as_deref(), now);
        if accepted < limit {
            return Ok(());
        }
        Err(ApiError::new(THROTTLED, format!("expected at most {limit} requests in any second")))
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        lock(&self.state).seen.clone()
    }

    pub(super) fn starts(&self) -> Vec<Starts> {
        starts::count(&lock(&self.state).seen)
    }

    /// Calls `function` with the storage and the service's time, if a file is served.
    pub(super) fn with_storage<T>(
        &self,
        function: impl FnOnce(&mut Storage, i64) -> T,
    ) -> Option<T> {
        let real_now = self.clock.now();
        let mut state = lock(&self.state);
        let now = real_now.saturating_add(state.skew);
        state.storage.as_mut().map(|storage| function(storage, now))
    }
}

fn seen_of(
    at: Duration,
    received: &Received,
    download: Option<SeenDownload>,
    answer: SeenAnswer,
) -> Seen {
    let parameters = received.parameters();
    Seen {
        at,
        method: received.method().to_owned(),
        action: received.header("x-tc-action"),
        secret_id: received.secret_id(),
        job_id: member(&parameters, "JobId").or_else(|| member(&parameters, "JobID")),
        timestamp: received.header("x-tc-timestamp"),
        download,
        answer,
    }
}

fn refused(error: ApiError, context: &Context) -> (Answer, SeenAnswer) {
    let record = SeenAnswer::Refused { code: error.code.to_owned() };
    (refuse(error.code, &error.message, context), record)
}

impl State {
    /// Answers a call; `added` returns the members of the answer to an added action.
    fn answer(
        &mut self,
        call: Call,
        added: impl FnOnce(&str) -> Value,
        context: &Context,
    ) -> Result<(Answer, SeenAnswer), ApiError> {
        let (members, record) = match call {
            Call::Added(action) => (added(&action), SeenAnswer::Added),
            Call::Result(job) => return Ok(self.next_step(&job, context)),
            Call::Create { asset_type } => return Ok(self.create(asset_type, context)),
            Call::Owner => (owner(), SeenAnswer::GivenOwner),
            Call::List(listing) => (self.jobs.list(&listing), SeenAnswer::Listed),
            Call::DownloadUrl(job) => {
                let url = self.url_of(&job, context.now)?;
                (json!({ "DownloadURL": url }), SeenAnswer::GivenUrl)
            }
        };
        Ok((succeed(members, context), record))
    }

    fn create(&mut self, asset_type: String, context: &Context) -> (Answer, SeenAnswer) {
        let fault = self.create_faults.next().unwrap_or(CreateFault::Ok);
        let make = || self.jobs.create(asset_type, context.now);
        let (answer, job_id) = match &fault {
            CreateFault::Ok => {
                let job_id = make();
                let answer = succeed(json!({ "JobId": job_id }), context);
                return (answer, SeenAnswer::Created { job_id });
            }
            CreateFault::Lost => (Answer::Close, Some(make())),
            CreateFault::Hang => (Answer::Hang, Some(make())),
            CreateFault::Drop => (Answer::Close, None),
            CreateFault::Error(code) => (refuse(code, "requested by a fault", context), None),
        };
        (answer, SeenAnswer::CreateFault { fault, job_id })
    }

    fn next_step(&mut self, job: &str, context: &Context) -> (Answer, SeenAnswer) {
        // A script is never empty.
        let step = self.jobs.positions.next(job).unwrap_or(Step::Empty);
        let answer = match (&step, &mut self.storage) {
            (Step::Success(None), Some(storage)) => {
                play(&Step::Success(Some(storage.urls.create(context.now))), context)
            }
            _ => play(&step, context),
        };
        (answer, SeenAnswer::Played(step))
    }

    fn url_of(&mut self, job: &str, now: i64) -> Result<String, ApiError> {
        match (self.jobs.last_status(job), &mut self.storage) {
            (Some(Step::Success(Some(url))), _) => Ok(url.clone()),
            (Some(Step::Success(None)), Some(storage)) => Ok(storage.urls.create(now)),
            (Some(Step::Success(None)), None) => Ok(Step::EXAMPLE_URL.to_owned()),
            _ => Err(ApiError::invalid("expected a job that has succeeded")),
        }
    }
}
