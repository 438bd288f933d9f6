//! Exports on Restate: a workflow for each export, and two objects for each account.
//!
//! `restate PORT` serves them to the engine on 127.0.0.1.
//!
//! What a handler awaits is in the engine's journal. If its worker dies, another one runs the
//! handler again and gets the journaled results, up to the first missing one. So a handler decides
//! by journaled results only.

use std::{
    env,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use restate_sdk::prelude::*;
use serde::{Deserialize, Serialize};
use tcss_export::{
    JobId, Target,
    actions::CreateExportComplianceStatusListJob,
    download,
    driver::{Wall, clock},
    hyper::Client,
    steps::{FetchOutcome, PollOutcome, Start, StepError, WaitState},
};
use tcss_export_fleet::{Order, SPACING, Settings, newest_jobs};

/// How often a step may fail.
const MAX_FAILURES: u32 = 8;
const PAUSE: Duration = Duration::from_secs(1);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let settings = Arc::new(Settings::from_env()?);
    let port: u16 = env::args().nth(1).context("expected a port")?.parse()?;
    let endpoint = Endpoint::builder()
        .bind(Export(Arc::clone(&settings)))
        .bind(Starts)
        .bind(Jobs(settings))
        .build();
    HttpServer::new(endpoint).listen_and_serve(([127, 0, 0, 1], port).into()).await;
    Ok(())
}

/// One export, from its order to its file. Its key is the name of the file.
struct Export(Arc<Settings>);

/// What was exported.
#[derive(Debug, Serialize, Deserialize)]
struct Exported {
    job: JobId,
    file: FetchOutcome,
}

#[workflow]
impl Export {
    #[handler]
    async fn run(
        &self,
        ctx: WorkflowContext<'_>,
        order: Json<Order>,
    ) -> HandlerResult<Json<Exported>> {
        let Order { account, export } = order.into_inner();
        let client = self.0.client(&account).map_err(terminal)?;
        let target = self.0.target(ctx.key()).map_err(terminal)?;
        let job = ctx.object_client::<JobsClient>(&account).create(Json(export)).call().await?;
        let job = job.into_inner();
        follow(&ctx, &account, &client, job.clone()).await?;
        let file = fetch(&ctx, &account, &client, &job, target).await?;
        Ok(Json(Exported { job, file }))
    }
}

/// Polls a job until its file is ready.
async fn follow(
    ctx: &WorkflowContext<'_>,
    account: &str,
    client: &Client,
    job: JobId,
) -> HandlerResult<()> {
    let mut wait = WaitState::New(job);
    loop {
        let start = next_start(ctx, account).await?;
        let (client, state) = (client.clone(), wait.clone());
        let poll = || async move { Ok(Json(client.poll_once(state, Some(start)).await)) };
        match ctx.run(poll).name("poll").await?.into_inner() {
            Ok(PollOutcome::Again(saved)) => {
                ctx.sleep(saved.due_in()).await?;
                wait = saved.into();
            }
            Ok(PollOutcome::Ready(_)) => return Ok(()),
            Ok(failed) => return Err(terminal(format!("{failed:?}"))),
            Err(StepError::Late) => {}
            Err(error) => return Err(terminal(error)),
        }
    }
}

/// Downloads the file of a job.
async fn fetch(
    ctx: &WorkflowContext<'_>,
    account: &str,
    client: &Client,
    job: &JobId,
    target: Target,
) -> HandlerResult<FetchOutcome> {
    let mut failures = 0;
    loop {
        let start = next_start(ctx, account).await?;
        let (client, job, target) = (client.clone(), job.clone(), target.clone());
        let fetch = || async move {
            let policy = download::Policy::default();
            Ok(Json(client.fetch_once(job, target, policy, Some(start)).await))
        };
        match ctx.run(fetch).name("fetch").await?.into_inner() {
            Ok(file) => return Ok(file),
            Err(StepError::Late) => {}
            Err(error) if error.is_transient() && failures < MAX_FAILURES => {
                failures += 1;
                ctx.sleep(PAUSE).await?;
            }
            Err(error) => return Err(terminal(error)),
        }
    }
}

/// Takes a start of the account. A long queue is waited for in the engine, not in the worker.
async fn next_start(ctx: &WorkflowContext<'_>, account: &str) -> HandlerResult<Start> {
    let grant = ctx.object_client::<StartsClient>(account).next().call().await?.into_inner();
    if grant.pause > 2 * PAUSE {
        ctx.sleep(grant.pause - PAUSE).await?;
    }
    Ok(grant.start)
}

/// Paces the requests of an account, which is its key.
struct Starts;

/// A start, and how far off it was when it was granted.
#[derive(Serialize, Deserialize)]
struct Grant {
    start: Start,
    pause: Duration,
}

/// The time that a grant takes to its worker, through the journal.
const LEAD: Duration = Duration::from_millis(100);

#[object]
impl Starts {
    /// Grants the next start.
    #[handler]
    async fn next(&self, ctx: ObjectContext<'_>) -> HandlerResult<Json<Grant>> {
        let now = ctx.run(|| async { Ok(Json(clock::now().wall)) }).name("now").await?.into_inner();
        let next = ctx.get::<Json<Wall>>("next").await?.map(Json::into_inner).unwrap_or_default();
        let at = next.max(now.saturating_add(LEAD));
        ctx.set("next", Json(at.saturating_add(SPACING)));
        Ok(Json(Grant { start: Start::new(at), pause: at.saturating_since(now) }))
    }
}

/// Creates the jobs of an account, which is its key, one after another.
struct Jobs(Arc<Settings>);

#[object]
impl Jobs {
    /// Creates a job, and never a second one for the same order.
    #[handler]
    async fn create(
        &self,
        ctx: ObjectContext<'_>,
        order: Json<CreateExportComplianceStatusListJob>,
    ) -> HandlerResult<Json<JobId>> {
        let client = self.0.client(ctx.key()).map_err(terminal)?;
        let order = order.into_inner();
        let known = ctx.get::<Json<Vec<JobId>>>("known").await?.map(Json::into_inner);
        match self.settle(&ctx, client, order, known).await {
            Ok((job, mut known)) => {
                known.drain(..known.len().saturating_sub(KNOWN_JOBS));
                ctx.set("known", Json(known));
                Ok(Json(job))
            }
            Err(error) => {
                // The next create lists the jobs first. A lost one then counts as older.
                ctx.clear("known");
                Err(error)
            }
        }
    }
}

/// How many jobs are remembered: more than a list shows.
const KNOWN_JOBS: usize = 200;

impl Jobs {
    /// Creates a job, or finds that of a create whose answer was lost. Returns it with all known
    /// jobs.
    async fn settle(
        &self,
        ctx: &ObjectContext<'_>,
        client: Client,
        order: CreateExportComplianceStatusListJob,
        mut known: Option<Vec<JobId>>,
    ) -> HandlerResult<(JobId, Vec<JobId>)> {
        let mut must_list = known.is_none();
        for _ in 0..MAX_FAILURES {
            if must_list {
                let listed = list(ctx, &client).await?;
                if let Some(known) = &known {
                    let unknown = listed.iter().filter(|job| !known.contains(job)).cloned();
                    if let Some(job) = self.0.lost_job(unknown.collect()).map_err(terminal)? {
                        return Ok((job, listed));
                    }
                }
                known = Some(listed);
            }
            match create_once(ctx, client.clone(), order.clone()).await? {
                Ok(job) => {
                    let known = known.into_iter().flatten().chain([job.clone()]);
                    return Ok((job, known.collect()));
                }
                Err(StepError::Late) => must_list = true,
                Err(error) if !error.is_transient() && !error.may_have_arrived() => {
                    return Err(terminal(error));
                }
                Err(error) => {
                    must_list = error.may_have_arrived();
                    ctx.sleep(PAUSE).await?;
                }
            }
        }
        Err(terminal("the job could not be created"))
    }
}

/// Sends a create, but only from the attempt that has taken its start: a later attempt cannot know
/// whether an earlier one has sent it, and is late.
async fn create_once(
    ctx: &ObjectContext<'_>,
    client: Client,
    order: CreateExportComplianceStatusListJob,
) -> HandlerResult<Result<JobId, StepError>> {
    let grant = ctx.object_client::<StartsClient>(ctx.key()).next().call().await?.into_inner();
    let is_first = Arc::new(AtomicBool::new(false));
    let mark = Arc::clone(&is_first);
    // Not run by a later attempt, because its result is in the journal.
    let mark = || async move {
        mark.store(true, Ordering::Relaxed);
        Ok(())
    };
    ctx.run(mark).name("intend").await?;
    let create = || async move {
        Ok(Json(match is_first.load(Ordering::Relaxed) {
            true => client.create_once(&order, Some(grant.start)).await,
            false => Err(StepError::Late),
        }))
    };
    Ok(ctx.run(create).name("create").await?.into_inner())
}

async fn list(ctx: &ObjectContext<'_>, client: &Client) -> HandlerResult<Vec<JobId>> {
    for _ in 0..MAX_FAILURES {
        let grant = ctx.object_client::<StartsClient>(ctx.key()).next().call().await?.into_inner();
        let client = client.clone();
        let list = || async move { Ok(Json(newest_jobs(&client, grant.start).await)) };
        match ctx.run(list).name("list").await?.into_inner() {
            Ok(jobs) => return Ok(jobs),
            Err(error) if error.is_transient() => ctx.sleep(PAUSE).await?,
            Err(error) => return Err(terminal(error)),
        }
    }
    Err(terminal("the jobs could not be listed"))
}

/// Ends the handler: the engine does not repeat it.
fn terminal(error: impl ToString) -> HandlerError {
    TerminalError::new(error.to_string()).into()
}
