//! The way from a job, or from a URL, to the file.

use serde::Serialize;
use tcss_export::{
    DownloadUrl, Finished, JobId, WaitErrorKind, WaitFailure, driver::Order, ureq::Client,
};

use crate::{
    args::Save,
    commands::Ending,
    failure::Failure,
    fetch::{self, Fetched, fetch},
    follow::{self, wait},
    hints,
    meter::Meter,
    news::Desk,
    output::Output,
    saved::Saved,
    standing::Ended,
    telling::Telling,
};

pub(crate) struct Journey<'a> {
    pub(crate) desk: Desk,
    pub(crate) client: Client,
    pub(crate) save: &'a Save,
    pub(crate) output: &'a Output,
}

/// How a wait for a file ended that will not come.
#[derive(Serialize)]
struct OfJob<'a> {
    job_id: &'a JobId,
    #[serde(flatten)]
    ended: &'a Ended<'a>,
}

impl Journey<'_> {
    /// Waits for the job and downloads its file; `command` does the same once more.
    pub(crate) fn follow(&self, job: &JobId, command: &str) -> Result<Ending, Failure> {
        let stopped = |signal, message| {
            Failure::stopped(signal, message).with_command("go on with", command.to_owned())
        };
        let mut telling = Telling::new(self.output);
        let waited = wait(&self.desk, &self.client, job, &mut telling)?;
        telling.finish()?;
        let finished = match waited {
            follow::End::Outcome(Ok(finished)) => finished,
            follow::End::Outcome(Err(failure)) => return self.without_file(job, failure),
            follow::End::Unread => return Ok(Ending::Done),
            follow::End::Stopped(signal, _) => {
                return Err(stopped(signal, "stopped waiting").of_job(job));
            }
        };
        let Finished { download_url, report, .. } = finished;
        let order = Order::new(download_url).of_job(job.clone());
        match self.fetch(order) {
            fetch::End::Outcome(Ok(fetched)) => self.fetched(Some(job), fetched, report.polls),
            fetch::End::Outcome(Err(error)) => Err(error.into()),
            fetch::End::Stopped(signal) => Err(stopped(signal, "stopped downloading")),
        }
        .map_err(|failure| failure.of_job(job))
    }

    /// Downloads what a URL leads to, which nobody can renew.
    pub(crate) fn download(&self, url: DownloadUrl) -> Result<Ending, Failure> {
        match self.fetch(Order::new(url)) {
            fetch::End::Outcome(Ok(fetched)) => self.fetched(None, fetched, 0),
            fetch::End::Outcome(Err(error)) => Err(error.into()),
            fetch::End::Stopped(signal) => {
                Err(Failure::stopped(signal, "stopped downloading").with_hint(hints::AGAIN))
            }
        }
    }

    fn fetch(&self, order: Order) -> fetch::End {
        let order = order.with_policy(self.save.policy());
        let meter = Meter::new(self.output);
        fetch(&self.desk, &self.client, order, self.save.target(), meter)
    }

    fn fetched(
        &self,
        job: Option<&JobId>,
        fetched: Fetched,
        waited: u32,
    ) -> Result<Ending, Failure> {
        let polls = fetched.polls.saturating_add(waited);
        let downloaded = fetched.outcome?;
        let saved = Saved::new(job, self.save.name(), &downloaded, polls);
        self.output.result(&saved, || saved.text())?;
        Ok(Ending::Done)
    }

    /// A job that has failed is a result all the same.
    fn without_file(&self, job: &JobId, failure: WaitFailure) -> Result<Ending, Failure> {
        let ended = match &failure.kind {
            WaitErrorKind::JobFailed { .. } => Ended::new("failure", &failure.report),
            _ => None,
        };
        let Some(ended) = ended else { return Err(Failure::from(failure).of_job(job)) };
        let object = OfJob { job_id: job, ended: &ended };
        self.output.result(&object, || ended.text_of(job))?;
        Ok(Ending::JobFailed)
    }
}
