//! Shared by the engine and the queue: the accounts with their clients, and the folder for files.

use std::{collections::BTreeMap, env, path::PathBuf, time::Duration};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use tcss_export::{
    Endpoint, JobId, Session, Target,
    actions::CreateExportComplianceStatusListJob,
    core::Creation,
    credentials::{Chain, Source},
    hyper::Client,
    steps::{Start, StepError},
};

/// The time between two starts of an account. More than `RateBudget::SPACING`, because a request of
/// one worker may be delayed more than the later ones of others.
pub const SPACING: Duration = Duration::from_millis(57);

/// One export: of which account, and what.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Order {
    pub account: String,
    pub export: CreateExportComplianceStatusListJob,
}

/// The settings of a worker.
#[derive(Debug)]
pub struct Settings {
    clients: BTreeMap<String, Client>,
    folder: PathBuf,
    /// Whether a single unknown job is that of a lost answer: only if nobody else creates jobs.
    adopts: bool,
}

impl Settings {
    /// Reads `FLEET_ACCOUNTS` (`NAME=ENDPOINT` pairs, separated by commas), `FLEET_KEYS` (a folder
    /// with a credentials file `NAME` of the SDKs for each account), `FLEET_FOLDER` (where files
    /// go) and `FLEET_ADOPT_SINGLE`.
    pub fn from_env() -> Result<Self> {
        let keys = PathBuf::from(variable("FLEET_KEYS")?);
        let mut clients = BTreeMap::new();
        for pair in variable("FLEET_ACCOUNTS")?.split(',') {
            let (name, endpoint) = pair.split_once('=').context("expected NAME=ENDPOINT")?;
            let chain = Chain::default().with_sources([Source::File(Some(keys.join(name)))]);
            let session = Session::new(endpoint.parse::<Endpoint>()?);
            clients.insert(name.into(), Client::new(session, chain));
        }
        let folder = variable("FLEET_FOLDER")?.into();
        Ok(Self { clients, folder, adopts: env::var_os("FLEET_ADOPT_SINGLE").is_some() })
    }

    /// Returns the client of an account.
    pub fn client(&self, account: &str) -> Result<Client> {
        self.clients.get(account).cloned().with_context(|| format!("no account {account:?}"))
    }

    /// Returns where the file of an export goes: a new file, which no other export has.
    pub fn target(&self, name: &str) -> Result<Target> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if name.is_empty() || !name.bytes().all(is_plain) {
            bail!("{name:?} cannot be the name of a file");
        }
        Ok(Target::new(self.folder.join(name).with_extension("csv")))
    }

    /// Returns the job of a create whose answer was lost, if it made one.
    pub fn lost_job(&self, unknown: Vec<JobId>) -> Result<Option<JobId>> {
        match &unknown[..] {
            [] => Ok(None),
            [job] if self.adopts => Ok(Some(job.clone())),
            jobs => {
                let ids: Vec<_> = jobs.iter().map(JobId::as_str).collect();
                bail!("one of these jobs may be that of a lost answer: {}", ids.join(", "))
            }
        }
    }
}

/// Returns the newest jobs of an account, at most 100, the oldest of them first.
pub async fn newest_jobs(client: &Client, start: Start) -> Result<Vec<JobId>, StepError> {
    let answer = client.send_once(&Creation::list(), Some(start)).await?;
    if !Creation::is_complete(&answer.response) {
        return Err(StepError::Failed {
            message: "the list of jobs lacks jobs or ids".to_owned(),
            code: None,
            request_id: answer.request_id,
            is_transient: true,
            may_have_arrived: false,
        });
    }
    Ok(answer.response.jobs.into_iter().rev().filter_map(|job| job.job_id).collect())
}

/// Returns a variable of the environment.
pub fn variable(name: &str) -> Result<String> {
    env::var(name).with_context(|| format!("the variable {name} is not set"))
}
