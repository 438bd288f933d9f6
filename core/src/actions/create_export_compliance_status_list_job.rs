use alloc::{borrow::Cow, string::String, vec::Vec};
use core::{fmt, str::FromStr};

use serde::Serialize;
#[cfg(feature = "serde")]
use serde::{Deserialize, Deserializer, de::Error};

use super::{Action, FromResponse, JobId, ResponseObject, RunTimeFilter, SERVICE, VERSION, job_id};
use crate::{
    error::{BuildError, Field, Reason},
    response_error::ResponseErrorKind,
    text::brief,
};

/// Starts an export of compliance results, to be polled with
/// [`DescribeExportJobResult`](super::DescribeExportJobResult).
///
/// Do not retry it after a fault if the request may have arrived (`may_have_arrived` of the
/// driver's error): without a deduplication token, a second job may start. Look for the first job
/// with [`DescribeExportJobManageList`](super::DescribeExportJobManageList) instead.
///
/// With the feature `serde` it is read from the JSON that is sent, so that it can be an order in a
/// file, a queue or a journal. Unknown members and an empty asset type or list are errors.
///
/// Service page:
/// [CreateExportComplianceStatusListJob](https://www.tencentcloud.com/document/product/1163/52923).
///
/// ```
/// use tcss_export_core::{actions::{AssetType, CreateExportComplianceStatusListJob}};
///
/// let mut all_hosts = CreateExportComplianceStatusListJob::all(AssetType::HOST);
/// all_hosts.export_by_asset = true;
/// let two_items = CreateExportComplianceStatusListJob::of(AssetType::K8S, [3, 17])?;
/// # Ok::<(), tcss_export_core::BuildError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
#[non_exhaustive]
pub struct CreateExportComplianceStatusListJob {
    asset_type: AssetType,
    /// Exports per asset instead of per check item; the ids are those of assets then.
    pub export_by_asset: bool,
    export_all: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    id_list: Vec<u64>,
    /// The conditions on the exported items.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<RunTimeFilter>,
}

impl CreateExportComplianceStatusListJob {
    /// Creates an export of all check items.
    pub const fn all(asset_type: AssetType) -> Self {
        Self {
            asset_type,
            export_by_asset: false,
            export_all: true,
            id_list: Vec::new(),
            filters: Vec::new(),
        }
    }

    /// Creates an export of these check items.
    ///
    /// # Errors
    ///
    /// [`Reason::Empty`] for [`Field::IdList`]: the service would export nothing.
    pub fn of(
        asset_type: AssetType,
        ids: impl IntoIterator<Item = u64>,
    ) -> Result<Self, BuildError> {
        let id_list = Vec::from_iter(ids);
        if id_list.is_empty() {
            return Err(BuildError::new(Field::IdList, Reason::Empty));
        }
        Ok(Self { export_all: false, id_list, ..Self::all(asset_type) })
    }
}

#[cfg(feature = "serde")]
impl<'de> Deserialize<'de> for CreateExportComplianceStatusListJob {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Default, Deserialize)]
        #[serde(default, rename_all = "PascalCase", deny_unknown_fields)]
        struct Fields {
            asset_type: String,
            export_by_asset: bool,
            export_all: bool,
            id_list: Vec<u64>,
            filters: Vec<RunTimeFilter>,
        }
        let Fields { asset_type, export_by_asset, export_all, id_list, filters } =
            Fields::deserialize(from)?;
        let asset_type = AssetType::new(asset_type).map_err(D::Error::custom)?;
        let export = match (export_all, id_list.is_empty()) {
            (true, true) => Self::all(asset_type),
            (true, false) => return Err(D::Error::custom("ExportAll excludes IdList")),
            (false, _) => Self::of(asset_type, id_list).map_err(D::Error::custom)?,
        };
        Ok(Self { export_by_asset, filters, ..export })
    }
}

impl Action for CreateExportComplianceStatusListJob {
    const SERVICE: &'static str = SERVICE;
    const VERSION: &'static str = VERSION;
    const NAME: &'static str = "CreateExportComplianceStatusListJob";
    type Response = CreateExportComplianceStatusListJobResponse;
}

/// The created job.
///
/// An answer without a valid id is an error: the job may exist, but cannot be polled.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CreateExportComplianceStatusListJobResponse {
    /// The id of the job.
    pub job_id: JobId,
}

impl FromResponse for CreateExportComplianceStatusListJobResponse {
    fn read(response: &mut ResponseObject<'_, '_>) -> Result<Self, ResponseErrorKind> {
        let [id] = response.values_of(["JobId"])?;
        let job_id = id.value().and_then(job_id).ok_or(ResponseErrorKind::Unexpected)?;
        Ok(Self { job_id })
    }
}

/// The kind of assets of a compliance check.
///
/// Any text but the empty one is allowed: the service documents the known kinds elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct AssetType(Cow<'static, str>);

impl AssetType {
    /// Containers.
    pub const CONTAINER: Self = Self(Cow::Borrowed("ASSET_CONTAINER"));
    /// Images.
    pub const IMAGE: Self = Self(Cow::Borrowed("ASSET_IMAGE"));
    /// Hosts.
    pub const HOST: Self = Self(Cow::Borrowed("ASSET_HOST"));
    /// Kubernetes.
    pub const K8S: Self = Self(Cow::Borrowed("ASSET_K8S"));
    /// containerd.
    pub const CONTAINERD: Self = Self(Cow::Borrowed("ASSET_CONTAINERD"));
    /// Containers of containerd.
    pub const CONTAINERD_CONTAINER: Self = Self(Cow::Borrowed("ASSET_CONTAINERD_CONTAINER"));
    /// All known kinds.
    pub const KNOWN: [Self; 6] = [
        Self::CONTAINER,
        Self::IMAGE,
        Self::HOST,
        Self::K8S,
        Self::CONTAINERD,
        Self::CONTAINERD_CONTAINER,
    ];

    /// Creates a known or unknown kind from the service's text.
    ///
    /// # Errors
    ///
    /// [`Reason::Empty`] for [`Field::AssetType`].
    pub fn new(text: impl Into<String>) -> Result<Self, BuildError> {
        let text = text.into();
        if text.is_empty() {
            return Err(BuildError::new(Field::AssetType, Reason::Empty));
        }
        Ok(Self(Cow::Owned(text)))
    }

    /// Returns the service's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AssetType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        brief(&self.0).fmt(f)
    }
}

impl FromStr for AssetType {
    type Err = BuildError;

    fn from_str(text: &str) -> Result<Self, BuildError> {
        Self::new(text)
    }
}

#[cfg(test)]
mod tests {
    #[cfg(feature = "serde")]
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn an_empty_list_of_ids_is_refused() {
        let error = CreateExportComplianceStatusListJob::of(AssetType::HOST, []).unwrap_err();
        assert_eq!((error.field(), error.reason()), (Field::IdList, Reason::Empty));
    }

    #[cfg(feature = "serde")]
    #[test]
    fn an_order_that_cannot_be_built_is_not_read() {
        let read = serde_json::from_str::<CreateExportComplianceStatusListJob>;
        for (json, message) in [
            ("{}", "asset type is empty"),
            (r#"{"AssetType":"ASSET_HOST"}"#, "list of ids is empty"),
            (
                r#"{"AssetType":"ASSET_HOST","ExportAll":true,"IdList":[1]}"#,
                "ExportAll excludes IdList",
            ),
            (r#"{"AssetType":"ASSET_HOST","ExportALL":true}"#, "unknown field `ExportALL`"),
        ] {
            let error = read(json).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
    }

    #[test]
    fn a_known_text_is_the_known_kind() {
        assert_eq!("ASSET_K8S".parse(), Ok(AssetType::K8S));
    }

    #[test]
    fn empty_text_is_refused() {
        let error = AssetType::new("").unwrap_err();
        assert_eq!((error.field(), error.reason()), (Field::AssetType, Reason::Empty));
    }
}
