use std::collections::BTreeMap;

use serde_json::Value;

use super::actions::{Creation, ListedJob, Listing, Report, list};
use crate::script::{Script, Step};

/// Where every job is in its script, and which ones were created here.
pub(super) struct Jobs {
    script: Script,
    /// Scripts of single jobs, by their id.
    scripts: BTreeMap<String, Script>,
    places: BTreeMap<String, usize>,
    created: Vec<Created>,
}

struct Created {
    job_id: String,
    asset_type: String,
    at: i64,
}

impl Jobs {
    pub(super) const fn new(script: Script, scripts: BTreeMap<String, Script>) -> Self {
        Self { script, scripts, places: BTreeMap::new(), created: Vec::new() }
    }

    /// Makes a job and returns its id, made up and another one each time.
    pub(super) fn create(&mut self, creation: Creation, now: i64) -> String {
        let job_id = format!("00000000-7e57-4000-8000-{:012}", self.created.len() + 1);
        let asset_type = creation.asset_type;
        self.created.push(Created { job_id: job_id.clone(), asset_type, at: now });
        job_id
    }

    /// Moves a job past the skews it stands on and returns the last of them.
    pub(super) fn pass_skews(&mut self, job: &str) -> Option<i64> {
        let mut place = self.place(job);
        let mut skew = None;
        while let Step::Skew(seconds) = self.script_of(job).step(place) {
            skew = Some(*seconds);
            place += 1;
        }
        self.places.insert(job.to_owned(), place);
        skew
    }

    /// Returns the step that a job stands on and moves it on; on the last one it stays.
    pub(super) fn next_step(&mut self, job: &str) -> Step {
        let place = self.place(job);
        let script = self.script_of(job);
        let step = script.step(place).clone();
        if place + 1 < script.steps().len() {
            self.places.insert(job.to_owned(), place + 1);
        }
        step
    }

    /// Returns the last status up to the step that a job stands on.
    pub(super) fn standing(&self, job: &str) -> Option<&Step> {
        let steps = self.script_of(job).steps();
        let reached = steps.get(..=self.place(job)).unwrap_or(steps);
        reached.iter().rev().find(|step| Report::of(step).is_some())
    }

    /// Returns the members of an answer about the jobs that were created here.
    pub(super) fn list(&self, listing: &Listing) -> Value {
        let jobs: Vec<_> = self.created.iter().map(|job| self.listed(job)).collect();
        list(listing, &jobs)
    }

    fn listed<'a>(&'a self, job: &'a Created) -> ListedJob<'a> {
        let reached = self.standing(&job.job_id).and_then(Report::of);
        let report = reached.unwrap_or_else(|| Report::new("RUNNING", 0.0));
        ListedJob {
            job_id: &job.job_id,
            asset_type: &job.asset_type,
            status: report.status,
            progress: report.progress.unwrap_or_default(),
            message: report.message.unwrap_or_default(),
            created: job.at,
        }
    }

    fn script_of(&self, job: &str) -> &Script {
        self.scripts.get(job).unwrap_or(&self.script)
    }

    fn place(&self, job: &str) -> usize {
        self.places.get(job).copied().unwrap_or_default()
    }
}
