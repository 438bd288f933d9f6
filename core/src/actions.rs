//! The typed actions, with the service's own names.

mod create_export_compliance_status_list_job;
mod describe_export_job_download_url;
mod describe_export_job_manage_list;
mod describe_export_job_result;
mod from_response;

use alloc::{boxed::Box, string::String, vec::Vec};
use core::{fmt, str::FromStr};

use serde::Serialize;

pub(crate) use self::from_response::ResponseObject;
pub use self::{
    create_export_compliance_status_list_job::{
        AssetType, CreateExportComplianceStatusListJob, CreateExportComplianceStatusListJobResponse,
    },
    describe_export_job_download_url::{
        DescribeExportJobDownloadURL, DescribeExportJobDownloadURLResponse,
    },
    describe_export_job_manage_list::{
        DescribeExportJobManageList, DescribeExportJobManageListResponse, ExportJobInfo,
    },
    describe_export_job_result::{
        DescribeExportJobResult, DescribeExportJobResultResponse, ExportStatus,
    },
    from_response::FromResponse,
};
use crate::{
    download::DownloadUrl,
    error::{BuildError, Field, Reason},
    json::Json,
};

/// The service of every action here.
const SERVICE: &str = "tcss";
/// The API version of every action here.
const VERSION: &str = "2020-11-01";

/// One operation of a Tencent Cloud API 3.0 service.
///
/// It serializes to the JSON body of the request. You can add any action of any service:
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use tcss_export_core::actions::Action;
///
/// #[derive(Serialize)]
/// #[serde(rename_all = "PascalCase")]
/// struct DescribeAssetSummary {}
///
/// #[derive(Deserialize)]
/// #[serde(rename_all = "PascalCase")]
/// struct DescribeAssetSummaryResponse {
///     host_cnt: u64,
/// }
///
/// impl Action for DescribeAssetSummary {
///     const SERVICE: &'static str = "tcss";
///     const VERSION: &'static str = "2020-11-01";
///     const NAME: &'static str = "DescribeAssetSummary";
///     type Response = DescribeAssetSummaryResponse;
/// }
/// ```
pub trait Action: Serialize {
    /// The name of the service in the credential scope. It does not depend on the host.
    const SERVICE: &'static str;
    /// The version of the API, `X-TC-Version`.
    const VERSION: &'static str;
    /// The name of the action, `X-TC-Action`.
    const NAME: &'static str;
    /// Whether it changes nothing, so that it may be repeated even if the service may have acted.
    const READ_ONLY: bool = false;
    /// The `Response` object of a good answer, without the `RequestId`.
    ///
    /// Usually it is your own struct that derives `serde::Deserialize`. It cannot borrow from the
    /// answer, so use `String` instead of `&str`.
    type Response: FromResponse;
}

/// The id of an export job: any text but the empty one.
///
/// The service uses UUIDs, numbers and other texts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize), serde(try_from = "String"))]
pub struct JobId(Box<str>);

impl JobId {
    /// Creates a job id.
    ///
    /// # Errors
    ///
    /// [`Reason::Empty`] for [`Field::JobId`].
    pub fn new(id: impl Into<String>) -> Result<Self, BuildError> {
        let id = id.into();
        if id.is_empty() {
            return Err(BuildError::new(Field::JobId, Reason::Empty));
        }
        Ok(Self(id.into_boxed_str()))
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        crate::text::brief(&self.0).fmt(f)
    }
}

impl FromStr for JobId {
    type Err = BuildError;

    fn from_str(id: &str) -> Result<Self, BuildError> {
        Self::new(id)
    }
}

impl TryFrom<String> for JobId {
    type Error = BuildError;

    fn try_from(id: String) -> Result<Self, BuildError> {
        Self::new(id)
    }
}

/// Reads a job id. Other JSON is `None`.
fn job_id(json: Json<'_>) -> Option<JobId> {
    JobId::new(json.exact_text()?).ok()
}

/// Reads the URL of a file. Other JSON is `None`.
fn url(json: Json<'_>) -> Option<DownloadUrl> {
    DownloadUrl::new(json.exact_text()?)
}

/// A condition on the items that an action lists or exports, the service's `RunTimeFilters`.
///
/// The names and values that have a meaning depend on the action.
///
/// Service page: [data types](https://www.tencentcloud.com/document/product/1163/52928).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize))]
#[serde(rename_all = "PascalCase")]
#[non_exhaustive]
pub struct RunTimeFilter {
    /// The name of the compared property.
    pub name: String,
    /// The values to compare it with.
    pub values: Vec<String>,
    /// Whether values must match exactly; not sent if unset, since it is documented as fuzzy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exact_match: Option<bool>,
}

impl RunTimeFilter {
    /// Creates a condition with the service's default way of matching.
    ///
    /// ```
    /// use tcss_export_core::actions::RunTimeFilter;
    ///
    /// let failed = RunTimeFilter::new("ExportStatus", ["FAILURE"]);
    /// assert_eq!(failed.exact_match, None);
    /// ```
    pub fn new(name: impl Into<String>, values: impl IntoIterator<Item: Into<String>>) -> Self {
        let values = values.into_iter().map(Into::into).collect();
        Self { name: name.into(), values, exact_match: None }
    }
}
