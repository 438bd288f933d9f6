//! Any JSON is read without a panic, and one bad member hides no other.

use proptest::prelude::*;
use serde_json::{Value, json};
use tcss_export::{
    DownloadUrl,
    actions::{
        CreateExportComplianceStatusListJob as Create, DescribeExportJobManageList as List,
        ExportJobInfo,
    },
    core::{actions::DescribeExportJobDownloadURL as Locate, read_answer},
};

use crate::{common::response, read};

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::hash_map("[A-Za-z]{0,6}", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

const MEMBERS: [&str; 8] = [
    "JobID",
    "JobName",
    "Source",
    "ExportStatus",
    "ExportProgress",
    "FailureMsg",
    "Timeout",
    "InsertTime",
];

/// Returns the texts of a job's members, in the order of [`MEMBERS`].
fn texts(job: &ExportJobInfo) -> [Option<String>; 8] {
    [
        job.job_id.as_ref().map(|id| id.as_str().to_owned()),
        job.name.clone(),
        job.source.clone(),
        Some(job.status.as_str().to_owned()),
        job.progress.map(|progress| progress.to_string()),
        job.failure_message.clone(),
        job.timeout.clone(),
        job.insert_time.clone(),
    ]
}

proptest! {
    #[test]
    fn a_mistyped_member_of_a_job_hides_no_other(
        mistyped in 0..MEMBERS.len(),
        value in any_json(),
        before in proptest::collection::vec(any_json(), 0..3),
    ) {
        let mut good = json!({});
        for name in MEMBERS {
            good[name] = "42".into();
        }
        let mut changed = good.clone();
        changed[MEMBERS[mistyped]] = value;
        let place = before.len();
        let list = [before, vec![changed, good]].concat();
        let body = json!({ "Response": { "TotalCount": 42, "List": list } }).to_string();
        let answer = read_answer::<List>(&response(200, &[], body)).unwrap().response;
        prop_assert_eq!(answer.total_count, Some(42));
        prop_assert_eq!(answer.jobs.len(), place + 2);
        for (member, text) in texts(&answer.jobs[place]).into_iter().enumerate() {
            prop_assert!(member == mistyped || text.as_deref() == Some("42"), "{}", MEMBERS[member]);
        }
        for text in texts(&answer.jobs[place + 1]) {
            prop_assert_eq!(text.as_deref(), Some("42"));
        }
    }

    #[test]
    fn any_members_are_read_without_a_panic(
        name in prop_oneof![Just("JobId"), Just("List"), Just("TotalCount"), Just("DownloadURL")],
        value in any_json(),
    ) {
        let is_exact = |text: &&str| !text.is_empty() && !text.contains('\u{fffd}');
        let text = value.as_str().filter(is_exact);
        let members = format!("\"{name}\":{value}");
        let created = read::<Create>(&members).ok();
        let id = created.as_ref().map(|created| created.job_id.as_str());
        prop_assert_eq!(id, text.filter(|_| name == "JobId"));
        let located = read::<Locate>(&members).unwrap().download_url;
        let url = located.as_ref().map(DownloadUrl::as_str);
        prop_assert_eq!(url, text.filter(|_| name == "DownloadURL"));
        let is_list = name != "List" || value.is_array() || value.is_null();
        prop_assert_eq!(read::<List>(&members).is_ok(), is_list);
    }
}
