//! Exports on a PostgreSQL job queue: `queue migrate` creates the tables, `queue work` is a worker.
//!
//! Each step of an export is a job of the queue, which ends by adding the next one. Its key has the
//! number of the step, so that a step that runs again adds no second successor. The creates of an
//! account have one queue name: the queue runs them one after another.
//!
//! If a worker loses the database for some seconds, the queue takes it for dead and runs its jobs
//! again, while the first runs go on. So each run of a create has a number, and only the last one
//! gets a start.
//!
//! If it is not known whether a create has made a job, its step fails until somebody has set
//! `exports.job`, or has deleted the row to create anew. Other creates of the account wait.
//!
//! Add an export with SQL, `NAME` being the name of its file:
//!
//! ```sql
//! SELECT graphile_worker.add_job('export', '{"name": "NAME", "account": "A", "stage":
//!     {"Create": {"AssetType": "ASSET_HOST", "ExportAll": true}}}', queue_name => 'create A',
//!     job_key => 'NAME 0');
//! ```

use std::{env, mem, sync::Arc, time::Duration};

use anyhow::{Context, Result, bail};
use chrono::DateTime;
use graphile_worker::{
    IntoTaskHandlerResult, JobSpecBuilder, TaskHandler, WorkerContext, WorkerContextExt,
    WorkerOptions,
};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use tcss_export::{
    JobId,
    actions::CreateExportComplianceStatusListJob,
    download,
    driver::{Wall, clock},
    steps::{FetchOutcome, PollOutcome, Start, StepError, WaitState},
};
use tcss_export_fleet::{SPACING, Settings, newest_jobs, variable};

/// The exports; the pace of each account, and its jobs from before the first export here.
const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS exports (name text PRIMARY KEY, account text NOT NULL,
        run int NOT NULL, job text, bytes bigint, error text);
    CREATE UNIQUE INDEX IF NOT EXISTS one_create_at_a_time ON exports (account)
        WHERE job IS NULL AND error IS NULL;
    CREATE TABLE IF NOT EXISTS accounts (name text PRIMARY KEY, next_start timestamptz NOT NULL,
        older_jobs text[]);";

/// Grants a start by the database's clock, `$2` seconds before the next one, and returns the
/// seconds until it; nothing if a later run of the create has begun. The lock makes such a run
/// wait.
const START: &str = "
    WITH export AS (
        SELECT account FROM exports WHERE name = $1 AND run = coalesce($3, run) FOR SHARE)
    INSERT INTO accounts SELECT account, clock_timestamp() + $2 * interval '1 s' FROM export
    ON CONFLICT (name) DO UPDATE
        SET next_start = greatest(accounts.next_start, clock_timestamp()) + $2 * interval '1 s'
    RETURNING extract(epoch FROM next_start - clock_timestamp())::float8 - $2";

/// Begins a run of a create. Fails while it is unknown whether another export of the account has
/// a job.
const BEGIN_CREATE: &str = "
    INSERT INTO exports (name, account, run) VALUES ($1, $2, 1)
    ON CONFLICT (name) DO UPDATE SET run = exports.run + 1
    RETURNING run, job";

/// The jobs of an account before the first create, and those of its exports. Null before the first
/// list.
const KNOWN_JOBS: &str = "
    SELECT CASE WHEN older_jobs IS NOT NULL THEN older_jobs || ARRAY(
        SELECT job FROM exports WHERE account = $1 AND job IS NOT NULL) END
    FROM accounts WHERE name = $1";

#[tokio::main]
async fn main() -> Result<()> {
    let pool = PgPool::connect(&variable("DATABASE_URL")?).await?;
    let settings = Settings::from_env()?;
    let worker = WorkerOptions::default()
        .pg_pool(pool.clone())
        .concurrency(8)
        .poll_interval(Duration::from_millis(200))
        // A worker that was killed is noticed within some seconds.
        .heartbeat_interval(Duration::from_secs(1))
        .sweep_interval(Duration::from_secs(2))
        .sweep_threshold(Duration::from_secs(5))
        .recovery_delay(Duration::ZERO)
        .define_job::<Export>()
        .add_extension(Worker { pool: pool.clone(), settings: Arc::new(settings) })
        .init()
        .await?;
    if env::args().nth(1).as_deref() == Some("migrate") {
        sqlx::raw_sql(TABLES).execute(&pool).await?;
        return Ok(());
    }
    worker.run().await?;
    Ok(())
}

/// A step of an export.
#[derive(Clone, Serialize, Deserialize)]
struct Export {
    /// The name of its file.
    name: String,
    account: String,
    /// The number of the step.
    #[serde(default)]
    number: u32,
    stage: Stage,
}

#[derive(Clone, Serialize, Deserialize)]
enum Stage {
    Create(CreateExportComplianceStatusListJob),
    Poll(WaitState),
    Fetch(JobId),
}

impl TaskHandler for Export {
    const IDENTIFIER: &'static str = "export";

    async fn run(self, ctx: WorkerContext) -> impl IntoTaskHandlerResult {
        let worker = ctx.get_ext::<Worker>().expect("main adds it").clone();
        let Some((stage, due)) = worker.step(&self).await.map_err(|e| format!("{e:#}"))? else {
            return Ok(());
        };
        let number = self.number + 1;
        let mut spec = JobSpecBuilder::new().job_key(format!("{} {number}", self.name));
        if let Some(due) = due.and_then(|due| DateTime::from_timestamp_millis(due.unix_millis())) {
            spec = spec.run_at(due);
        }
        let next = Self { number, stage, ..self };
        ctx.add_job(next, spec.build()).await.map(drop).map_err(|error| error.to_string())
    }
}

/// The next step of an export, and when it is due if not at once. `None` after the last step.
type Next = Option<(Stage, Option<Wall>)>;

#[derive(Clone, Debug)]
struct Worker {
    pool: PgPool,
    settings: Arc<Settings>,
}

impl Worker {
    /// Runs a step. After an error the queue runs it again, later each time.
    async fn step(&self, export: &Export) -> Result<Next> {
        let result = match &export.stage {
            Stage::Create(order) => self.create(export, order).await,
            Stage::Poll(wait) => self.poll(export, wait).await,
            Stage::Fetch(job) => self.fetch(export, job).await,
        };
        match result {
            Err(error) if is_final(&error) => self.fail(export, &format!("{error:#}")).await,
            result => result,
        }
    }

    async fn create(
        &self,
        export: &Export,
        order: &CreateExportComplianceStatusListJob,
    ) -> Result<Next> {
        let client = self.settings.client(&export.account)?;
        let begin = sqlx::query_as(BEGIN_CREATE).bind(&export.name).bind(&export.account);
        let (run, job): (i32, Option<String>) = begin.fetch_one(&self.pool).await?;
        if let Some(job) = job {
            return Ok(poll(JobId::new(job)?));
        }
        let known = sqlx::query_scalar(KNOWN_JOBS).bind(&export.account);
        let known: Option<Vec<String>> = known.fetch_optional(&self.pool).await?.flatten();
        if known.is_none() || run > 1 {
            let list = |start| newest_jobs(&client, start);
            let mut jobs = self.in_time(export, Some(run), list).await?;
            match known {
                Some(known) => jobs.retain(|job| !known.iter().any(|id| id == job.as_str())),
                None => self.save_older_jobs(&export.account, mem::take(&mut jobs)).await?,
            }
            if let Some(job) = self.settings.lost_job(jobs)? {
                return self.save_job(export, job).await;
            }
        }
        let create = |start| client.create_once(order, Some(start));
        let job = self.in_time(export, Some(run), create).await?;
        self.save_job(export, job).await
    }

    async fn save_older_jobs(&self, account: &str, jobs: Vec<JobId>) -> Result<()> {
        let ids: Vec<_> = jobs.iter().map(JobId::as_str).collect();
        let update = sqlx::query("UPDATE accounts SET older_jobs = $2 WHERE name = $1");
        update.bind(account).bind(&ids).execute(&self.pool).await?;
        Ok(())
    }

    async fn save_job(&self, export: &Export, job: JobId) -> Result<Next> {
        let update = sqlx::query("UPDATE exports SET job = $2 WHERE name = $1");
        update.bind(&export.name).bind(job.as_str()).execute(&self.pool).await?;
        Ok(poll(job))
    }

    async fn poll(&self, export: &Export, wait: &WaitState) -> Result<Next> {
        let client = self.settings.client(&export.account)?;
        let poll = |start| client.poll_once(wait.clone(), Some(start));
        match self.in_time(export, None, poll).await? {
            PollOutcome::Again(saved) => {
                let due = saved.due_at();
                Ok(Some((Stage::Poll(saved.into()), Some(due))))
            }
            PollOutcome::Ready(_) => Ok(Some((Stage::Fetch(wait.job().clone()), None))),
            failed => self.fail(export, &format!("{failed:?}")).await,
        }
    }

    async fn fetch(&self, export: &Export, job: &JobId) -> Result<Next> {
        let client = self.settings.client(&export.account)?;
        let target = self.settings.target(&export.name)?;
        let fetch = |start| {
            let policy = download::Policy::default();
            client.fetch_once(job.clone(), target.clone(), policy, Some(start))
        };
        let bytes = match self.in_time(export, None, fetch).await? {
            FetchOutcome::Downloaded(file) => file.bytes,
            FetchOutcome::WasThere { bytes } => bytes,
            other => bail!("{other:?}"),
        };
        let update = sqlx::query("UPDATE exports SET bytes = $2 WHERE name = $1");
        update.bind(&export.name).bind(i64::try_from(bytes)?).execute(&self.pool).await?;
        Ok(None)
    }

    /// Ends an export without a file.
    async fn fail(&self, export: &Export, error: &str) -> Result<Next> {
        let update = sqlx::query("UPDATE exports SET error = $2 WHERE name = $1");
        update.bind(&export.name).bind(error).execute(&self.pool).await?;
        Ok(None)
    }

    /// Sends a request at the next start of its account that it does not miss.
    async fn in_time<T, F>(
        &self,
        export: &Export,
        run: Option<i32>,
        send: impl Fn(Start) -> F,
    ) -> Result<T>
    where
        F: Future<Output = Result<T, StepError>>,
    {
        loop {
            let spacing = SPACING.as_secs_f64();
            let start = sqlx::query_scalar(START).bind(&export.name).bind(spacing).bind(run);
            let seconds: Option<f64> = start.fetch_optional(&self.pool).await?;
            let delay = seconds.context("a later run of this create has begun")?.max(0.0);
            let at = clock::now().wall.saturating_add(Duration::from_secs_f64(delay));
            match send(Start::new(at)).await {
                Err(StepError::Late) => {}
                result => return Ok(result?),
            }
        }
    }
}

/// Returns whether the step would fail again, and certainly had no effect.
fn is_final(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<StepError>();
    error.is_some_and(|error| !error.is_transient() && !error.may_have_arrived())
}

fn poll(job: JobId) -> Next {
    Some((Stage::Poll(job.into()), None))
}
