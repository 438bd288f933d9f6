use std::time::Duration;

use serde::Serialize;
use tcss_export::{Credentials, Endpoint, Finished, JobId, Policy, Session, ureq::Client};
use tcss_export_testkit::{
    EXAMPLE_SECRET_ID, EXAMPLE_SECRET_KEY, Script, SeenAnswer, Service, Step,
};

use super::{Ending, serve::cannot_listen};
use crate::{decision::worded, failure::Failure, output::Output, standing::seconds};

const JOB: &str = "demo-job";
/// Long enough to be watched.
const INTERVAL: Duration = Duration::from_millis(500);

/// What the demo showed.
#[derive(Serialize)]
struct Shown {
    first_status: &'static str,
    last_status: String,
    polls: u32,
    retries: u32,
    verified_signatures: usize,
    elapsed_seconds: f64,
    #[serde(skip)]
    url: String,
}

pub(super) fn run(output: &Output) -> Result<Ending, Failure> {
    let service = Service::builder().script(script()).start();
    let service = service.map_err(|error| cannot_listen(&error))?;
    let intro = format!("A test service listens on {} and checks every signature.", service.url());
    tell(output, &format!("{intro}\nThe job {JOB:?} is followed there, request by request:"));
    let finished = follow(&service, output)?;
    let shown = Shown::new(&service, &finished);
    output.result(&shown, || shown.text())?;
    Ok(Ending::Done)
}

/// Progress, one fault, success.
fn script() -> Script {
    let steps = [
        Step::Running(Some(10.0)),
        Step::Running(Some(55.0)),
        Step::Error("InternalError".to_owned()),
        Step::Success(None),
    ];
    Script::new(steps).unwrap_or_default()
}

fn follow(service: &Service, output: &Output) -> Result<Finished, Failure> {
    let session = Session::new(service.url().parse::<Endpoint>()?);
    let credentials = Credentials::new(EXAMPLE_SECRET_ID, EXAMPLE_SECRET_KEY)?;
    let policy = Policy::default().with_poll_interval(INTERVAL, INTERVAL);
    let client = Client::new(session, credentials).with_policy(policy);
    let mut wait = client.follow(JobId::new(JOB)?);
    for event in wait.by_ref() {
        if let Some(text) = worded(&event) {
            tell(output, &format!("  request {}: {text}", event.poll));
        }
    }
    let finished = wait.outcome()?;
    tell(output, &format!("  request {}: {}", finished.report.polls, last_status(&finished)));
    Ok(finished)
}

fn tell(output: &Output, line: &str) {
    if !output.is_quiet() {
        output.complain(&format!("{line}\n"));
    }
}

fn last_status(finished: &Finished) -> String {
    finished.report.last.as_ref().map(|last| last.status.to_string()).unwrap_or_default()
}

impl Shown {
    fn new(service: &Service, finished: &Finished) -> Self {
        let report = &finished.report;
        let is_verified = |answer: &SeenAnswer| matches!(answer, SeenAnswer::Played(_));
        Self {
            first_status: "RUNNING",
            last_status: last_status(finished),
            polls: report.polls,
            retries: report.retries,
            verified_signatures: service.seen().iter().filter(|s| is_verified(&s.answer)).count(),
            elapsed_seconds: seconds(report.elapsed),
            url: finished.download_url.to_string(),
        }
    }

    fn text(&self) -> String {
        let Self { first_status, last_status, polls, verified_signatures, url, .. } = self;
        format!(
            "The job went from {first_status} to {last_status} in {:.1} s.\n\
             The service computed the signature of each request anew: {verified_signatures} of \
             {polls} were right.\n\
             The file would be at {url}\n",
            self.elapsed_seconds
        )
    }
}
