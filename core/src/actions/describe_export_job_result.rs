use alloc::string::String;
use core::fmt;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use super::{Action, JobId, SERVICE, VERSION, lenient_url};
use crate::{
    download::DownloadUrl,
    text::{lenient_progress, lenient_text, printable, text_or_json},
};

/// Asks for the state of an export job.
///
/// Service page: [DescribeExportJobResult](https://www.tencentcloud.com/document/product/1163/52909).
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
    type Response = DescribeExportJobResultResponse;
}

/// The state of an export job.
///
/// A field is `None` if the service sent null, nothing, an empty text or another JSON type; the
/// other fields are read anyway. A repeated member makes the whole answer unusable.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct DescribeExportJobResultResponse {
    /// The status of the job.
    #[serde(rename = "ExportStatus", deserialize_with = "ExportStatus::lenient")]
    pub status: ExportStatus,
    /// The URL of the file, once the job has succeeded.
    #[serde(rename = "DownloadURL", deserialize_with = "lenient_url")]
    pub download_url: Option<DownloadUrl>,
    /// The progress in percent.
    #[serde(rename = "ExportProgress", deserialize_with = "lenient_progress")]
    pub progress: Option<f64>,
    /// Why the job failed. The service may send one with any status.
    #[serde(rename = "FailureMsg", deserialize_with = "lenient_text")]
    pub failure_message: Option<String>,
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
    /// Another text, an empty text for no status, or the JSON of a status that is not a text.
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

    pub(super) fn lenient<'de, D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        let Some(json) = Option::<&RawValue>::deserialize(json)? else {
            return Ok(Self::default());
        };
        let text = text_or_json(json);
        Ok(match &*text {
            "RUNNING" => Self::Running,
            "SUCCESS" => Self::Success,
            "FAILURE" => Self::Failure,
            _ => Self::Unknown(text.into_owned()),
        })
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
