//! The commands `wait` and `result`: the status of a job, and the effort of a wait.

use serde::Serialize;
use tcss_export::{
    DownloadUrl, JobId,
    actions::{DescribeExportJobResult, DescribeExportJobResultResponse, ExportStatus},
    core::text::printable,
    wait::{ErrorKind as WaitErrorKind, Finished, Report},
};

use crate::{
    args::{self, Common},
    client::{client, repeating, send},
    error::{Error, ErrorKind, Result},
    output::{Ending, Output},
    secrets::{masked, without_keys},
    shell::CommandOption,
    signals::Signals,
    text::{effort, percent, rows, seconds},
    wait::{self, End, Reporter},
};

pub(crate) async fn result(
    args: &args::JobResult,
    common: &Common,
    output: &Output,
) -> Result<Ending> {
    let action = DescribeExportJobResult::new(args.job.id()?.clone());
    let client = client(common, output).await?.with_policy(repeating(args.timeout));
    let answer = send(&client, &action, output).await?;
    let status = JobStatus::new(&answer.response, answer.request_id.as_deref());
    output.result(&status, || rows("", &status.rows()))?;
    Ok(match answer.response.status {
        ExportStatus::Failure => Ending::JobFailed,
        _ => Ending::Done,
    })
}

pub(crate) async fn wait(args: &args::Wait, common: &Common, output: &Output) -> Result<Ending> {
    let job = args.job.id()?;
    // clap does not see that --json before the command conflicts.
    if args.print.is_some() && output.json {
        let message = "--print cannot be used with --json or --events";
        return Err(Error::new(ErrorKind::Usage, message).with_hint("leave out one of them"));
    }
    let client = client(common, output).await?.with_policy(args.timing.policy());
    let mut reporter = Reporter::with_options(args, output)?;
    let end = wait::follow(&client, job, &mut Signals::watch()?, &mut reporter).await?;
    if matches!(end, End::StdoutClosed) {
        return Ok(Ending::Done);
    }
    let recorded = reporter.finish();
    let print = vec![("--print", args.print.clone())];
    let options = [args.timing.options(), print, common.options()].concat();
    let ending = match end {
        End::Finished(finished) if args.print.is_some() => print_url(&finished, output),
        end => print_end(end, job, &options, output),
    };
    match (ending, recorded) {
        (Ok(ending), recorded) => recorded.map(|()| ending),
        (Err(error), Ok(())) => Err(error),
        (Err(error), Err(recording)) => Err(error.with_another(recording)),
    }
}

/// Prints the URL for another program, which might take another text for an option or a local file.
fn print_url(finished: &Finished, output: &Output) -> Result<Ending> {
    let url = finished.download_url.as_str();
    if !url.starts_with("https://") && !url.starts_with("http://") {
        let message = "the job gave a URL that cannot be used: it is not http or https";
        return Err(Error::new(ErrorKind::Usage, message)
            .with_hint("give the request id to the service's support")
            .with_request_id(finished.report.request_id.as_deref()));
    }
    output.print(&format!("{}\n", printable(url))).map(|_| Ending::Done)
}

/// Prints the last status of the job, if any. People get it from the error, except for a failed
/// job, which is a result.
fn print_end(end: End, job: &JobId, options: &[CommandOption], output: &Output) -> Result<Ending> {
    let (outcome, report, url, error) = match end {
        End::Finished(Finished { download_url, report, .. }) => {
            ("success", report, Some(download_url), None)
        }
        End::Failed(failure) => {
            let report = failure.report.clone();
            match failure.kind {
                WaitErrorKind::JobFailed { .. } => ("failure", report, None, None),
                WaitErrorKind::TimedOut => ("timed_out", report, None, Some(failure.into())),
                _ => ("error", report, None, Some(failure.into())),
            }
        }
        End::Stopped(signal, report) => {
            ("cancelled", report, None, Some(Error::stopped(signal, "stopped waiting")))
        }
        End::StdoutClosed => return Ok(Ending::Done),
    };
    let result = WaitResult::new(outcome, &report, url.as_ref());
    if let Some(result) = result.filter(|_| output.json || error.is_none()) {
        output.result(&result, || rows("", &result.rows()))?;
    }
    match error {
        None if outcome == "failure" => Ok(Ending::JobFailed),
        None => Ok(Ending::Done),
        Some(error) if outcome == "error" => Err(error),
        Some(error) => Err(error.with_job(job).continue_with("wait", Some(job), options)),
    }
}

/// The status of a job, with masked texts. The URL is not masked.
#[derive(Serialize)]
struct JobStatus<'a> {
    status: Option<String>,
    progress: Option<f64>,
    download_url: Option<&'a str>,
    failure_message: Option<String>,
    request_id: Option<String>,
}

/// The last status of a job, and the effort of the wait for it.
#[derive(Serialize)]
pub(super) struct WaitResult<'a> {
    #[serde(flatten)]
    status: JobStatus<'a>,
    outcome: &'static str,
    polls: u32,
    retries: u32,
    elapsed_seconds: f64,
    #[serde(skip)]
    effort: String,
}

impl<'a> JobStatus<'a> {
    fn new(response: &'a DescribeExportJobResultResponse, request_id: Option<&'a str>) -> Self {
        let status = response.status.as_str();
        Self {
            status: (!status.is_empty()).then(|| masked(status)),
            progress: response.progress,
            download_url: response.download_url.as_ref().map(DownloadUrl::as_str),
            failure_message: response.failure_message.as_deref().map(masked),
            request_id: request_id.map(without_keys),
        }
    }

    fn rows(&self) -> Vec<(&'static str, Option<String>)> {
        vec![
            ("status", Some(self.status.clone().unwrap_or_else(|| "none".to_owned()))),
            ("progress", self.progress.map(percent)),
            ("download url", self.download_url.map(str::to_owned)),
            ("message", self.failure_message.clone()),
            ("request id", self.request_id.clone()),
        ]
    }
}

impl<'a> WaitResult<'a> {
    /// Returns `None` without a good answer. Only a success has a URL.
    pub(super) fn new(
        outcome: &'static str,
        report: &'a Report,
        url: Option<&'a DownloadUrl>,
    ) -> Option<Self> {
        let download_url = url.map(DownloadUrl::as_str);
        let status = JobStatus::new(report.last.as_ref()?, report.request_id.as_deref());
        Some(Self {
            status: JobStatus { download_url, ..status },
            outcome,
            polls: report.polls,
            retries: report.retries,
            elapsed_seconds: seconds(report.elapsed),
            effort: effort(report),
        })
    }

    pub(super) fn rows(&self) -> Vec<(&'static str, Option<String>)> {
        [self.status.rows(), vec![("wait", Some(self.effort.clone()))]].concat()
    }
}
