use std::sync::mpsc::Receiver;

use tcss_export::{
    Finished, JobId, Policy, Report, WaitErrorKind, WaitFailure, text::printable, ureq::Client,
};

use super::Ending;
use crate::{
    args::{self, Common},
    failure::Failure,
    follow::{self, News, State},
    keys,
    output::{Output, Reader},
    signals::Signal,
    standing::Ended,
    telling::Telling,
};

pub(super) fn run(args: &args::Wait, common: &Common, output: &Output) -> Result<Ending, Failure> {
    let client = Client::new(common.session()?, keys::credentials()?).with_policy(policy(args));
    let mut telling = Telling::new(args, output)?;
    let news = follow::start(client, args.job.job_id.clone());
    let end = listen(&news, &mut telling)?;
    let recorded = telling.finish();
    match end {
        End::Outcome(Ok(finished)) => {
            succeeded(&finished, output).and_then(|end| recorded.and(Ok(end)))
        }
        End::Outcome(Err(failure)) => failed(failure, output).and_then(|end| recorded.and(Ok(end))),
        End::Unread => Ok(Ending::Done),
        End::Stopped(signal, report) => {
            if output.is_json() {
                print(&WaitErrorKind::Cancelled, &report, output)?;
            }
            Err(Failure::stopped(signal, &command(&args.job.job_id, common)))
        }
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

enum End {
    Outcome(Result<Finished, WaitFailure>),
    /// Nobody reads the events any more.
    Unread,
    Stopped(Signal, Box<Report>),
}

/// Tells the news as they come. At the end nothing of it is left on the terminal.
fn listen(news: &Receiver<News>, telling: &mut Telling<'_>) -> Result<End, Failure> {
    let mut last: Option<Box<State>> = None;
    loop {
        match news.recv().unwrap_or(News::Lost) {
            News::GoesOn(state) => {
                if telling.state(&state)? == Reader::Gone {
                    return Ok(End::Unread);
                }
                last = Some(state);
            }
            News::Ended { lines, outcome } => {
                let event = last.and_then(|last| last.event);
                telling.end(&lines, (*outcome).as_ref(), event.as_ref())?;
                return Ok(End::Outcome(*outcome));
            }
            News::Signal(signal) => {
                let report = last.and_then(|last| last.given_up()).unwrap_or_default();
                telling.given_up(&report)?;
                return Ok(End::Stopped(signal, report));
            }
            News::Lost => panic!("the thread of the wait has panicked"),
        }
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
    if output.is_json() || is_job_failed {
        print(&failure.kind, &failure.report, output)?;
    }
    if is_job_failed { Ok(Ending::JobFailed) } else { Err(failure.into()) }
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

/// Returns the command that waits for the same job, to be pasted into a shell.
fn command(job: &JobId, common: &Common) -> String {
    let endpoint = common.given_endpoint();
    let endpoint = endpoint.map(|site| format!(" --endpoint {}", quoted(site))).unwrap_or_default();
    let job = quoted(job.as_str());
    // Behind two dashes nothing is an option.
    let command = match job.starts_with(['-', '\'']) {
        true => format!("tcss-export wait{endpoint} -- {job}"),
        false => format!("tcss-export wait {job}{endpoint}"),
    };
    printable(&command).to_string()
}

/// Quotes an argument for a shell, if it needs that.
fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.:/@+,".contains(c);
    match text.chars().all(is_plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_is_quoted_for_a_shell_if_it_needs_that() {
        assert_eq!(quoted("e4409223-8e92"), "e4409223-8e92");
        assert_eq!(quoted("http://127.0.0.1:8080"), "http://127.0.0.1:8080");
        assert_eq!(quoted("http://[::1]:8080"), "'http://[::1]:8080'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
