mod folder;

use std::time::Duration;

use indicatif::HumanCount;
use serde::Serialize;
use tcss_export::{
    AssetType, CreateExportComplianceStatusListJob, Credentials, Endpoint, EventKind, Finished,
    JobId, Policy, Session,
    download::Downloaded,
    driver::{Source, clock},
    ureq::Client,
};
use tcss_export_testkit::{
    DownloadFault, DownloadFaults, EXAMPLE_SECRET_ID, EXAMPLE_SECRET_KEY, Script, SeenAnswer,
    ServedFile, Service, Step,
};

use self::folder::Folder;
use super::serve::cannot_listen;
use crate::{
    download::Turns,
    ending::Ending,
    failure::{Errand, Failure},
    terminal::output::Output,
    wait::{decision::worded, status::seconds},
};

/// Long enough to be watched.
const INTERVAL: Duration = Duration::from_millis(500);
const FILE: &str = "report.csv";
const BYTES: u64 = 3_000_000;
/// Where the connection breaks.
const CUT: u64 = 1_200_000;

/// The service, the client, and who is told what they do.
struct Demo<'o> {
    service: Service,
    client: Client,
    output: &'o Output,
}

/// How the job went.
struct Waited {
    first_status: String,
    finished: Finished,
}

/// How the file came.
struct Fetched {
    downloaded: Downloaded,
    /// How often the job was asked for a new URL.
    polls: u32,
    resumed: bool,
}

/// What the demo showed.
#[derive(Serialize)]
struct Shown {
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

pub(super) fn run(output: &Output) -> Result<Ending, Failure> {
    let began = clock::now().mono;
    let demo = Demo::new(output)?;
    let folder = Folder::create()?;
    let job = demo.create()?;
    let waited = demo.wait(&job)?;
    let fetched = demo.download(&job, &waited.finished, &folder)?;
    let elapsed = clock::now().mono.saturating_since(began);
    let shown = demo.shown(waited, fetched, elapsed);
    output.result(&shown, || shown.text())?;
    Ok(Ending::Done)
}

impl<'o> Demo<'o> {
    fn new(output: &'o Output) -> Result<Self, Failure> {
        let service = Service::builder()
            .script(script())
            .file(ServedFile::made_up(FILE, BYTES))
            .download_faults(faults())
            .start()
            .map_err(|error| cannot_listen(&error))?;
        let session = Session::new(service.url().parse::<Endpoint>()?);
        let credentials = Credentials::new(EXAMPLE_SECRET_ID, EXAMPLE_SECRET_KEY)?;
        let mut policy = Policy::default();
        (policy.poll_interval, policy.longest_poll_interval) = (INTERVAL, INTERVAL);
        let client = Client::new(session, credentials).with_policy(policy);
        let demo = Self { service, client, output };
        let url = demo.service.url();
        demo.tell(&format!("A test service listens on {url} and checks every signature."));
        Ok(demo)
    }

    fn create(&self) -> Result<JobId, Failure> {
        self.tell("1. Create: requests one export of the compliance results of all hosts.");
        let action = CreateExportComplianceStatusListJob::all(AssetType::HOST);
        let job = self.client.send(&action)?.response.job_id;
        self.tell(&format!("  The job id is {job}."));
        Ok(job)
    }

    fn wait(&self, job: &JobId) -> Result<Waited, Failure> {
        self.tell(
            "2. Wait: asks about the job until its file is ready, with a new signature each time.",
        );
        let mut wait = self.client.follow(job.clone());
        let mut first = None;
        for event in wait.by_ref() {
            if let EventKind::Waiting { status, .. } = &event.kind {
                first.get_or_insert_with(|| status.to_string());
            }
            if let Some(text) = worded(&event) {
                self.tell(&format!("  request {}: {text}", event.poll));
            }
        }
        let finished = wait.outcome()?;
        let Finished { download_url, report, .. } = &finished;
        let status = last_status(&finished);
        self.tell(&format!("  request {}: {status}, {download_url}", report.polls));
        Ok(Waited { first_status: first.unwrap_or(status), finished })
    }

    fn download(
        &self,
        job: &JobId,
        finished: &Finished,
        folder: &Folder,
    ) -> Result<Fetched, Failure> {
        self.tell(
            "3. Download: fetches the URL as it is, without keys and without a signature of ours.",
        );
        self.tell("  The service breaks off once and lets the URL expire.");
        let source = Source::new(finished.download_url.clone()).of_job(job.clone());
        let file = folder.path().join(FILE);
        let mut download = self.client.download(source, &file)?;
        let mut turns = Turns::default();
        for event in download.by_ref() {
            if let Some(text) = turns.turn(&event, None) {
                self.tell(&format!("  {text}"));
            }
        }
        let (polls, resumed) = (download.polls(), turns.has_gone_on());
        let errand = Errand { finished: Some(finished), target: Some(&file) };
        let outcome = download.outcome();
        let downloaded = outcome.map_err(|error| Failure::of_download(error, errand))?;
        self.tell(&format!("  {FILE} is complete and now in {}.", folder.path().display()));
        Ok(Fetched { downloaded, polls, resumed })
    }

    fn shown(&self, waited: Waited, fetched: Fetched, elapsed: Duration) -> Shown {
        let Waited { first_status, finished } = waited;
        let Fetched { downloaded, polls, resumed } = fetched;
        let seen = self.service.seen();
        let is_signed = |answer: &SeenAnswer| !matches!(answer, SeenAnswer::Download { .. });
        let signed = seen.iter().filter(|seen| is_signed(&seen.answer));
        let refused = signed.clone().filter(|s| matches!(s.answer, SeenAnswer::Refused { .. }));
        Shown {
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

    fn tell(&self, line: &str) {
        self.output.progress(line);
    }
}

/// Progress, one fault, success; a new URL is another success.
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

impl Shown {
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
