//! `CreateExportComplianceStatusListJob`.

use tcss_export::{
    JobId,
    actions::{AssetType, CreateExportComplianceStatusListJob as Create, RunTimeFilter},
};

use crate::{assert_unusable, read, sent};

const NAME: &str = "CreateExportComplianceStatusListJob";

#[track_caller]
fn assert_sends(action: &Create, body: &str) {
    assert_eq!(sent(action), (NAME.to_owned(), body.to_owned()));
    #[cfg(feature = "serde")]
    assert_eq!(serde_json::from_str::<Create>(body).unwrap(), *action);
}

#[test]
fn an_export_of_all_check_items_sends_no_id_list() {
    assert_sends(
        &Create::all(AssetType::HOST),
        r#"{"AssetType":"ASSET_HOST","ExportByAsset":false,"ExportAll":true}"#,
    );
}

#[test]
fn ids_are_sent_as_numbers_in_their_order() {
    let action = Create::of(AssetType::K8S, [17, 3, u64::MAX]).unwrap();
    assert_sends(
        &action,
        r#"{"AssetType":"ASSET_K8S","ExportByAsset":false,"ExportAll":false,"IdList":[17,3,18446744073709551615]}"#,
    );
}

#[test]
fn filters_are_sent_last_and_ids_may_be_asset_ids() {
    let mut action = Create::of(AssetType::IMAGE, [1]).unwrap();
    action.export_by_asset = true;
    action.filters = vec![RunTimeFilter::new("A", ["x", "y"]), RunTimeFilter::new("B", [""; 0])];
    action.filters[1].exact_match = Some(false);
    assert_sends(
        &action,
        r#"{"AssetType":"ASSET_IMAGE","ExportByAsset":true,"ExportAll":false,"IdList":[1],"Filters":[{"Name":"A","Values":["x","y"]},{"Name":"B","Values":[],"ExactMatch":false}]}"#,
    );
}

#[test]
fn known_asset_types_are_the_documented_ones() {
    let known = AssetType::KNOWN.map(|known| known.as_str().to_owned());
    let documented = [
        "ASSET_CONTAINER",
        "ASSET_IMAGE",
        "ASSET_HOST",
        "ASSET_K8S",
        "ASSET_CONTAINERD",
        "ASSET_CONTAINERD_CONTAINER",
    ];
    assert_eq!(known, documented);
}

#[test]
fn an_unknown_asset_type_is_sent_unchanged() {
    assert_sends(
        &Create::all(AssetType::new("ASSET_\"NEW\"").unwrap()),
        r#"{"AssetType":"ASSET_\"NEW\"","ExportByAsset":false,"ExportAll":true}"#,
    );
}

#[test]
fn an_empty_asset_type_and_an_empty_id_list_are_refused_by_name() {
    let empty = AssetType::new("").unwrap_err();
    assert_eq!(empty.to_string(), "asset type is empty");
    let nothing = Create::of(AssetType::HOST, []).unwrap_err();
    assert_eq!(nothing.to_string(), "list of ids is empty");
}

#[test]
fn the_job_id_of_the_answer_is_kept_unchanged() {
    let response = read::<Create>(r#""JobId":"jobid-dafdhj","New":1,"RequestId":"r-1""#);
    assert_eq!(response.unwrap().job_id, JobId::new("jobid-dafdhj").unwrap());
}

#[test]
fn an_answer_without_a_usable_job_id_is_an_error() {
    for members in [
        "",
        r#""JobID":"4711""#,
        r#""JobId":null"#,
        r#""JobId":"""#,
        r#""JobId":4711"#,
        r#""JobId":["4711"]"#,
        r#""JobId":"\ud83d""#,
        r#""JobId":"1","JobId":"2""#,
    ] {
        assert_unusable::<Create>(members);
    }
}

#[test]
fn the_error_for_an_unusable_answer_has_its_request_id() {
    let error = read::<Create>(r#""JobId":"","RequestId":"r-1""#).unwrap_err();
    assert_eq!(error.request_id(), Some("r-1"));
}

#[test]
fn a_type_is_shown_as_the_service_names_it() {
    assert_eq!(AssetType::HOST.to_string(), "ASSET_HOST");
}
