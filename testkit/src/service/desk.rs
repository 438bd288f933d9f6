use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::actions;
use super::answer::{Answer, Context, play, refuse};
use super::arrived::Arrived;
use super::builder::{Builder, Watcher};
use super::judge::Rules;
use super::seen::{Seen, SeenAnswer};
use crate::clock::Clock;
use crate::script::{Script, Step};

/// Decides what every request is answered, and remembers it.
pub(super) struct Desk {
    rules: Rules,
    script: Script,
    jobs: BTreeMap<String, Script>,
    clock: Clock,
    watcher: Option<Watcher>,
    started: Instant,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The place of each job in its script.
    places: BTreeMap<String, usize>,
    /// How far the service's clock is ahead of [`Desk::clock`], in seconds.
    skew: i64,
    seen: Vec<Seen>,
}

impl Desk {
    pub(super) fn new(settings: Builder) -> Self {
        Self {
            rules: Rules { keys: settings.keys, token: settings.token },
            script: settings.script,
            jobs: settings.jobs,
            clock: settings.clock,
            watcher: settings.watcher,
            started: Instant::now(),
            state: Mutex::default(),
        }
    }

    pub(super) fn answer(&self, arrived: &Arrived) -> Answer {
        let real_now = self.clock.now();
        let mut state = self.state();
        let named_job = actions::named_job(&arrived.body);
        if let Some(job) = &named_job {
            state.pass_skews(job, self.script_of(job));
        }
        let now = real_now.saturating_add(state.skew);
        let context = Context { now, number: state.seen.len() };
        let (answer, told) = match self.rules.judge(arrived, now) {
            Ok(job) => {
                let step = state.next_step(&job, self.script_of(&job));
                (play(&step, &context), SeenAnswer::Played(step))
            }
            Err(fault) => {
                let told = SeenAnswer::Refused { code: fault.code.to_owned() };
                (refuse(fault.code, &fault.message, &context), told)
            }
        };
        let seen = self.note(arrived, named_job, told);
        state.seen.push(seen.clone());
        drop(state);
        self.tell(&seen);
        answer
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.state().seen.clone()
    }

    fn script_of(&self, job: &str) -> &Script {
        self.jobs.get(job).unwrap_or(&self.script)
    }

    fn note(&self, arrived: &Arrived, job_id: Option<String>, answer: SeenAnswer) -> Seen {
        Seen {
            at: self.started.elapsed(),
            method: arrived.method.clone(),
            action: arrived.header("x-tc-action").map(str::to_owned),
            job_id,
            timestamp: arrived.header("x-tc-timestamp").map(str::to_owned),
            answer,
        }
    }

    fn tell(&self, seen: &Seen) {
        if let Some(watcher) = &self.watcher {
            watcher(seen);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Whatever panicked, each field is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Moves a job past the skews it stands on and lets them take effect.
    ///
    /// This happens before the request is judged: whether it is in time is the new clock's to say.
    fn pass_skews(&mut self, job: &str, script: &Script) {
        let mut place = self.places.get(job).copied().unwrap_or_default();
        while let Step::Skew(seconds) = script.step(place) {
            self.skew = *seconds;
            place += 1;
        }
        self.places.insert(job.to_owned(), place);
    }

    fn next_step(&mut self, job: &str, script: &Script) -> Step {
        let place = self.places.entry(job.to_owned()).or_default();
        let step = script.step(*place).clone();
        if *place + 1 < script.steps().len() {
            *place += 1;
        }
        step
    }
}
