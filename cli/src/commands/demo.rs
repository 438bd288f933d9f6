//! The command `demo`: a whole export against the test service.

#[cfg(unix)]
use std::os::unix::fs::DirBuilderExt;
use std::{
    env,
    fs::{self, DirBuilder},
    path::PathBuf,
    process,
    time::Duration,
};

use indicatif::HumanCount;
use serde::Serialize;
use tcss_export::{
    Credentials, Endpoint, JobId, Session, Source,
    actions::{AssetType, CreateExportComplianceStatusListJob},
    download::Downloaded,
    driver::clock,
    hyper::Client,
    wait::{EventKind, Finished, Policy},
};
use tcss_export_testkit::{
    EXAMPLE_SECRET_ID, EXAMPLE_SECRET_KEY, Seen, SeenAnswer, ServedFile, Service,
};

use super::serve::cannot_listen;
use crate::{
    download::EventTexts,
    error::{DownloadContext, Error, ErrorKind, Result},
    output::{Ending, Output},
    text::seconds,
    wait::describe,
};

/// The last step also answers the poll for a new URL.
const SCRIPT: &str = "RUNNING:10,RUNNING:55,ERROR:InternalError,SUCCESS";
const DOWNLOAD_FAULTS: &str = "CUT:1200000,EXPIRED";
/// Long enough to watch.
const POLL_INTERVAL: Duration = Duration::from_millis(500);
const FILE: &str = "report.csv";
const BYTES: u64 = 3_000_000;

/// The result of the demo.
#[derive(Serialize)]
struct Summary {
    first_status: String,
    last_status: String,
    polls: u32,
    retries: u32,
    new_urls: u32,
    bytes: u64,
    crc64: String,
    verified: bool,
    resumed: bool,
    requests: usize,
    verified_signatures: usize,
    elapsed_seconds: f64,
}

pub(crate) async fn demo(output: &Output) -> Result<Ending> {
    let began = clock::now().mono;
    let service = Service::builder()
        .script(SCRIPT.parse().unwrap_or_default())
        .file(ServedFile::made_up(FILE, BYTES))
        .download_faults(DOWNLOAD_FAULTS.parse().unwrap_or_default())
        .start()
        .map_err(|error| cannot_listen(&error))?;
    let url = service.url();
    output.progress(&format!("A test service listens on {url} and checks every signature."));
    let session = Session::new(url.parse::<Endpoint>()?);
    let credentials = Credentials::new(EXAMPLE_SECRET_ID, EXAMPLE_SECRET_KEY)?;
    let mut policy = Policy::default();
    (policy.poll_interval, policy.longest_poll_interval) = (POLL_INTERVAL, POLL_INTERVAL);
    let client = Client::new(session, credentials).with_policy(policy);
    let folder = Folder::create()?;
    let job = create(&client, output).await?;
    let (first_status, finished) = wait(&client, &job, output).await?;
    let (downloaded, polls, resumed) = download(&client, &job, &finished, &folder, output).await?;
    let (requests, verified_signatures) = signed_requests(&service);
    let summary = Summary {
        first_status,
        last_status: last_status(&finished),
        polls: finished.report.polls.saturating_add(polls),
        retries: finished.report.retries,
        new_urls: downloaded.report.new_urls,
        bytes: downloaded.bytes,
        crc64: downloaded.crc64.to_string(),
        verified: downloaded.verified,
        resumed,
        requests,
        verified_signatures,
        elapsed_seconds: seconds(clock::now().mono.saturating_since(began)),
    };
    output.result(&summary, || summary.text())?;
    Ok(Ending::Done)
}

async fn create(client: &Client, output: &Output) -> Result<JobId> {
    output.progress("1. Create: requests one export of the compliance results of all hosts.");
    let action = CreateExportComplianceStatusListJob::all(AssetType::HOST);
    let job = client.send(&action).await?.response.job_id;
    output.progress(&format!("  The job id is {job}."));
    Ok(job)
}

/// Returns the first status, and the end of the wait.
async fn wait(client: &Client, job: &JobId, output: &Output) -> Result<(String, Finished)> {
    output.progress(
        "2. Wait: asks about the job until its file is ready, with a new signature each time.",
    );
    let mut wait = client.follow(job.clone());
    let mut first = None;
    while let Some(event) = wait.next().await {
        if let EventKind::Waiting { status, .. } = &event.kind {
            first.get_or_insert_with(|| status.to_string());
        }
        if let Some(text) = describe(&event, None) {
            output.progress(&format!("  request {}: {text}", event.poll));
        }
    }
    let finished = wait.outcome().await?;
    let (status, url) = (last_status(&finished), &finished.download_url);
    output.progress(&format!("  request {}: {status}, {url}", finished.report.polls));
    Ok((first.unwrap_or(status), finished))
}

fn last_status(finished: &Finished) -> String {
    finished.report.last.as_ref().map(|last| last.status.to_string()).unwrap_or_default()
}

/// Returns the file, the number of polls for a new URL, and whether the download was resumed.
async fn download(
    client: &Client,
    job: &JobId,
    finished: &Finished,
    folder: &Folder,
    output: &Output,
) -> Result<(Downloaded, u32, bool)> {
    output.progress(
        "3. Download: fetches the URL as it is, without keys and without a signature of ours.",
    );
    output.progress("  The service breaks off once and lets the URL expire.");
    let source = Source::new(finished.download_url.clone()).of_job(job.clone());
    let file = folder.0.join(FILE);
    let mut download = client.download(source, &file)?;
    let mut texts = EventTexts::default();
    while let Some(event) = download.next().await {
        if let Some(text) = texts.describe(&event, None) {
            output.progress(&format!("  {text}"));
        }
    }
    let polls = download.polls();
    let context = DownloadContext { finished: Some(finished), target: Some(&file) };
    let downloaded = download.outcome().await.map_err(|failure| context.error(failure))?;
    output.progress(&format!("  {FILE} is complete and now in {}.", folder.0.display()));
    Ok((downloaded, polls, texts.has_resumed))
}

/// Counts the signed requests that the service received, and those that it accepted.
fn signed_requests(service: &Service) -> (usize, usize) {
    let mut signed = service.seen();
    signed.retain(|seen| !matches!(seen.answer, SeenAnswer::Download { .. }));
    let is_accepted = |seen: &&Seen| !matches!(seen.answer, SeenAnswer::Refused { .. });
    (signed.len(), signed.iter().filter(is_accepted).count())
}

impl Summary {
    fn text(&self) -> String {
        let Self { first_status, last_status, requests, verified_signatures, .. } = self;
        let checked = match self.verified {
            true => "its CRC-64 is the one that the service gave",
            false => "the service gave no CRC-64 to verify it with",
        };
        format!(
            "The job went from {first_status} to {last_status}, and its file was complete after \
             {:.1} s.\n\
             The service computed the signature of each request itself: {verified_signatures} of \
             {requests} were right.\n\
             The file has {} bytes, and {checked}.\n\
             It is removed now.\n",
            self.elapsed_seconds,
            HumanCount(self.bytes),
        )
    }
}

/// A temporary folder for this process only, removed on drop.
struct Folder(PathBuf);

impl Folder {
    fn create() -> Result<Self> {
        let seconds = clock::now().wall.unix_seconds();
        let name = format!("tcss-export-demo-{}-{seconds}", process::id());
        let path = env::temp_dir().join(name);
        let mut builder = DirBuilder::new();
        builder.recursive(false);
        // For the owner only.
        #[cfg(unix)]
        builder.mode(0o700);
        builder.create(&path).map_err(|error| {
            Error::new(ErrorKind::File, format!("{path:?} cannot be created: {error}"))
                .with_hint("set TMPDIR to a folder that can be written to")
                .or_limit(&error)
        })?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Leftovers are in the folder for temporary files.
        let _ = fs::remove_dir_all(&self.0);
    }
}
