//! The creation of a job, which is asked for once and never again.

use tcss_export::{
    Answer, CreateExportComplianceStatusListJob, CreateExportComplianceStatusListJobResponse,
    SendError, ureq::Client,
};

use crate::{
    args::Common,
    failure::Failure,
    hints,
    news::{Desk, News, tell},
    shell,
};

pub(crate) type Created = Result<Answer<CreateExportComplianceStatusListJobResponse>, SendError>;

/// Has a job created. If it may be there although no answer says so, the error tells how to look.
pub(crate) fn create(
    desk: &Desk,
    client: &Client,
    action: CreateExportComplianceStatusListJob,
    common: &Common,
) -> Result<Answer<CreateExportComplianceStatusListJobResponse>, Failure> {
    let client = client.clone();
    desk.start(move |sender| tell(sender, News::Created(Box::new(client.send(&action)))));
    match desk.next() {
        News::Created(created) => created.map_err(|error| match error.may_have_arrived() {
            true => uncertain(error.into(), common),
            false => Failure::from(error).instead_of_job_id(hints::WRONG_EXPORT),
        }),
        News::Signal(signal) => {
            Err(uncertain(Failure::stopped(signal, "stopped creating a job"), common))
        }
        _ => panic!("the thread of the create has panicked"),
    }
}

fn uncertain(failure: Failure, common: &Common) -> Failure {
    let command = shell::command("jobs", &common.options());
    failure.with_hint(hints::MAYBE_CREATED).with_command("look with", command)
}
