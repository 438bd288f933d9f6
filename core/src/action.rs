use serde::{Serialize, de::DeserializeOwned};

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
