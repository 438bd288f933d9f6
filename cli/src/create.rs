//! The creation of a job, which is asked for again only where the service has certainly created
//! none.

use std::convert::Infallible;

use tcss_export::{
    Answer, CreateExportComplianceStatusListJob, CreateExportComplianceStatusListJobResponse,
    ureq::Client,
};

use crate::{
    args::Common,
    background::Desk,
    failure::{Failure, hints},
    sending::send,
    terminal::{output::Output, shell},
    wait::decision,
};

/// Has a job created. If it may be there although no answer says so, the error tells how to look.
pub(crate) fn create(
    desk: &Desk,
    client: &Client,
    action: CreateExportComplianceStatusListJob,
    common: &Common,
    output: &Output,
) -> Result<Answer<CreateExportComplianceStatusListJobResponse>, Failure> {
    let client = client.clone();
    let work = desk.start(move |teller| {
        send(&client, &action, |offset| {
            teller.tell(offset);
        })
    });
    let told = work.listen(|offset| {
        output.progress(&decision::corrected(offset));
        Ok::<_, Infallible>(())
    });
    let Ok(signal) = told;
    if let Some(signal) = signal {
        let stopped = Failure::stopped(signal, "stopped while creating a job");
        return Err(uncertain(stopped, common));
    }
    work.result().map_err(|error| match error.may_have_arrived() {
        true => uncertain(error.into(), common),
        false => Failure::from(error).instead_of_job_id(hints::WRONG_EXPORT),
    })
}

fn uncertain(failure: Failure, common: &Common) -> Failure {
    let command = shell::command("jobs", &common.options());
    failure.with_hint(hints::MAYBE_CREATED).with_command("check with", command)
}
