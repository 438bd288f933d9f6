//! The actions of the service and their parameters.

use serde_json::{Value, json};

use super::parameters::{ApiError, Filter, Parameters};

const DEFAULT_LIMIT: u64 = 10;
const MAX_LIMIT: u64 = 100;

/// An accepted call.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Call {
    /// DescribeExportJobResult of this job.
    Result(String),
    /// CreateExportComplianceStatusListJob.
    Create { asset_type: String },
    /// DescribeExportJobManageList.
    List(Listing),
    /// DescribeExportJobDownloadURL of this job.
    DownloadUrl(String),
    /// An action with this name that was added.
    Added(String),
    /// GetCallerIdentity of STS.
    Owner,
}

/// The part of the job list that a call requests.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Listing {
    filters: Vec<Filter>,
    pub(super) offset: usize,
    pub(super) limit: usize,
    pub(super) is_oldest_first: bool,
}

impl Call {
    /// Reads the parameters of a call, by the rules of its action.
    pub(super) fn read(action: &str, body: &[u8]) -> Result<Self, ApiError> {
        let read: fn(&mut Parameters) -> Result<Self, ApiError> = match action {
            "DescribeExportJobResult" => |parameters| Ok(Self::Result(parameters.text("JobId")?)),
            "CreateExportComplianceStatusListJob" => Self::create,
            "DescribeExportJobManageList" => |parameters| Listing::read(parameters).map(Self::List),
            // The service spells this parameter differently here.
            "DescribeExportJobDownloadURL" => {
                |parameters| Ok(Self::DownloadUrl(parameters.text("JobID")?))
            }
            _ => return Err(unknown_action()),
        };
        let mut parameters = Parameters::read(body)?;
        let call = read(&mut parameters)?;
        parameters.end()?;
        Ok(call)
    }

    /// Reads the parameters of a call to STS.
    pub(super) fn read_of_sts(action: &str, body: &[u8]) -> Result<Self, ApiError> {
        if action != "GetCallerIdentity" {
            return Err(unknown_action());
        }
        Parameters::read(body)?.end()?;
        Ok(Self::Owner)
    }

    /// The documented example has an empty `IdList`, so an empty choice of assets is accepted.
    fn create(parameters: &mut Parameters) -> Result<Self, ApiError> {
        let asset_type = parameters.text("AssetType")?;
        parameters.flag("ExportByAsset")?;
        parameters.flag("ExportAll")?;
        parameters.optional_numbers("IdList")?;
        parameters.filters()?;
        Ok(Self::Create { asset_type })
    }
}

impl Listing {
    fn read(parameters: &mut Parameters) -> Result<Self, ApiError> {
        let filters = parameters.filters()?;
        let offset = parameters.optional_number("Offset")?.unwrap_or_default();
        let limit = parameters.optional_number("Limit")?.unwrap_or(DEFAULT_LIMIT);
        let order = parameters.optional_text("Order")?.unwrap_or_default();
        let by = parameters.optional_text("By")?;
        if limit > MAX_LIMIT {
            return Err(ApiError::invalid("expected a Limit of at most 100"));
        }
        if by.is_some_and(|by| by != "InsertTime") {
            return Err(ApiError::invalid("expected By as InsertTime"));
        }
        if filters.iter().any(|filter| !["ExportStatus", "ExportSource"].contains(&&*filter.name)) {
            return Err(ApiError::invalid("expected filters by ExportStatus or ExportSource"));
        }
        let size = |number| usize::try_from(number).unwrap_or(usize::MAX);
        let is_oldest_first = order.eq_ignore_ascii_case("asc");
        Ok(Self { filters, offset: size(offset), limit: size(limit), is_oldest_first })
    }

    /// Returns whether a job in the form of the list passes the filters.
    pub(super) fn includes(&self, info: &Value) -> bool {
        self.filters.iter().all(|filter| {
            let member = if filter.name == "ExportStatus" { "ExportStatus" } else { "Source" };
            filter.values.iter().any(|value| info[member] == *value)
        })
    }
}

/// Returns the members of an answer to GetCallerIdentity: a made-up owner, the same for each key.
pub(super) fn owner() -> Value {
    json!({
        "AccountId": "100000000001", "UserId": "100000000002", "PrincipalId": "100000000002",
        "Type": "CAMUser", "Arn": "qcs::cam::uin/100000000001:uin/100000000002",
    })
}

pub(crate) fn unknown_action() -> ApiError {
    ApiError::new("InvalidAction", "expected an action of this service")
}

/// Returns a text in a body, even if the call is wrong otherwise.
pub(crate) fn member(body: &[u8], name: &str) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    body.get(name)?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESULT: &str = "DescribeExportJobResult";
    const CREATE: &str = "CreateExportComplianceStatusListJob";
    const LIST: &str = "DescribeExportJobManageList";
    const URL: &str = "DescribeExportJobDownloadURL";

    #[track_caller]
    fn refused(action: &str, body: &str, code: &str) {
        assert_eq!(Call::read(action, body.as_bytes()).expect_err(body).code, code);
    }

    #[track_caller]
    fn accepted(action: &str, body: &str, expected: Call) {
        assert_eq!(Call::read(action, body.as_bytes()), Ok(expected));
    }

    fn host_export() -> Call {
        Call::Create { asset_type: "ASSET_HOST".to_owned() }
    }

    #[test]
    fn a_job_id_is_taken_as_it_is() {
        accepted(RESULT, r#"{"JobId": "a\u0026b"}"#, Call::Result("a&b".to_owned()));
        accepted(URL, r#"{"JobID":"job-1"}"#, Call::DownloadUrl("job-1".to_owned()));
    }

    #[test]
    fn a_body_without_json_is_an_invalid_parameter() {
        refused(RESULT, "JobId=1", "InvalidParameter");
    }

    #[test]
    fn a_json_array_is_an_invalid_parameter() {
        refused(RESULT, r#"["JobId"]"#, "InvalidParameter");
    }

    #[test]
    fn a_body_without_a_job_id_misses_a_parameter() {
        refused(RESULT, "{}", "MissingParameter");
    }

    #[test]
    fn an_empty_job_id_is_an_invalid_parameter() {
        refused(RESULT, r#"{"JobId":""}"#, "InvalidParameter");
    }

    #[test]
    fn a_job_id_as_a_number_is_an_invalid_parameter() {
        refused(RESULT, r#"{"JobId":7}"#, "InvalidParameter");
    }

    #[test]
    fn a_second_parameter_is_unknown() {
        refused(RESULT, r#"{"JobId":"1","JobID":"1"}"#, "UnknownParameter");
    }

    #[test]
    fn the_url_action_misses_the_other_spelling_of_the_job_id() {
        refused(URL, r#"{"JobId":"job-1"}"#, "MissingParameter");
    }

    #[test]
    fn the_documented_example_of_a_creation_is_accepted() {
        let body =
            r#"{"AssetType":"ASSET_HOST","ExportByAsset":true,"ExportAll":false,"IdList":[]}"#;
        accepted(CREATE, body, host_export());
    }

    #[test]
    fn every_parameter_of_a_creation_is_accepted() {
        let body = r#"{"AssetType":"ASSET_HOST","ExportByAsset":false,"ExportAll":true,
            "IdList":[1,2],"Filters":[{"Name":"n","Values":["v"],"ExactMatch":true}]}"#;
        accepted(CREATE, body, host_export());
    }

    #[test]
    fn an_empty_asset_type_is_an_invalid_parameter() {
        let body = r#"{"AssetType":"","ExportByAsset":true,"ExportAll":true}"#;
        refused(CREATE, body, "InvalidParameter");
    }

    #[test]
    fn a_creation_without_export_all_misses_a_parameter() {
        refused(CREATE, r#"{"AssetType":"ASSET_HOST","ExportByAsset":true}"#, "MissingParameter");
    }

    #[test]
    fn a_boolean_as_text_is_an_invalid_parameter() {
        let body = r#"{"AssetType":"ASSET_HOST","ExportByAsset":"true","ExportAll":true}"#;
        refused(CREATE, body, "InvalidParameter");
    }

    #[test]
    fn an_id_as_text_is_an_invalid_parameter() {
        let body =
            r#"{"AssetType":"ASSET_HOST","ExportByAsset":true,"ExportAll":true,"IdList":["1"]}"#;
        refused(CREATE, body, "InvalidParameter");
    }

    #[test]
    fn a_filter_without_values_misses_a_parameter() {
        let body = r#"{"AssetType":"ASSET_HOST","ExportByAsset":true,"ExportAll":true,
            "Filters":[{"Name":"n"}]}"#;
        refused(CREATE, body, "MissingParameter");
    }

    #[test]
    fn an_undocumented_parameter_of_a_creation_is_unknown() {
        let body =
            r#"{"AssetType":"ASSET_HOST","ExportByAsset":true,"ExportAll":true,"ClientToken":"1"}"#;
        refused(CREATE, body, "UnknownParameter");
    }

    #[test]
    fn a_list_needs_no_parameter() {
        let filters = Vec::new();
        let expected = Listing { filters, offset: 0, limit: 10, is_oldest_first: false };
        accepted(LIST, "{}", Call::List(expected));
    }

    #[test]
    fn a_limit_over_the_documented_maximum_is_an_invalid_parameter() {
        refused(LIST, r#"{"Limit":101}"#, "InvalidParameter");
    }

    #[test]
    fn a_negative_offset_is_an_invalid_parameter() {
        refused(LIST, r#"{"Offset":-1}"#, "InvalidParameter");
    }

    #[test]
    fn an_undocumented_filter_is_an_invalid_parameter() {
        refused(LIST, r#"{"Filters":[{"Name":"JobName","Values":["x"]}]}"#, "InvalidParameter");
    }

    #[test]
    fn an_undocumented_order_is_an_invalid_parameter() {
        refused(LIST, r#"{"By":"JobName"}"#, "InvalidParameter");
    }
}
