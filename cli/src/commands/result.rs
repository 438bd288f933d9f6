use tcss_export::{DescribeExportJobResult, ExportStatus, ureq::Client};

use crate::{
    args::{Common, Job},
    ending::Ending,
    failure::Failure,
    keys,
    terminal::output::Output,
    wait::status::Standing,
};

pub(super) fn run(job: &Job, common: &Common, output: &Output) -> Result<Ending, Failure> {
    let job = job.id()?;
    let client = Client::new(common.session()?, keys::credentials()?);
    let answer = client.send(&DescribeExportJobResult::new(job.clone()))?;
    let standing = Standing::new(&answer.response, answer.request_id.as_deref());
    output.result(&standing, || standing.text())?;
    Ok(match answer.response.status {
        ExportStatus::Failure => Ending::JobFailed,
        _ => Ending::Done,
    })
}
