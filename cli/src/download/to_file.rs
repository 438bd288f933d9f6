//! The way from a job, or from a URL, to the file.

use serde::Serialize;
use tcss_export::{
    DownloadUrl, Finished, JobId, WaitErrorKind, WaitFailure,
    driver::{DownloadFailure, Source},
    ureq::Client,
};

use super::{
    progress::Progress,
    result::Saved,
    thread::{self, Fetched},
};
use crate::{
    args::Save,
    background::Desk,
    ending::Ending,
    failure::{Errand, Failure, hints},
    terminal::{masking::masked, output::Output, shell::Setting},
    wait::{self, Reporter, status::Ended},
};

pub(crate) struct Downloader<'a> {
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
    /// Why the URL was of no use any more that the job had given before it failed.
    new_url_needed: Option<String>,
}

impl Downloader<'_> {
    /// Waits for the job and downloads its file; with these options, another command goes on.
    pub(crate) fn job_to_file(&self, job: &JobId, options: &[Setting]) -> Result<Ending, Failure> {
        let end = self.wait_and_download(job);
        end.map_err(|failure| failure.of_job(job).continue_with("download", job, options))
    }

    fn wait_and_download(&self, job: &JobId) -> Result<Ending, Failure> {
        let mut reporter = Reporter::new(self.output);
        let waited = wait::listen(&self.desk, &self.client, job, &mut reporter)?;
        reporter.finish()?;
        let finished = match waited {
            wait::End::Finished(finished) => finished,
            wait::End::Failed(failure) => return self.without_file(job, failure, None),
            wait::End::Unread => return Ok(Ending::Done),
            wait::End::Stopped(signal, _) => {
                return Err(Failure::stopped(signal, "stopped waiting"));
            }
        };
        let source = Source::new(finished.download_url.clone()).of_job(job.clone());
        let errand = self.errand(Some(&finished));
        let Fetched { outcome, polls, resumed } = self.download(source, errand)?;
        match outcome {
            Ok(downloaded) => {
                let polls = polls.saturating_add(finished.report.polls);
                self.tell(Saved::new(Some(job), self.save.name(), &downloaded, resumed, polls))
            }
            Err(DownloadFailure::NewUrl { error, wait }) if has_failed(&wait) => {
                self.without_file(job, *wait, Some(masked(&error.kind.to_string())))
            }
            Err(failure) => Err(Failure::of_download(failure, errand)),
        }
    }

    /// Downloads what a URL leads to, which nobody can renew.
    pub(crate) fn url_to_file(&self, url: DownloadUrl) -> Result<Ending, Failure> {
        let errand = self.errand(None);
        let Fetched { outcome, polls, resumed } = self.download(Source::new(url), errand)?;
        let downloaded = outcome.map_err(|failure| Failure::of_download(failure, errand))?;
        self.tell(Saved::new(None, self.save.name(), &downloaded, resumed, polls))
    }

    fn download(&self, source: Source, errand: Errand<'_>) -> Result<Fetched, Failure> {
        let source = source.with_policy(self.save.policy());
        let progress = Progress::new(self.output);
        match thread::listen(&self.desk, &self.client, source, self.save.target(), progress) {
            thread::End::Fetched(fetched) => Ok(fetched),
            thread::End::Unusable(error) => Err(errand.unusable(error)),
            thread::End::Stopped(signal) => Err(errand.stopped(signal)),
        }
    }

    fn errand<'e>(&'e self, finished: Option<&'e Finished>) -> Errand<'e> {
        Errand { finished, target: self.save.path() }
    }

    fn tell(&self, saved: Saved<'_>) -> Result<Ending, Failure> {
        let told = self.output.result(&saved, || saved.text());
        // The file is in its place: there is nothing to go on with.
        told.map_err(|failure| failure.after_saving(&self.save.name()))?;
        Ok(Ending::Done)
    }

    /// A job that has failed is a result all the same.
    fn without_file(
        &self,
        job: &JobId,
        failure: WaitFailure,
        new_url_needed: Option<String>,
    ) -> Result<Ending, Failure> {
        let is_result = has_failed(&failure);
        let ended = is_result.then(|| Ended::new("failure", &failure.report)).flatten();
        let Some(ended) = ended else { return Err(failure.into()) };
        let object = OfJob { job_id: job, ended: &ended, new_url_needed };
        self.output.result(&object, || object.text())?;
        Ok(Ending::JobFailed)
    }
}

impl OfJob<'_> {
    fn text(&self) -> String {
        let new_url = self.new_url_needed.as_ref().map(|why| ("new url", format!("needed: {why}")));
        let hint = ("hint", hints::JOB_FAILED.to_owned());
        let more: Vec<_> = new_url.into_iter().chain([hint]).collect();
        self.ended.text_of(self.job_id, &more)
    }
}

fn has_failed(failure: &WaitFailure) -> bool {
    matches!(failure.kind, WaitErrorKind::JobFailed { .. })
}
