use serde::Serialize;

use super::{Action, FromResponse, JobId, ResponseObject, SERVICE, VERSION, url};
use crate::{download::DownloadUrl, response_error::ResponseErrorKind};

/// Asks for the URL of an export job's file, without the state of the job.
///
/// The service does not document the jobs that this action knows. For
/// [`CreateExportComplianceStatusListJob`](super::CreateExportComplianceStatusListJob), it
/// recommends [`DescribeExportJobResult`](super::DescribeExportJobResult).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DescribeExportJobDownloadURL {
    /// The id of the job; only this action spells it `JobID`.
    #[serde(rename = "JobID")]
    pub job_id: JobId,
}

impl DescribeExportJobDownloadURL {
    /// Creates the action for one job.
    pub const fn new(job_id: JobId) -> Self {
        Self { job_id }
    }
}

impl Action for DescribeExportJobDownloadURL {
    const SERVICE: &'static str = SERVICE;
    const VERSION: &'static str = VERSION;
    const NAME: &'static str = "DescribeExportJobDownloadURL";
    const READ_ONLY: bool = true;
    type Response = DescribeExportJobDownloadURLResponse;
}

/// The URL of an export job's file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DescribeExportJobDownloadURLResponse {
    /// The URL. `None` if the service sent null, nothing, an empty text, another JSON type, a text
    /// with undecodable bytes, or several URLs.
    pub download_url: Option<DownloadUrl>,
}

impl FromResponse for DescribeExportJobDownloadURLResponse {
    fn read(response: &mut ResponseObject<'_, '_>) -> Result<Self, ResponseErrorKind> {
        let [download_url] = response.values_of(["DownloadURL"])?;
        Ok(Self { download_url: download_url.value().and_then(url) })
    }
}
