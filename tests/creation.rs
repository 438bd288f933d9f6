//! Intents to create a job, and what a list of jobs says about them.
#![cfg(feature = "serde")]

use std::time::Duration;

use http::Response;
use proptest::{collection::vec, prelude::*};
use serde_json::{Value, json};
use tcss_export::{
    JobId,
    actions::{
        AssetType, CreateExportComplianceStatusListJob, DescribeExportJobManageList,
        DescribeExportJobManageListResponse,
    },
    core::{Creation, Wall, read_answer},
};

/// Returns a list with these ids, newest first.
fn list(ids: impl IntoIterator<Item = u64>) -> DescribeExportJobManageListResponse {
    let jobs: Vec<_> = ids.into_iter().map(|id| json!({ "JobID": id.to_string() })).collect();
    read(&json!({ "TotalCount": jobs.len(), "List": jobs }))
}

fn read(list: &Value) -> DescribeExportJobManageListResponse {
    let body = json!({ "Response": list }).to_string();
    read_answer::<DescribeExportJobManageList>(&Response::new(body)).unwrap().response
}

fn creation(before: impl IntoIterator<Item = u64>) -> Creation {
    let order = CreateExportComplianceStatusListJob::all(AssetType::HOST);
    Creation::new(order, &list(before), Wall::from_unix_seconds(1_700_000_000))
}

fn new_jobs(
    before: impl IntoIterator<Item = u64>,
    after: impl IntoIterator<Item = u64>,
) -> Vec<u64> {
    let jobs = creation(before).new_jobs(&list(after));
    jobs.iter().map(|id: &JobId| id.as_str().parse().unwrap()).collect()
}

#[test]
fn the_list_is_a_whole_page_with_the_newest_first() {
    let body = serde_json::to_value(Creation::list()).unwrap();
    assert_eq!(body, json!({ "Limit": 100, "Order": "DESC", "By": "InsertTime" }));
}

#[test]
fn a_job_that_was_not_there_before_is_new() {
    assert!(new_jobs([], []).is_empty());
    assert_eq!(new_jobs([], [1]), [1]);
    assert!(new_jobs([2, 1], [2, 1]).is_empty());
    assert_eq!(new_jobs([2, 1], [4, 3, 2, 1]), [4, 3]);
    // The service may show jobs of the same second in any order.
    assert_eq!(new_jobs([2, 1], [1, 3, 2]), [3]);
    assert!(new_jobs([2, 1], []).is_empty());
    assert_eq!(new_jobs([1], [3, 2, 3, 1]), [3, 2]);
}

#[test]
fn a_list_that_lacks_jobs_or_ids_is_not_complete() {
    let is_complete = |list: Value| Creation::is_complete(&read(&list));
    let ids = |count| (0..count).map(|id| json!({ "JobID": id.to_string() })).collect::<Vec<_>>();
    for (total, count) in [(0, 0), (1, 1), (100, 100), (10_000, 100), (1, 2)] {
        assert!(is_complete(json!({ "TotalCount": total, "List": ids(count) })), "{total}");
    }
    assert!(is_complete(json!({ "List": ids(1) })));
    for (total, count) in [(1, 0), (2, 1), (100, 99), (10_000, 99)] {
        assert!(!is_complete(json!({ "TotalCount": total, "List": ids(count) })), "{total}");
    }
    for job in [json!(null), json!({}), json!({ "JobID": null }), json!({ "JobID": "" })] {
        assert!(!is_complete(json!({ "TotalCount": 1, "List": [job] })), "{job}");
    }
}

#[test]
fn an_old_job_that_moves_up_to_a_full_page_is_not_new() {
    let before = || (101..=200).rev();
    // 150 was deleted.
    let after = (100..=200).rev().filter(|id| *id != 150);
    assert!(new_jobs(before(), after.clone()).is_empty());
    assert_eq!(new_jobs(before(), [201].into_iter().chain(after).take(100)), [201]);
    // A hundred jobs were created since.
    assert_eq!(new_jobs(before(), (201..=300).rev()).len(), 100);
}

#[test]
fn a_create_may_be_under_way_for_30_s_even_if_the_clock_is_set_back() {
    let creation = creation([]);
    let under_way = |seconds| creation.under_way(Wall::from_unix_seconds(1_700_000_000 + seconds));
    assert_eq!(under_way(0), Duration::from_secs(30));
    assert_eq!(under_way(29), Duration::from_secs(1));
    assert_eq!([30, 31, i64::MAX - 1_700_000_000].map(under_way), [Duration::ZERO; 3]);
    assert_eq!(under_way(-3_600), Duration::from_secs(30));
}

#[test]
fn a_create_that_is_sent_again_may_be_under_way_from_then_on() {
    let mut creation = creation([]);
    let later = Wall::from_unix_seconds(1_700_000_600);
    creation.repeat_at(later);
    assert_eq!(creation.under_way(later), Duration::from_secs(30));
}

#[test]
fn an_intent_is_read_as_it_was_written_and_has_no_other_members() {
    let creation = creation([7]);
    let text = serde_json::to_string(&creation).unwrap();
    assert_eq!(serde_json::from_str::<Creation>(&text).unwrap(), creation);
    let order = json!({ "AssetType": "ASSET_HOST", "ExportByAsset": false, "ExportAll": true });
    let expected = json!({ "order": order, "known": ["7"], "at": 1_700_000_000_000_i64 });
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), expected);
}

proptest! {
    /// Whatever is deleted and created in between, a new job is found, and an old one is not new.
    #[test]
    fn exactly_the_created_jobs_are_new(
        count in 0_u64..250,
        deleted in vec(0_u64..250, 0..60),
        created in 0_u64..40,
    ) {
        let before: Vec<u64> = (0..count).rev().take(100).collect();
        let kept = (0..count).rev().filter(|id| !deleted.contains(id));
        let after = (count..count + created).rev().chain(kept).take(100);
        let expected: Vec<u64> = (count..count + created).rev().collect();
        let all_known_deleted = before.iter().all(|id| deleted.contains(id));
        prop_assume!(before.len() < 100 || !all_known_deleted);
        prop_assert_eq!(new_jobs(before, after), expected);
    }
}
