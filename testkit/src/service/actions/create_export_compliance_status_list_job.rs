use serde_json::{Value, json};

use super::parameters::Parameters;
use crate::service::fault::Fault;

/// What a job is asked to export.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Creation {
    pub(in crate::service) asset_type: String,
}

impl Creation {
    /// Reads the parameters of a call. An empty choice of things is one, as in the documented
    /// example.
    pub(super) fn read(body: &[u8]) -> Result<Self, Fault> {
        let mut parameters = Parameters::read(body)?;
        let asset_type = parameters.text("AssetType")?;
        parameters.flag("ExportByAsset")?;
        parameters.flag("ExportAll")?;
        parameters.optional_numbers("IdList")?;
        parameters.filters()?;
        parameters.end()?;
        Ok(Self { asset_type })
    }
}

/// Returns the members of a good answer.
pub(in crate::service) fn created(job_id: &str) -> Value {
    json!({ "JobId": job_id })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(body: &str, code: &str) {
        assert_eq!(Creation::read(body.as_bytes()).expect_err(body).code, code);
    }

    #[track_caller]
    fn accepted(body: &str) {
        let expected = Creation { asset_type: "ASSET_HOST".to_owned() };
        assert_eq!(Creation::read(body.as_bytes()), Ok(expected));
    }

    #[test]
    fn the_documented_example_is_accepted() {
        accepted(
            r#"{"AssetType":"ASSET_HOST","ExportByAsset":true,"ExportAll":false,"IdList":[]}"#,
        );
    }

    #[test]
    fn every_parameter_is_accepted() {
        accepted(
            r#"{"AssetType":"ASSET_HOST","ExportByAsset":false,"ExportAll":true,"IdList":[1,2],
                "Filters":[{"Name":"n","Values":["v"],"ExactMatch":true}]}"#,
        );
    }

    #[test]
    fn an_empty_asset_type_is_an_invalid_parameter() {
        refused(r#"{"AssetType":"","ExportByAsset":true,"ExportAll":true}"#, "InvalidParameter");
    }

    #[test]
    fn a_call_without_export_all_misses_a_parameter() {
        refused(r#"{"AssetType":"ASSET_HOST","ExportByAsset":true}"#, "MissingParameter");
    }

    #[test]
    fn a_truth_value_as_text_is_an_invalid_parameter() {
        let body = r#"{"AssetType":"ASSET_HOST","ExportByAsset":"true","ExportAll":true}"#;
        refused(body, "InvalidParameter");
    }

    #[test]
    fn an_id_as_text_is_an_invalid_parameter() {
        let body =
            r#"{"AssetType":"ASSET_HOST","ExportByAsset":true,"ExportAll":true,"IdList":["1"]}"#;
        refused(body, "InvalidParameter");
    }

    #[test]
    fn a_filter_without_values_misses_a_parameter() {
        let body = r#"{"AssetType":"ASSET_HOST","ExportByAsset":true,"ExportAll":true,
            "Filters":[{"Name":"n"}]}"#;
        refused(body, "MissingParameter");
    }

    #[test]
    fn a_parameter_nobody_knows_is_unknown() {
        let body =
            r#"{"AssetType":"ASSET_HOST","ExportByAsset":true,"ExportAll":true,"ClientToken":"1"}"#;
        refused(body, "UnknownParameter");
    }
}
