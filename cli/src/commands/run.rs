//! The command `run`: create, wait and download in one, perhaps with a state in a file.

use std::path::Path;

use serde_json::Value;
use tcss_export::{
    JobId, Target,
    actions::{CreateExportComplianceStatusListJob as Order, DescribeExportJobManageListResponse},
    core::{Creation, text::printable},
    driver::{Worker, clock},
    hyper::Client,
};
use tokio::{select, time::sleep};

use super::{
    create::{NotCreated, created},
    download::{Downloader, check_resolver, with_job},
};
use crate::{
    args::{self, Common},
    client::{client, repeating, send, send_noting},
    error::{Error, ErrorKind, Result, hints},
    keys,
    output::{Ending, Output},
    signals::Signals,
    state::{Phase, State, StateFile, shares_file},
    text::with_sources,
};

pub(crate) async fn run(args: &args::Run, common: &Common, output: &Output) -> Result<Ending> {
    let order = args.export.action()?;
    if let Some(state) = &args.state {
        check_output(state, args.save.target().as_ref())?;
    }
    let client = client(common, output).await?;
    let state = args.state.as_deref().map(StateFile::open).transpose()?;
    if let Some(stored) = state.as_ref().and_then(StateFile::state) {
        check_is_same(stored, &order, &common.endpoint()?.to_string())?;
        if let (Phase::Done { result }, false) = (&stored.phase, args.again) {
            check_is_same_file(result, &args.save.name())?;
            output.result(result, || done_before(result))?;
            return Ok(Ending::Done);
        }
    }
    // Check the file, the threads and the addresses before a job exists.
    args.save.check()?;
    let mut signals = Signals::watch()?;
    let worker = Worker::start()
        .map_err(|error| Error::new(ErrorKind::Resource, with_sources(&error)).or_limit(&error))?;
    select! {
        checked = check_resolver(worker, common.endpoint()?, args.save.policy()) => checked?,
        signal = signals.first() => return Err(Error::stopped(signal, NOTHING_CREATED)),
    }
    // Without the limit of a short wait: a create that is cut short may leave an unknown job.
    let creating = client.clone().with_policy(repeating(Some(args.timing.timeout())));
    let mut run = Run { args, common, output, client: creating, signals, state };
    let job = run.job(&order).await?;
    let Run { signals, state, .. } = run;
    let client = client.with_policy(args.timing.policy());
    let mut downloader = Downloader { client, signals, save: &args.save, output, state };
    let (name, options) = args.continuing();
    with_job(&job, name, &options, downloader.wait_and_download(&job)).await
}

const NOTHING_CREATED: &str = "this run created no job";

/// Fails if the report would replace the state, or could not be repeated by a later run.
fn check_output(state: &Path, output: Option<&Target>) -> Result<()> {
    let (message, hint) = match output {
        None => ("with --state the output must be a file", "name a file, or leave out --state"),
        Some(output) if shares_file(state, output) => {
            ("-o and --state would write to the same file", "give --state another file")
        }
        Some(_) => return Ok(()),
    };
    Err(Error::new(ErrorKind::Usage, message).with_hint(hint))
}

/// Fails if the complete file has another name: success would promise a file that does not exist.
fn check_is_same_file(result: &Value, name: &str) -> Result<()> {
    let file = result["file"].as_str().unwrap_or_default();
    if file == name {
        return Ok(());
    }
    let (file, name) = (printable(file), printable(name));
    let message = format!("the last export is complete in {file}, not in {name}");
    Err(Error::new(ErrorKind::Usage, message).with_hint(hints::OTHER_FILE))
}

/// Fails if a state is of another export, site or account.
fn check_is_same(state: &State, order: &Order, site: &str) -> Result<()> {
    let json = |order: &Order| serde_json::to_string(order).unwrap_or_default();
    let id = |id: &Option<String>| id.clone().unwrap_or_default();
    let here = secret_id();
    let is_same_key = here.is_none() || state.secret_id.is_none() || here == state.secret_id;
    let (what, expected, found) = if state.creation.order() != order {
        ("export", json(state.creation.order()), json(order))
    } else if state.site != site {
        ("site", state.site.clone(), site.to_owned())
    } else if !is_same_key {
        ("key", id(&state.secret_id), id(&here))
    } else {
        return Ok(());
    };
    let message = format!("the state is of another {what}: {expected}; here it is {found}");
    Err(Error::new(ErrorKind::Usage, message).with_hint(hints::OTHER_STATE))
}

/// Returns the id of the key, unless it is temporary: then each run has another one.
fn secret_id() -> Option<String> {
    let found = keys::in_use().filter(|found| found.credentials.token().is_none());
    found.map(|found| found.credentials.secret_id().to_owned())
}

fn done_before(result: &Value) -> String {
    let file = result["file"].as_str().unwrap_or_default();
    format!("{}: complete since an earlier run\n", printable(file))
}

struct Run<'a> {
    args: &'a args::Run,
    common: &'a Common,
    output: &'a Output,
    client: Client,
    signals: Signals,
    state: Option<StateFile>,
}

impl Run<'_> {
    /// Returns the job of the state, or creates one.
    async fn job(&mut self, order: &Order) -> Result<JobId> {
        let stored = self.state.as_ref().and_then(StateFile::state);
        let phase = stored.map(|stored| &stored.phase);
        let is_adoptable = |job: &JobId| match phase {
            Some(Phase::Creating) => true,
            // An earlier run adopted it and was killed.
            Some(Phase::Waiting { job_id }) => job_id == job,
            _ => false,
        };
        if !self.args.adopt.as_ref().is_none_or(is_adoptable) {
            let message = "--adopt has no effect: no earlier run ended without its job";
            return Err(Error::new(ErrorKind::Usage, message).with_hint("leave out --adopt"));
        }
        let continued = match phase {
            _ if self.args.create_anew => None,
            Some(Phase::Waiting { job_id }) => Some(job_id.clone()),
            Some(Phase::Creating) => self.created_before().await?,
            _ => None,
        };
        let job = match continued {
            Some(job) => {
                self.output.progress(&format!("continuing with job {}", printable(job.as_str())));
                job
            }
            None => self.create(order).await?,
        };
        if let Some(state) = &mut self.state {
            let phase = Phase::Waiting { job_id: job.clone() };
            state.set_phase(phase).map_err(|error| error.with_job(&job))?;
        }
        Ok(job)
    }

    async fn create(&mut self, order: &Order) -> Result<JobId> {
        if self.state.is_some() {
            let creation = Creation::new(order.clone(), &self.list().await?, clock::now().wall);
            let site = self.common.endpoint()?.to_string();
            self.set(Some(State::new(site, secret_id(), creation)))?;
        }
        let Self { client, signals, common, output, state, .. } = self;
        let note = |pause| {
            if let Some(state) = state {
                state.repeat_at(clock::now().wall.saturating_add(pause));
            }
        };
        let sending = send_noting(client, order, output, note);
        match created(sending, signals, common).await {
            Ok(answer) => {
                let job = answer.response.job_id;
                output.progress(&format!("created job {}", printable(job.as_str())));
                Ok(job)
            }
            Err(NotCreated { error, is_uncertain: true }) if self.state.is_some() => {
                Err(error.with_hint(hints::AGAIN_WITH_STATE).with_command("", None))
            }
            Err(NotCreated { error, is_uncertain }) => {
                if !is_uncertain {
                    self.set(None)?;
                }
                Err(error)
            }
        }
    }

    fn set(&mut self, state: Option<State>) -> Result<()> {
        self.state.as_mut().map_or(Ok(()), |file| file.set(state))
    }

    /// Returns the job that a killed run has created, or `None` if it has created none.
    async fn created_before(&mut self) -> Result<Option<JobId>> {
        let mut has_waited = false;
        loop {
            // A job may be created after the list, while its answer is under way.
            let asked = clock::now().wall;
            let list = self.list().await?;
            let stored = self.state.as_ref().and_then(StateFile::state);
            let Some(creation) = stored.map(|stored| &stored.creation) else { return Ok(None) };
            let new = creation.new_jobs(&list);
            match (&*new, &self.args.adopt) {
                (new, Some(job)) if new.contains(job) => return Ok(Some(job.clone())),
                ([job], None) if self.args.adopt_single => return Ok(Some(job.clone())),
                ([], None) => {}
                _ => return Err(orphans(&new)),
            }
            let pause = creation.under_way(asked);
            // If the clock was set back, the pause would never get shorter.
            if pause.is_zero() || has_waited {
                return Ok(None);
            }
            let seconds = pause.as_secs() + 1;
            self.output.progress(&format!("an earlier create may be under way for {seconds} s"));
            select! {
                () = sleep(pause) => has_waited = true,
                signal = self.signals.first() => return Err(Error::stopped(signal, NOTHING_CREATED)),
            }
        }
    }

    async fn list(&mut self) -> Result<DescribeExportJobManageListResponse> {
        let list = Creation::list();
        select! {
            answer = send(&self.client, &list, self.output) => match answer {
                Ok(answer) if Creation::is_complete(&answer.response) => Ok(answer.response),
                Ok(answer) => Err(incomplete(answer.request_id.as_deref()).without_list()),
                Err(failure) => Err(Error::from(failure).without_list()),
            },
            signal = self.signals.first() => Err(Error::stopped(signal, NOTHING_CREATED)),
        }
    }
}

fn incomplete(request_id: Option<&str>) -> Error {
    Error::new(ErrorKind::Answer, "the list of jobs lacks jobs or ids").with_request_id(request_id)
}

/// Returns the error for jobs that a killed run, or somebody else, has created.
fn orphans(new: &[JobId]) -> Error {
    let ids: Vec<_> = new.iter().map(JobId::as_str).collect();
    let message = format!(
        "an earlier run ended before it received the id of its job; new jobs: {}",
        if ids.is_empty() { "none".to_owned() } else { ids.join(", ") }
    );
    Error::new(ErrorKind::Usage, message).with_hint(hints::ADOPT)
}
