//! The job that is created.

use tcss_export::{
    JobId,
    actions::{AssetType, CreateExportComplianceStatusListJob as Create, RunTimeFilter},
};

use crate::exchange::{read, sent, unusable};

const NAME: &str = "CreateExportComplianceStatusListJob";

#[track_caller]
fn sends(action: &Create, body: &str) {
    assert_eq!(sent(action), (NAME.to_owned(), body.to_owned()));
}

#[test]
fn all_check_items_need_no_list_of_ids() {
    sends(
        &Create::all(AssetType::HOST),
        r#"{"AssetType":"ASSET_HOST","ExportByAsset":false,"ExportAll":true}"#,
    );
}

#[test]
fn ids_are_numbers_in_the_order_given() {
    let action = Create::of(AssetType::K8S, [17, 3, u64::MAX]).unwrap();
    sends(
        &action,
        r#"{"AssetType":"ASSET_K8S","ExportByAsset":false,"ExportAll":false,"IdList":[17,3,18446744073709551615]}"#,
    );
}

#[test]
fn filters_come_last_and_ids_may_be_those_of_assets() {
    let mut action = Create::of(AssetType::IMAGE, [1]).unwrap();
    action.export_by_asset = true;
    action.filters = vec![RunTimeFilter::new("A", ["x", "y"]), RunTimeFilter::new("B", [""; 0])];
    action.filters[1].exact_match = Some(false);
    sends(
        &action,
        r#"{"AssetType":"ASSET_IMAGE","ExportByAsset":true,"ExportAll":false,"IdList":[1],"Filters":[{"Name":"A","Values":["x","y"]},{"Name":"B","Values":[],"ExactMatch":false}]}"#,
    );
}

#[test]
fn known_asset_types_are_those_of_the_sibling_actions() {
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
fn any_other_asset_type_is_sent_as_it_is() {
    sends(
        &Create::all(AssetType::new("ASSET_\"NEW\"").unwrap()),
        r#"{"AssetType":"ASSET_\"NEW\"","ExportByAsset":false,"ExportAll":true}"#,
    );
}

#[test]
fn what_is_refused_is_named() {
    let empty = AssetType::new("").unwrap_err();
    assert_eq!(empty.to_string(), "asset type is empty");
    let nothing = Create::of(AssetType::HOST, []).unwrap_err();
    assert_eq!(nothing.to_string(), "list of ids is empty");
}

#[test]
fn job_id_of_the_answer_is_kept_as_it_is() {
    let response = read::<Create>(r#""JobId":"jobid-dafdhj","New":1,"RequestId":"r-1""#);
    assert_eq!(response.unwrap().job_id, JobId::new("jobid-dafdhj").unwrap());
}

#[test]
fn an_answer_without_a_usable_id_is_no_answer() {
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
        unusable::<Create>(members);
    }
}

#[test]
fn an_unusable_answer_keeps_its_request_id() {
    let error = read::<Create>(r#""JobId":"","RequestId":"r-1""#).unwrap_err();
    assert_eq!(error.request_id(), Some("r-1"));
}
