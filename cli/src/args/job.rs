use clap::Args as Group;
use tcss_export::JobId;

use crate::failure::{Failure, Kind, hints};

#[derive(Debug, Group)]
pub(crate) struct Job {
    #[arg(value_name = "JOB_ID", help = "The id of the job, as printed by create or jobs.")]
    job_id: JobId,
}

impl Job {
    /// Returns the id, unless it is a URL.
    pub(crate) fn id(&self) -> Result<&JobId, Failure> {
        not_a_url(&self.job_id)
    }
}

/// A URL in the place of a job's id would be sent to the service, and shown. It is refused here and
/// not in clap, whose error would show it, too.
pub(crate) fn not_a_url(job: &JobId) -> Result<&JobId, Failure> {
    match job.as_str().contains("://") {
        true => Err(Failure::new(Kind::Usage, "the job id is a URL").with_hint(hints::URL_AS_JOB)),
        false => Ok(job),
    }
}
