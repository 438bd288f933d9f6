use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use super::{Action, JobId, SERVICE, VERSION};
use crate::{download::DownloadUrl, text::nonempty_text};

/// Asks where the file of an export job is, without how far the job is.
///
/// The service does not say which creating actions' jobs it knows; for that of
/// [`CreateExportComplianceStatusListJob`](crate::CreateExportComplianceStatusListJob) it names
/// [`DescribeExportJobResult`](crate::DescribeExportJobResult) instead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DescribeExportJobDownloadURL {
    /// The id that the creating action returned; this action spells its name in its own way.
    #[serde(rename = "JobID")]
    pub job_id: JobId,
}

impl DescribeExportJobDownloadURL {
    /// Creates the question for one job.
    #[must_use]
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

/// Where the file of an export job is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DescribeExportJobDownloadURLResponse {
    /// The URL; `None` when the service sent null, nothing, an empty text or a value of another
    /// JSON type.
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
