//! Creates a job. The request is sent again only if the service certainly created none.

use serde::Serialize;
use tcss_export::{JobId, core::text::printable, wait::Policy};
use tokio::select;

use crate::{
    args::{self, Common},
    client::{Failure, client, repeating, send},
    error::{Error, ErrorKind, Result, hints},
    output::{Ending, Output, Stdout, check_stdout},
    secrets::without_keys,
    shell,
    signals::Signals,
};

#[derive(Serialize)]
struct Created<'a> {
    job_id: &'a JobId,
    request_id: Option<String>,
}

pub(crate) async fn create(
    args: &args::Create,
    common: &Common,
    output: &Output,
) -> Result<Ending> {
    let action = args.export.action()?;
    let policy = repeating(Some(args.timeout.unwrap_or(Policy::MAX_WAIT)));
    let client = client(common, output).await?.with_policy(policy);
    check_stdout("redirect stdout to a file or a pipe: the job id is written to it")?;
    let sending = send(&client, &action, output);
    let answer = created(sending, &mut Signals::watch()?, common).await;
    let answer = answer.map_err(|not_created| not_created.error)?;
    let job_id = &answer.response.job_id;
    let result = Created { job_id, request_id: answer.request_id.as_deref().map(without_keys) };
    // If the id gets lost, another try creates a second job.
    match output.result(&result, || format!("{}\n", printable(job_id.as_str()))) {
        Ok(Stdout::Open) => Ok(Ending::Done),
        Ok(Stdout::Closed) => {
            Err(Error::new(ErrorKind::File, "stdout was closed").with_hint(hints::UNREAD))
        }
        Err(error) => Err(error),
    }
    .map_err(|error| error.with_job(job_id).continue_with("wait", Some(job_id), &common.options()))
}

/// Awaits the answer to a create. If the job may exist without an answer that says so, the error
/// contains the command to check.
pub(super) async fn created<A>(
    sending: impl Future<Output = Result<A, Failure>>,
    signals: &mut Signals,
    common: &Common,
) -> Result<A, NotCreated> {
    let (error, is_uncertain) = select! {
        result = sending => match result {
            Ok(answer) => return Ok(answer),
            Err(failure) => {
                let is_uncertain = failure.error.may_have_arrived();
                (Error::from(failure).without_job_hint(hints::WRONG_EXPORT), is_uncertain)
            }
        },
        signal = signals.first() => (Error::stopped(signal, "stopped while creating a job"), true),
    };
    if !is_uncertain {
        return Err(NotCreated { error, is_uncertain });
    }
    let command = shell::command("jobs", None, &common.options());
    let error = error.with_hint(hints::MAYBE_CREATED).with_command("check with", command);
    Err(NotCreated { error, is_uncertain })
}

/// The error of a create.
pub(super) struct NotCreated {
    pub(super) error: Error,
    /// The job may exist.
    pub(super) is_uncertain: bool,
}
