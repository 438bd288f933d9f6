//! The commands `download` and `run`: the file of a job, or of a URL.

use std::env;

use indicatif::HumanCount;
use serde::Serialize;
use tcss_export::{
    CredentialSource, DownloadUrl, Endpoint, JobId, Source,
    core::text::printable,
    download::Policy,
    driver::{AddressError, AddressPolicy, Proxies, TransportError, TransportErrorKind, Worker},
    error::{DownloadError, WaitError},
    hyper::Client,
    wait::{ErrorKind as WaitErrorKind, Finished},
};

use super::wait::WaitResult;
use crate::{
    args::{self, Common, Save},
    client::client,
    download::{self, Fetched},
    error::{DownloadContext, Error, ErrorKind, Result, hints::is_fake},
    output::{Ending, Output},
    panics,
    progress::DownloadProgress,
    secrets::masked,
    shell::CommandOption,
    signals::Signals,
    state::{Phase, StateFile},
    text::rows,
    wait::{self, Reporter},
};

pub(crate) async fn download(
    args: &args::Download,
    common: &Common,
    output: &Output,
) -> Result<Ending> {
    let save = &args.save;
    let Some(job) = &args.source.job_id else {
        let url = args.source.url()?;
        save.check()?;
        let without_keys = CredentialSource::from_fn(|_| {
            Err(TransportError::new(TransportErrorKind::Permanent, "there are no keys"))
        });
        let client = Client::new(common.session(None)?, without_keys);
        let signals = Signals::watch()?;
        let mut downloader = Downloader { client, signals, save, output, state: None };
        // This URL cannot be renewed.
        return downloader.download(&url, None).await;
    };
    let job = args::not_a_url(job)?;
    let client = client(common, output).await?.with_policy(args.timing.policy());
    save.check().map_err(|error| error.with_job(job))?;
    let options = [save.options(), args.timing.options(), common.options()].concat();
    let signals = Signals::watch()?;
    let mut downloader = Downloader { client, signals, save, output, state: None };
    with_job(job, "download", &options, downloader.wait_and_download(job)).await
}

/// Fails if the resolver of this machine returns made-up addresses that the download may not use:
/// it would return one for the file server, too. The requests report other faults.
pub(super) async fn check_resolver(
    worker: Worker,
    endpoint: Endpoint,
    policy: Policy,
) -> Result<()> {
    let proxies = Proxies::from_variables(|name| env::var_os(name));
    let host = endpoint.uri().host().unwrap_or_default();
    if endpoint.is_loopback() || !matches!(proxies.proxy_for(&endpoint), Ok(None)) {
        return Ok(());
    }
    let name = host.trim_matches(['[', ']']).to_owned();
    let Ok(found) = worker.look_up(name).await else { return Ok(()) };
    let found: Vec<_> = found.filter(|address| is_fake(address.ip())).collect();
    let allowed = AddressPolicy::PublicAnd((&*policy.private_networks).into());
    match AddressError::filter(host, &allowed, found) {
        Err(error) if !error.addresses().is_empty() => {
            Err(Error::new(ErrorKind::Usage, error.to_string()).allowing_addresses_of(&error))
        }
        _ => Ok(()),
    }
}

pub(super) struct Downloader<'a> {
    pub(super) client: Client,
    pub(super) signals: Signals,
    pub(super) save: &'a Save,
    pub(super) output: &'a Output,
    pub(super) state: Option<StateFile>,
}

impl Downloader<'_> {
    pub(super) async fn wait_and_download(&mut self, job: &JobId) -> Result<Ending> {
        let mut reporter = Reporter::new(self.output);
        let end = wait::follow(&self.client, job, &mut self.signals, &mut reporter).await?;
        reporter.finish()?;
        match end {
            wait::End::Finished(finished) => {
                self.download(&finished.download_url, Some((job, &finished))).await
            }
            wait::End::Failed(failure) => self.no_file(job, failure, None),
            wait::End::StdoutClosed => Ok(Ending::Done),
            wait::End::Stopped(signal, _) => Err(Error::stopped(signal, "stopped waiting")),
        }
    }

    /// Downloads a file; `of_job` is its job and the end of the wait for it.
    async fn download(
        &mut self,
        url: &DownloadUrl,
        of_job: Option<(&JobId, &Finished)>,
    ) -> Result<Ending> {
        let (job_id, finished) = of_job.unzip();
        let context = DownloadContext { finished, target: self.save.path() };
        let mut policy = self.save.policy();
        // Without a job, the user chose the URL.
        policy.allow_loopback = of_job.is_none();
        let source = Source::new(url.clone()).with_policy(policy);
        let source = match job_id {
            Some(job) => source.of_job(job.clone()),
            None => source,
        };
        let (target, progress) = (self.save.target(), DownloadProgress::new(self.output));
        let end = download::fetch(&self.client, source, target, &mut self.signals, progress).await;
        let end = end.map_err(|error| context.unusable_url(url, error))?;
        let Fetched { outcome, polls, resumed } = end.map_err(|signal| context.stopped(signal))?;
        let downloaded = match (outcome, job_id) {
            (Ok(downloaded), _) => downloaded,
            (Err(DownloadError::NewUrl { error, wait }), Some(job)) if is_job_failed(&wait) => {
                return self.no_file(job, *wait, Some(masked(&error.kind.to_string())));
            }
            (Err(failure), _) => return Err(context.error(failure)),
        };
        let saved = Saved {
            job_id,
            file: self.save.name(),
            bytes: downloaded.bytes,
            crc64: downloaded.crc64.to_string(),
            verified: downloaded.verified,
            resumed,
            polls: finished.map_or(0, |finished| finished.report.polls).saturating_add(polls),
        };
        self.saved(&saved)
    }

    /// Records and prints the result.
    fn saved(&mut self, saved: &Saved<'_>) -> Result<Ending> {
        if let Some(state) = &mut self.state {
            let result = serde_json::to_value(saved).unwrap_or_default();
            let done = state.set_phase(Phase::Done { result });
            done.map_err(|error| error.after_saving(&saved.file))?;
        }
        let printed = self.output.result(saved, || saved.text());
        printed.map_err(|error| error.after_saving(&saved.file))?;
        Ok(Ending::Done)
    }

    /// Prints the result of a wait without a file, if the job failed; else returns the error.
    fn no_file(
        &mut self,
        job_id: &JobId,
        failure: WaitError,
        new_url_needed: Option<String>,
    ) -> Result<Ending> {
        let is_result = is_job_failed(&failure);
        let result = is_result.then(|| WaitResult::new("failure", &failure.report, None)).flatten();
        let Some(result) = result else { return Err(failure.into()) };
        // The next run creates another job.
        self.state.as_mut().map_or(Ok(()), |state| state.set(None))?;
        let no_file = NoFile { job_id, result, new_url_needed };
        self.output.result(&no_file, || no_file.text())?;
        Ok(Ending::JobFailed)
    }
}

/// Adds the job and the next command, which has these options, to an error, even after a panic.
pub(super) async fn with_job(
    job: &JobId,
    command: &str,
    options: &[CommandOption],
    work: impl Future<Output = Result<Ending>>,
) -> Result<Ending> {
    let ending = panics::caught(work).await;
    // A run continues with the job of its state.
    let named = (command != "run").then_some(job);
    ending.map_err(|error| error.with_job(job).continue_with(command, named, options))
}

fn is_job_failed(failure: &WaitError) -> bool {
    matches!(failure.kind, WaitErrorKind::JobFailed { .. })
}

/// A downloaded file.
#[derive(Serialize)]
struct Saved<'a> {
    /// `None` for a URL of the user.
    job_id: Option<&'a JobId>,
    file: String,
    bytes: u64,
    /// Text, because many JSON parsers do not have 64 bits for a number.
    crc64: String,
    verified: bool,
    resumed: bool,
    /// The polls of the wait and for new URLs.
    polls: u32,
}

impl Saved<'_> {
    fn text(&self) -> String {
        let checked = match self.verified {
            true => "CRC-64 verified",
            false => "no CRC-64 to verify it with",
        };
        let file = if self.file == "-" { "stdout" } else { &self.file };
        format!("{}: {} bytes, {checked}\n", printable(file), HumanCount(self.bytes))
    }
}

/// The result of a failed job.
#[derive(Serialize)]
struct NoFile<'a> {
    job_id: &'a JobId,
    #[serde(flatten)]
    result: WaitResult<'a>,
    /// The reason why the job's first URL could no longer be used.
    new_url_needed: Option<String>,
}

impl NoFile<'_> {
    fn text(&self) -> String {
        let mut all = vec![("job id", Some(self.job_id.as_str().to_owned()))];
        all.extend(self.result.rows());
        all.push(("new url", self.new_url_needed.as_ref().map(|why| format!("needed: {why}"))));
        all.push(("hint", Some("read the message, then create a new job".to_owned())));
        rows("", &all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_after_the_create_names_the_job_and_the_next_command() {
        let job = JobId::new("J").expect("a job id");
        let options = [("-o", Some("f".to_owned()))];
        let ended = with_job(&job, "download", &options, async { panic!("expected") }).await;
        let error = ended.expect_err("a panic");
        assert_eq!(error.exit_code(), 101);
        let text = error.to_string();
        assert!(text.contains("\n  job id         J\n"), "{text}");
        assert!(text.ends_with("\n  continue with  tcss-export download J -o f\n"), "{text}");
    }
}
