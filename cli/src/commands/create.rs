use serde::Serialize;
use tcss_export::{JobId, text::printable, ureq::Client};

use crate::{
    args::{self, Common},
    background::Desk,
    create,
    ending::Ending,
    failure::{Failure, Kind, hints},
    keys,
    terminal::output::{Output, Reader},
};

/// A job that was created.
#[derive(Serialize)]
struct Created<'a> {
    job_id: &'a JobId,
    request_id: Option<&'a str>,
}

pub(super) fn run(
    args: &args::Create,
    common: &Common,
    output: &Output,
) -> Result<Ending, Failure> {
    let action = args.export.action()?;
    let client = Client::new(common.session()?, keys::credentials()?);
    let answer = create::create(&Desk::open(), &client, action, common, output)?;
    let job_id = &answer.response.job_id;
    let created = Created { job_id, request_id: answer.request_id.as_deref() };
    // The id must not get lost: without it, whoever tries again has a second job created.
    match output.result(&created, || format!("{}\n", printable(job_id.as_str()))) {
        Ok(Reader::There) => Ok(Ending::Done),
        Ok(Reader::Gone) => {
            Err(Failure::new(Kind::File, "stdout was closed").with_hint(hints::UNREAD))
        }
        Err(failure) => Err(failure),
    }
    .map_err(|failure| failure.of_job(job_id).continue_with("wait", job_id, &common.options()))
}
