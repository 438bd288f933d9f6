//! The position of every job in its script, and the jobs created here.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::actions::Listing;
use super::answer::status_of;
use crate::clock::date_time;
use crate::script::Step;

/// How long a list of jobs says that a job is available, in seconds.
const AVAILABLE: i64 = 24 * 60 * 60;

/// The steps of every job and its position in them; the last step repeats.
pub(crate) struct Positions<S> {
    /// The steps of every job without its own.
    steps: Vec<S>,
    own_steps: BTreeMap<String, Vec<S>>,
    positions: BTreeMap<String, usize>,
}

impl<S: Clone> Positions<S> {
    pub(crate) const fn new(steps: Vec<S>, own_steps: BTreeMap<String, Vec<S>>) -> Self {
        Self { steps, own_steps, positions: BTreeMap::new() }
    }

    /// Sets the steps of one job.
    #[cfg(feature = "scripted")]
    pub(crate) fn set(&mut self, job: String, steps: Vec<S>) {
        self.own_steps.insert(job, steps);
    }

    /// Moves a job past the clock skews at its position and returns the last of them.
    pub(crate) fn pass_skews(
        &mut self,
        job: &str,
        skew_of: impl Fn(&S) -> Option<i64>,
    ) -> Option<i64> {
        let mut position = self.position(job);
        let mut skew = None;
        while let Some(seconds) = self.steps_of(job).get(position).and_then(&skew_of) {
            skew = Some(seconds);
            position += 1;
        }
        self.positions.insert(job.to_owned(), position);
        skew
    }

    /// Returns the step at a job's position and moves the job on; `None` if it has no steps.
    pub(crate) fn next(&mut self, job: &str) -> Option<S> {
        let position = self.position(job);
        let steps = self.steps_of(job);
        let step = steps.get(position).or_else(|| steps.last()).cloned();
        self.positions.insert(job.to_owned(), position + 1);
        step
    }

    /// Moves a job on if its next step is one of these.
    fn pass(&mut self, job: &str, is_passed: impl Fn(&S) -> bool) {
        let position = self.position(job);
        if self.steps_of(job).get(position).is_some_and(is_passed) {
            self.positions.insert(job.to_owned(), position + 1);
        }
    }

    /// Returns the steps up to a job's position.
    fn reached(&self, job: &str) -> &[S] {
        let steps = self.steps_of(job);
        steps.get(..=self.position(job)).unwrap_or(steps)
    }

    fn steps_of(&self, job: &str) -> &[S] {
        self.own_steps.get(job).unwrap_or(&self.steps)
    }

    fn position(&self, job: &str) -> usize {
        self.positions.get(job).copied().unwrap_or_default()
    }
}

/// All jobs of the service.
pub(super) struct Jobs {
    pub(super) positions: Positions<Step>,
    created: Vec<Created>,
}

struct Created {
    job_id: String,
    asset_type: String,
    at: i64,
}

impl Jobs {
    pub(super) const fn new(positions: Positions<Step>) -> Self {
        Self { positions, created: Vec::new() }
    }

    /// Makes a job and returns its id, which is made up and different for each job.
    pub(super) fn create(&mut self, asset_type: String, now: i64) -> String {
        let job_id = format!("00000000-7e57-4000-8000-{:012}", self.created.len() + 1);
        self.created.push(Created { job_id: job_id.clone(), asset_type, at: now });
        job_id
    }

    /// Returns the last step with a status up to a job's position.
    pub(super) fn last_status(&self, job: &str) -> Option<&Step> {
        self.positions.reached(job).iter().rev().find(|step| status_of(step).is_some())
    }

    /// Returns the members of an answer about the jobs created here. Moves the running jobs of the
    /// page, as polls of them would.
    pub(super) fn list(&mut self, listing: &Listing) -> Value {
        let jobs = self.created.iter().map(|job| self.info(job));
        let mut jobs: Vec<_> = jobs.filter(|info| listing.includes(info)).collect();
        if !listing.is_oldest_first {
            jobs.reverse();
        }
        let count = jobs.len();
        let page: Vec<_> = jobs.into_iter().skip(listing.offset).take(listing.limit).collect();
        for job in page.iter().filter_map(|info| info["JobID"].as_str()) {
            self.positions.pass(job, |step| matches!(step, Step::Running(_)));
        }
        json!({ "TotalCount": count, "List": page })
    }

    fn info(&self, job: &Created) -> Value {
        let last = self.last_status(&job.job_id).unwrap_or(&Step::Running(None));
        let status = status_of(last).unwrap_or_default();
        json!({
            "JobID": job.job_id,
            "JobName": format!("made-up export {}", job.job_id),
            "Source": job.asset_type,
            "ExportStatus": status["ExportStatus"],
            // A whole number, unlike in DescribeExportJobResult.
            "ExportProgress": status["ExportProgress"].as_f64().unwrap_or_default() as i64,
            "FailureMsg": status["FailureMsg"].as_str().unwrap_or_default(),
            "Timeout": date_time(job.at.saturating_add(AVAILABLE)),
            "InsertTime": date_time(job.at),
        })
    }
}
