//! The command `demo`: a whole export against the test service.

use std::{
    env,
    fs::{self, DirBuilder},
    path::{Path, PathBuf},
    process,
    time::Duration,
};

use indicatif::HumanCount;
use serde::Serialize;
use tcss_export::{
    AssetType, CreateExportComplianceStatusListJob, Credentials, Endpoint, EventKind, Finished,
    JobId, Policy, Session,
    download::Downloaded,
    driver::{Source, clock},
    hyper::Client,
};
use tcss_export_testkit::{
    DownloadFault, DownloadFaults, EXAMPLE_SECRET_ID, EXAMPLE_SECRET_KEY, Script, SeenAnswer,
    ServedFile, Service, Step,
};

use super::serve::cannot_listen;
use crate::{
    download::EventTexts,
    error::{DownloadContext, Error, ErrorKind},
    output::{Ending, Output},
    text::seconds,
    wait::describe,
};

/// The poll interval: long enough to watch.
const INTERVAL: Duration = Duration::from_millis(500);
const FILE: &str = "report.csv";
const BYTES: u64 = 3_000_000;
/// The connection breaks after this many bytes.
const CUT: u64 = 1_200_000;

struct Demo<'o> {
    service: Service,
    client: Client,
    output: &'o Output,
}

struct Waited {
    first_status: String,
    finished: Finished,
}

struct Fetched {
    downloaded: Downloaded,
    /// The polls for a new URL.
    polls: u32,
    resumed: bool,
}

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

pub(crate) async fn demo(output: &Output) -> Result<Ending, Error> {
    let began = clock::now().mono;
    let demo = Demo::new(output)?;
    let folder = Folder::create()?;
    let job = demo.create().await?;
    let waited = demo.wait(&job).await?;
    let fetched = demo.download(&job, &waited.finished, &folder).await?;
    let elapsed = clock::now().mono.saturating_since(began);
    let summary = demo.summary(waited, fetched, elapsed);
    output.result(&summary, || summary.text())?;
    Ok(Ending::Done)
}

impl<'o> Demo<'o> {
    fn new(output: &'o Output) -> Result<Self, Error> {
        let service = Service::builder()
            .script(script())
            .file(ServedFile::made_up(FILE, BYTES))
            .download_faults(faults())
            .start()
            .map_err(|error| cannot_listen(&error))?;
        let session = Session::new(service.url().parse::<Endpoint>()?);
        let credentials = Credentials::new(EXAMPLE_SECRET_ID, EXAMPLE_SECRET_KEY)?;
        let policy = Policy::default().with_poll_interval(INTERVAL, INTERVAL);
        let client = Client::new(session, credentials).with_policy(policy);
        let demo = Self { service, client, output };
        let url = demo.service.url();
        demo.print(&format!("A test service listens on {url} and checks every signature."));
        Ok(demo)
    }

    async fn create(&self) -> Result<JobId, Error> {
        self.print("1. Create: requests one export of the compliance results of all hosts.");
        let action = CreateExportComplianceStatusListJob::all(AssetType::HOST);
        let job = self.client.send(&action).await?.response.job_id;
        self.print(&format!("  The job id is {job}."));
        Ok(job)
    }

    async fn wait(&self, job: &JobId) -> Result<Waited, Error> {
        self.print(
            "2. Wait: asks about the job until its file is ready, with a new signature each time.",
        );
        let mut wait = self.client.follow(job.clone());
        let mut first = None;
        while let Some(event) = wait.next().await {
            if let EventKind::Waiting { status, .. } = &event.kind {
                first.get_or_insert_with(|| status.to_string());
            }
            if let Some(text) = describe(&event) {
                self.print(&format!("  request {}: {text}", event.poll));
            }
        }
        let finished = wait.outcome().await?;
        let Finished { download_url, report, .. } = &finished;
        let status = last_status(&finished);
        self.print(&format!("  request {}: {status}, {download_url}", report.polls));
        Ok(Waited { first_status: first.unwrap_or(status), finished })
    }

    async fn download(
        &self,
        job: &JobId,
        finished: &Finished,
        folder: &Folder,
    ) -> Result<Fetched, Error> {
        self.print(
            "3. Download: fetches the URL as it is, without keys and without a signature of ours.",
        );
        self.print("  The service breaks off once and lets the URL expire.");
        let source = Source::new(finished.download_url.clone()).of_job(job.clone());
        let file = folder.path().join(FILE);
        let mut download = self.client.download(source, &file)?;
        let mut texts = EventTexts::default();
        while let Some(event) = download.next().await {
            if let Some(text) = texts.describe(&event, None) {
                self.print(&format!("  {text}"));
            }
        }
        let (polls, resumed) = (download.polls(), texts.has_resumed());
        let context = DownloadContext { finished: Some(finished), target: Some(&file) };
        let outcome = download.outcome().await;
        let downloaded = outcome.map_err(|failure| context.error(failure))?;
        self.print(&format!("  {FILE} is complete and now in {}.", folder.path().display()));
        Ok(Fetched { downloaded, polls, resumed })
    }

    fn summary(&self, waited: Waited, fetched: Fetched, elapsed: Duration) -> Summary {
        let Waited { first_status, finished } = waited;
        let Fetched { downloaded, polls, resumed } = fetched;
        let seen = self.service.seen();
        let is_signed = |answer: &SeenAnswer| !matches!(answer, SeenAnswer::Download { .. });
        let signed = seen.iter().filter(|seen| is_signed(&seen.answer));
        let refused = signed.clone().filter(|s| matches!(s.answer, SeenAnswer::Refused { .. }));
        Summary {
            first_status,
            last_status: last_status(&finished),
            polls: finished.report.polls.saturating_add(polls),
            retries: finished.report.retries,
            new_urls: downloaded.report.new_urls,
            bytes: downloaded.bytes,
            crc64: downloaded.crc64.to_string(),
            verified: downloaded.verified,
            resumed,
            requests: signed.clone().count(),
            verified_signatures: signed.count() - refused.count(),
            elapsed_seconds: seconds(elapsed),
        }
    }

    fn print(&self, line: &str) {
        self.output.progress(line);
    }
}

/// Returns progress, one fault and success, which also answers the poll for a new URL.
fn script() -> Script {
    let steps = [
        Step::Running(Some(10.0)),
        Step::Running(Some(55.0)),
        Step::Error("InternalError".to_owned()),
        Step::Success(None),
    ];
    Script::new(steps).unwrap_or_default()
}

fn faults() -> DownloadFaults {
    DownloadFaults::new([DownloadFault::Cut(CUT), DownloadFault::Expired]).unwrap_or_default()
}

fn last_status(finished: &Finished) -> String {
    finished.report.last.as_ref().map(|last| last.status.to_string()).unwrap_or_default()
}

impl Summary {
    fn text(&self) -> String {
        let Self { first_status, last_status, requests, verified_signatures, .. } = self;
        let checked = match self.verified {
            true => "its CRC-64 is the one that the service gave",
            false => "the service gave no CRC-64 to check it by",
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
    fn create() -> Result<Self, Error> {
        let seconds = clock::now().wall.unix_seconds();
        let name = format!("tcss-export-demo-{}-{seconds}", process::id());
        let path = env::temp_dir().join(name);
        builder().create(&path).map_err(|error| {
            Error::new(ErrorKind::File, format!("{path:?} cannot be created: {error}"))
                .with_hint("set TMPDIR to a folder that can be written to")
        })?;
        Ok(Self(path))
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Leftovers are in the folder for temporary files.
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(unix)]
fn builder() -> DirBuilder {
    use std::os::unix::fs::DirBuilderExt;

    let mut builder = DirBuilder::new();
    // For the owner only.
    builder.mode(0o700);
    builder
}

#[cfg(not(unix))]
fn builder() -> DirBuilder {
    DirBuilder::new()
}
