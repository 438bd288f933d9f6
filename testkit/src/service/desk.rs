use std::io;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::actions::{Call, created, download_url, named_job, noted_job};
use super::answer::{Answer, Context, good, play, refuse};
use super::arrived::Arrived;
use super::builder::{Builder, Watcher};
use super::download::Storage;
use super::fault::Fault;
use super::jobs::Jobs;
use super::judge::Rules;
use super::seen::{Seen, SeenAnswer, SeenDownload};
use crate::clock::Clock;
use crate::script::Step;

/// Decides what every request is answered, and remembers it.
pub(super) struct Desk {
    rules: Rules,
    clock: Clock,
    watcher: Option<Watcher>,
    started: Instant,
    state: Mutex<State>,
}

struct State {
    jobs: Jobs,
    storage: Option<Storage>,
    /// How far the service's clock is ahead of [`Desk::clock`], in seconds.
    skew: i64,
    seen: Vec<Seen>,
}

impl Desk {
    pub(super) fn new(settings: Builder, addr: SocketAddr) -> io::Result<Self> {
        let (faults, base) = (settings.download_faults, format!("http://{addr}"));
        let storage = settings.file.map(|file| Storage::new(file, faults, base)).transpose()?;
        Ok(Self {
            rules: Rules { keys: settings.keys, token: settings.token },
            clock: settings.clock,
            watcher: settings.watcher,
            started: Instant::now(),
            state: Mutex::new(State {
                jobs: Jobs::new(settings.script, settings.jobs),
                storage,
                skew: 0,
                seen: Vec::new(),
            }),
        })
    }

    pub(super) fn answer(&self, arrived: &Arrived) -> Answer {
        let real_now = self.clock.now();
        let mut state = self.state();
        if let Some(skew) = named_job(&arrived.body).and_then(|job| state.jobs.pass_skews(&job)) {
            state.skew = skew;
        }
        let now = real_now.saturating_add(state.skew);
        let context = Context { now, number: state.seen.len() };
        let (download, (answer, told)) = match &mut state.storage {
            Some(storage) if arrived.path != "/" => {
                (Some(asked(arrived)), storage.answer(arrived, &context))
            }
            _ => (None, self.call(&mut state, arrived, &context)),
        };
        let seen = self.note(arrived, download, told);
        state.seen.push(seen.clone());
        drop(state);
        self.tell(&seen);
        answer
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.state().seen.clone()
    }

    /// Returns a URL that nobody had before, if there is a file.
    pub(super) fn file_url(&self) -> Option<String> {
        let real_now = self.clock.now();
        let mut state = self.state();
        let now = real_now.saturating_add(state.skew);
        Some(state.storage.as_mut()?.hand_out(now))
    }

    pub(super) fn set_file_base(&self, base: String) {
        if let Some(storage) = &mut self.state().storage {
            storage.set_base(base);
        }
    }

    pub(super) fn file_crc64(&self) -> Option<u64> {
        self.state().storage.as_ref().map(Storage::crc64)
    }

    fn call(
        &self,
        state: &mut State,
        arrived: &Arrived,
        context: &Context,
    ) -> (Answer, SeenAnswer) {
        let call = self.rules.judge(arrived, context.now);
        call.and_then(|call| state.play(call, context)).unwrap_or_else(|fault| {
            let told = SeenAnswer::Refused { code: fault.code.to_owned() };
            (refuse(fault.code, &fault.message, context), told)
        })
    }

    fn note(&self, arrived: &Arrived, download: Option<SeenDownload>, answer: SeenAnswer) -> Seen {
        Seen {
            at: self.started.elapsed(),
            method: arrived.method.clone(),
            action: arrived.header("x-tc-action").map(str::to_owned),
            job_id: noted_job(&arrived.body),
            timestamp: arrived.header("x-tc-timestamp").map(str::to_owned),
            download,
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
    fn play(&mut self, call: Call, context: &Context) -> Result<(Answer, SeenAnswer), Fault> {
        Ok(match call {
            Call::Result(job) => {
                let step = self.jobs.next_step(&job);
                let answer = match (&step, &mut self.storage) {
                    (Step::Success(None), Some(storage)) => {
                        play(&Step::Success(Some(storage.hand_out(context.now))), context)
                    }
                    _ => play(&step, context),
                };
                (answer, SeenAnswer::Played(step))
            }
            Call::Create(creation) => {
                let job_id = self.jobs.create(creation, context.now);
                (good(created(&job_id), context), SeenAnswer::Created { job_id })
            }
            Call::List(listing) => (good(self.jobs.list(&listing), context), SeenAnswer::Listed),
            Call::DownloadUrl(job) => {
                let url = self.url_of(&job, context.now)?;
                (good(download_url(&url), context), SeenAnswer::GivenUrl)
            }
        })
    }

    fn url_of(&mut self, job: &str, now: i64) -> Result<String, Fault> {
        match (self.jobs.standing(job), &mut self.storage) {
            (Some(Step::Success(Some(url))), _) => Ok(url.clone()),
            (Some(Step::Success(None)), Some(storage)) => Ok(storage.hand_out(now)),
            (Some(Step::Success(None)), None) => Ok(Step::EXAMPLE_URL.to_owned()),
            _ => Err(Fault::new("InvalidParameter", "expected a job that has ended well")),
        }
    }
}

fn asked(arrived: &Arrived) -> SeenDownload {
    SeenDownload { target: arrived.target.clone(), headers: arrived.headers.clone() }
}
