use alloc::string::String;
use core::fmt;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use super::{Action, JobId, SERVICE, VERSION};
use crate::{
    download::DownloadUrl,
    text::{json_progress, json_text, nonempty_text, printable},
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
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct DescribeExportJobResultResponse {
    /// The status of the job.
    pub status: ExportStatus,
    /// The URL of the file, once the job has succeeded.
    pub download_url: Option<DownloadUrl>,
    /// The progress in percent.
    pub progress: Option<f64>,
    /// Why the job failed. The service may send one with any status.
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

    pub(super) fn from_json(raw: Option<&RawValue>) -> Self {
        let Some(raw) = raw else { return Self::Unknown(String::new()) };
        let json = raw.get();
        match json {
            r#""RUNNING""# => Self::Running,
            r#""SUCCESS""# => Self::Success,
            r#""FAILURE""# => Self::Failure,
            _ => match json_text(raw) {
                Some(text) => Self::from_text(text),
                None => Self::Unknown(json.into()),
            },
        }
    }

    fn from_text(text: String) -> Self {
        // A known status gets here only if its text has escapes.
        [Self::Running, Self::Success, Self::Failure]
            .into_iter()
            .find(|known| known.as_str() == text)
            .unwrap_or(Self::Unknown(text))
    }
}

impl fmt::Display for ExportStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        printable(self.as_str()).fmt(f)
    }
}

/// The members of the answer, each of any JSON type.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Members<'a> {
    #[serde(borrow)]
    export_status: Option<&'a RawValue>,
    #[serde(borrow, rename = "DownloadURL")]
    download_url: Option<&'a RawValue>,
    #[serde(borrow)]
    export_progress: Option<&'a RawValue>,
    #[serde(borrow)]
    failure_msg: Option<&'a RawValue>,
}

impl<'de> Deserialize<'de> for DescribeExportJobResultResponse {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let members = Members::deserialize(deserializer)?;
        Ok(Self {
            status: ExportStatus::from_json(members.export_status),
            download_url: nonempty_text(members.download_url).and_then(DownloadUrl::new),
            progress: json_progress(members.export_progress),
            failure_message: nonempty_text(members.failure_msg),
        })
    }
}
