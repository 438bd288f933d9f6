use tcss_export::{Finished, Policy, WaitErrorKind, WaitFailure, ureq::Client};

use super::Ending;
use crate::{
    args::{self, Common},
    failure::Failure,
    keys,
    output::Output,
    progress::Progress,
    standing::Ended,
};

pub(super) fn run(args: &args::Wait, common: &Common, output: &Output) -> Result<Ending, Failure> {
    let client = Client::new(common.session()?, keys::credentials()?).with_policy(policy(args));
    let mut wait = client.follow(args.job.job_id.clone());
    let mut progress = Progress::new(output);
    for event in wait.by_ref() {
        progress.show(&event);
    }
    drop(progress);
    match wait.outcome() {
        Ok(finished) => succeeded(&finished, output),
        Err(failure) => failed(failure, output),
    }
}

fn policy(args: &args::Wait) -> Policy {
    let mut policy = Policy::default();
    if let Some(timeout) = args.timeout {
        // Who waits two seconds does not want to hang for thirty.
        let exchange_limit = timeout.min(Policy::EXCHANGE_LIMIT);
        policy = policy.with_max_wait(timeout).with_exchange_limit(exchange_limit);
    }
    match args.interval {
        Some(interval) => policy.with_poll_interval(interval, interval),
        None => policy,
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
fn failed(failure: WaitFailure, output: &Output) -> Result<Ending, Failure> {
    let is_job_failed = matches!(failure.kind, WaitErrorKind::JobFailed { .. });
    if let Some(ended) = Ended::new(outcome(&failure.kind), &failure.report)
        && (output.is_json() || is_job_failed)
    {
        output.result(&ended, || ended.text())?;
    }
    if is_job_failed { Ok(Ending::JobFailed) } else { Err(failure.into()) }
}

const fn outcome(kind: &WaitErrorKind) -> &'static str {
    match kind {
        WaitErrorKind::JobFailed { .. } => "failure",
        WaitErrorKind::TimedOut => "timed_out",
        WaitErrorKind::Cancelled => "cancelled",
        _ => "error",
    }
}
