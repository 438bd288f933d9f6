//! The typed actions, one a file, named as the service names them, and what they share.

mod create_export_compliance_status_list_job;
mod describe_export_job_download_url;
mod describe_export_job_manage_list;
mod describe_export_job_result;

use alloc::{boxed::Box, string::String, vec::Vec};
use core::{fmt, str::FromStr};

use serde::{Serialize, de::DeserializeOwned};

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
};
use crate::error::{BuildError, Field, Reason};

/// The name of the service in the credential scope of every action here.
const SERVICE: &str = "tcss";
/// The version of the API that every action here belongs to.
const VERSION: &str = "2020-11-01";

/// One operation of a Tencent Cloud API 3.0 service.
///
/// The action itself is the request's JSON body. Any action of any service can be added:
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use tcss_export_core::Action;
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
    /// The name of the service in the credential scope, independent of the host.
    const SERVICE: &'static str;
    /// The version of the API, `X-TC-Version`.
    const VERSION: &'static str;
    /// The name of the action, `X-TC-Action`.
    const NAME: &'static str;
    /// The members of a good answer's `Response` object, except `RequestId`, which
    /// [`Answer`](crate::Answer) holds.
    type Response: DeserializeOwned;
}

/// The id of an export job: an opaque text, of which only the empty one is refused.
///
/// The service gives UUIDs, numbers and other texts.
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
    #[must_use]
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

/// One condition on what an action lists or exports, the service's `RunTimeFilters`.
///
/// Which names and values mean something depends on the action.
///
/// Service page: [data types](https://www.tencentcloud.com/document/product/1163/52928).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
#[non_exhaustive]
pub struct RunTimeFilter {
    /// What is compared.
    pub name: String,
    /// What it is compared with.
    pub values: Vec<String>,
    /// Whether values must match as a whole. The service's note on this member speaks of a fuzzy
    /// query, so it is sent only if it is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exact_match: Option<bool>,
}

impl RunTimeFilter {
    /// Creates a condition that leaves the way of matching to the service.
    ///
    /// ```
    /// use tcss_export_core::RunTimeFilter;
    ///
    /// let failed = RunTimeFilter::new("ExportStatus", ["FAILURE"]);
    /// assert_eq!(failed.exact_match, None);
    /// ```
    pub fn new(name: impl Into<String>, values: impl IntoIterator<Item: Into<String>>) -> Self {
        let values = values.into_iter().map(Into::into).collect();
        Self { name: name.into(), values, exact_match: None }
    }

    /// Sets whether values must match as a whole.
    #[must_use]
    pub const fn with_exact_match(mut self, exact_match: bool) -> Self {
        self.exact_match = Some(exact_match);
        self
    }
}
