use alloc::string::String;
use core::fmt;

use serde::Serialize;

use super::{Action, FromResponse, JobId, ResponseObject, SERVICE, VERSION, url};
use crate::{
    download::DownloadUrl,
    json::{Json, has_lost_bytes},
    response_error::ResponseErrorKind,
    text::printable,
};

/// Asks for the state of an export job.
///
/// Service page:
/// [DescribeExportJobResult](https://www.tencentcloud.com/document/product/1163/52909).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DescribeExportJobResult {
    /// The id of the job.
    #[serde(rename = "JobId")]
    pub job_id: JobId,
}

impl DescribeExportJobResult {
    /// Creates the action for one job.
    pub const fn new(job_id: JobId) -> Self {
        Self { job_id }
    }
}

impl Action for DescribeExportJobResult {
    const SERVICE: &'static str = SERVICE;
    const VERSION: &'static str = VERSION;
    const NAME: &'static str = "DescribeExportJobResult";
    const READ_ONLY: bool = true;
    type Response = DescribeExportJobResultResponse;
}

/// The state of an export job.
///
/// A field is `None` if the service sent null, nothing, an empty text, another JSON type or several
/// values, and the other fields stay readable. Only a repeated status makes the answer unusable.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct DescribeExportJobResultResponse {
    /// The status of the job.
    pub status: ExportStatus,
    /// The URL of the file, once the job has succeeded. `None` also for a text with undecodable
    /// bytes.
    pub download_url: Option<DownloadUrl>,
    /// The progress in percent.
    pub progress: Option<f64>,
    /// Why the job failed. The service may send one with any status. U+FFFD replaces undecodable
    /// bytes.
    pub failure_message: Option<String>,
}

impl FromResponse for DescribeExportJobResultResponse {
    fn read(response: &mut ResponseObject<'_, '_>) -> Result<Self, ResponseErrorKind> {
        let names = ["ExportStatus", "DownloadURL", "ExportProgress", "FailureMsg"];
        let [status, download_url, percent, message] = response.values_of(names)?;
        Ok(Self {
            status: status.sole()?.map(ExportStatus::read).unwrap_or_default(),
            download_url: download_url.value().and_then(url),
            progress: percent.value().and_then(Json::progress),
            failure_message: message.value().and_then(Json::text),
        })
    }
}

/// The status of an export job.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum ExportStatus {
    /// The job is running.
    Running,
    /// The job has succeeded.
    Success,
    /// The job has failed.
    Failure,
    /// Another text, or the JSON of a status that is not a text. Empty for no status or one with
    /// undecodable bytes.
    Unknown(String),
}

impl ExportStatus {
    /// Returns the service's text.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Running => "RUNNING",
            Self::Success => "SUCCESS",
            Self::Failure => "FAILURE",
            Self::Unknown(text) => text,
        }
    }

    pub(super) fn read(json: Json<'_>) -> Self {
        match &*json.text_or_json() {
            b"RUNNING" => Self::Running,
            b"SUCCESS" => Self::Success,
            b"FAILURE" => Self::Failure,
            other => {
                let text = String::from_utf8_lossy(other).into_owned();
                if has_lost_bytes(&text) { Self::default() } else { Self::Unknown(text) }
            }
        }
    }
}

/// No status.
impl Default for ExportStatus {
    fn default() -> Self {
        Self::Unknown(String::new())
    }
}

impl fmt::Display for ExportStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        printable(self.as_str()).fmt(f)
    }
}
