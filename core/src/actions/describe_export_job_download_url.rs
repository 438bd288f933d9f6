use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use super::{Action, JobId, SERVICE, VERSION};
use crate::{download::DownloadUrl, text::nonempty_text};

/// Asks for the URL of an export job's file, without the state of the job.
///
/// The service does not document the jobs that this action knows. For
/// [`CreateExportComplianceStatusListJob`](crate::CreateExportComplianceStatusListJob), it
/// recommends [`DescribeExportJobResult`](crate::DescribeExportJobResult).
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
    type Response = DescribeExportJobDownloadURLResponse;
}

/// The URL of an export job's file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DescribeExportJobDownloadURLResponse {
    /// The URL; `None` if the service sent null, nothing, an empty text or another JSON type.
    pub download_url: Option<DownloadUrl>,
}

#[derive(Deserialize)]
struct Members<'a> {
    #[serde(borrow, rename = "DownloadURL")]
    download_url: Option<&'a RawValue>,
}

impl<'de> Deserialize<'de> for DescribeExportJobDownloadURLResponse {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let url = Members::deserialize(deserializer)?.download_url;
        Ok(Self { download_url: nonempty_text(url).and_then(DownloadUrl::new) })
    }
}
