use tcss_export::{Finished, JobId, Report, WaitErrorKind, WaitFailure, ureq::Client};

use crate::{
    args::{self, Common},
    background::Desk,
    ending::Ending,
    failure::Failure,
    keys,
    terminal::{output::Output, shell::Setting},
    wait::{self, End, Reporter, status::Ended},
};

pub(super) fn run(args: &args::Wait, common: &Common, output: &Output) -> Result<Ending, Failure> {
    let job = args.job.id()?;
    let client = Client::new(common.session()?, keys::credentials()?);
    let client = client.with_policy(args.pace.policy());
    let mut reporter = Reporter::of(args, output)?;
    let end = wait::listen(&Desk::open(), &client, job, &mut reporter)?;
    let recorded = reporter.finish();
    let options = [args.pace.options(), common.options()].concat();
    let ended = match end {
        End::Finished(finished) => succeeded(&finished, output),
        End::Failed(failure) => failed(failure, job, &options, output),
        End::Unread => return Ok(Ending::Done),
        End::Stopped(signal, report) => {
            if output.is_json() {
                print(&WaitErrorKind::Cancelled, &report, output)?;
            }
            let stopped = Failure::stopped(signal, "stopped waiting").of_job(job);
            Err(stopped.continue_with("wait", job, &options))
        }
    };
    match (ended, recorded) {
        (Ok(ending), recorded) => recorded.map(|()| ending),
        (Err(failure), Ok(())) => Err(failure),
        (Err(failure), Err(recording)) => Err(failure.with_another(recording)),
    }
}

fn succeeded(finished: &Finished, output: &Output) -> Result<Ending, Failure> {
    if let Some(ended) = Ended::succeeded(finished) {
        output.result(&ended, || ended.text())?;
    }
    Ok(Ending::Done)
}

/// Prints what a program can still use; for people the error says it, save that a failed job is a
/// result like others.
fn failed(
    failure: WaitFailure,
    job: &JobId,
    options: &[Setting],
    output: &Output,
) -> Result<Ending, Failure> {
    let is_job_failed = matches!(failure.kind, WaitErrorKind::JobFailed { .. });
    if output.is_json() || is_job_failed {
        print(&failure.kind, &failure.report, output)?;
    }
    let is_timed_out = matches!(failure.kind, WaitErrorKind::TimedOut);
    match Failure::from(failure) {
        _ if is_job_failed => Ok(Ending::JobFailed),
        failure if is_timed_out => Err(failure.of_job(job).continue_with("wait", job, options)),
        failure => Err(failure),
    }
}

/// Prints how the job stands, if there was a good answer.
fn print(kind: &WaitErrorKind, report: &Report, output: &Output) -> Result<(), Failure> {
    if let Some(ended) = Ended::new(outcome(kind), report) {
        output.result(&ended, || ended.text())?;
    }
    Ok(())
}

const fn outcome(kind: &WaitErrorKind) -> &'static str {
    match kind {
        WaitErrorKind::JobFailed { .. } => "failure",
        WaitErrorKind::TimedOut => "timed_out",
        WaitErrorKind::Cancelled => "cancelled",
        _ => "error",
    }
}
