//! The typed actions besides the poll: bodies that go out, and answers that come in.

mod common;

use common::{at, credentials, header, job, response, session};
use proptest::prelude::*;
use serde_json::{Value, json};
use tcss_export::{
    Action, AssetType, CreateExportComplianceStatusListJob as Create,
    DescribeExportJobDownloadURL as Locate, DescribeExportJobManageList as List,
    DescribeExportJobManageListResponse, DownloadUrl, ExportJobInfo, ExportStatus, JobId,
    ResponseError, ResponseErrorKind as Kind, RunTimeFilter, read_answer,
};

/// Returns name and body of an action as a session sends them.
fn sent(action: &impl Action) -> (String, String) {
    let request = session().request(action, &credentials(), at(common::TIME)).unwrap();
    assert_eq!(header(&request, "x-tc-version"), "2020-11-01");
    let body = String::from_utf8(request.body().to_vec()).unwrap();
    (header(&request, "x-tc-action").to_owned(), body)
}

/// Reads an answer with a `Response` object of these members.
fn read<A: Action>(members: &str) -> Result<A::Response, ResponseError> {
    let body = format!(r#"{{"Response":{{{members}}}}}"#);
    read_answer::<A>(&response(200, &[], body)).map(|answer| answer.response)
}

#[track_caller]
fn unusable<A: Action<Response: std::fmt::Debug>>(members: &str) {
    let error = read::<A>(members).expect_err(members);
    assert_eq!(*error.kind(), Kind::Unexpected, "{members}");
}

mod create {
    use super::*;

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
        let filters = [
            RunTimeFilter::new("A", ["x", "y"]),
            RunTimeFilter::new("B", [""; 0]).with_exact_match(false),
        ];
        let action = Create::of(AssetType::IMAGE, [1]).unwrap().by_asset().with_filters(filters);
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
}

mod manage_list {
    use super::*;

    const NAME: &str = "DescribeExportJobManageList";

    #[track_caller]
    fn sends(action: &List, body: &str) {
        assert_eq!(sent(action), (NAME.to_owned(), body.to_owned()));
    }

    #[test]
    fn what_is_not_set_is_not_sent() {
        sends(&List::new(), "{}");
    }

    #[test]
    fn all_that_is_set_is_sent() {
        let running = RunTimeFilter::new("ExportStatus", ["RUNNING"]).with_exact_match(true);
        let action =
            List::new().with_filters([running]).with_offset(0).with_limit(100).newest_first();
        sends(
            &action,
            r#"{"Filters":[{"Name":"ExportStatus","Values":["RUNNING"],"ExactMatch":true}],"Offset":0,"Limit":100,"Order":"DESC","By":"InsertTime"}"#,
        );
    }

    fn list(members: &str) -> DescribeExportJobManageListResponse {
        read::<List>(members).expect(members)
    }

    /// Reads a list of one job with these members.
    fn one(members: &str) -> ExportJobInfo {
        let mut jobs = list(&format!(r#""List":[{{{members}}}]"#)).jobs;
        assert_eq!(jobs.len(), 1);
        jobs.remove(0)
    }

    #[test]
    fn every_member_is_read() {
        let response = list(
            r#""TotalCount":2,"List":[{"JobID":"4711","JobName":"n","Source":"LocalImage","ExportStatus":"RUNNING","ExportProgress":40,"FailureMsg":"m","Timeout":"2023-11-15 00:00:00","InsertTime":"2023-11-14 16:30:00"}],"RequestId":"r-1""#,
        );
        assert_eq!(response.total_count, Some(2));
        let [job] = &response.jobs[..] else { panic!("one job") };
        assert_eq!(job.job_id, Some(JobId::new("4711").unwrap()));
        assert_eq!(job.name.as_deref(), Some("n"));
        assert_eq!(job.source.as_deref(), Some("LocalImage"));
        assert_eq!(job.status, ExportStatus::Running);
        assert_eq!(job.progress, Some(40.0));
        assert_eq!(job.failure_message.as_deref(), Some("m"));
        assert_eq!(job.timeout.as_deref(), Some("2023-11-15 00:00:00"));
        assert_eq!(job.insert_time.as_deref(), Some("2023-11-14 16:30:00"));
    }

    #[test]
    fn progress_is_a_number_or_a_text_that_holds_one() {
        for (json, progress) in [
            ("40", Some(40.0)),
            ("99.9", Some(99.9)),
            (r#""33.3""#, Some(33.3)),
            ("1e2", Some(100.0)),
            ("null", None),
            (r#""""#, None),
            (r#""NaN""#, None),
            ("1e999", None),
            ("{}", None),
        ] {
            let job = one(&format!(r#""JobID":"1","ExportProgress":{json}"#));
            assert_eq!(job.progress, progress, "{json}");
            assert_eq!(job.job_id, Some(JobId::new("1").unwrap()), "{json}");
        }
    }

    #[test]
    fn total_count_may_be_a_text_and_hides_no_job() {
        for (json, count) in
            [("7", Some(7)), (r#""7""#, Some(7)), ("-1", None), ("null", None), ("{}", None)]
        {
            let response = list(&format!(r#""TotalCount":{json},"List":[{{"JobID":"1"}}]"#));
            assert_eq!((response.total_count, response.jobs.len()), (count, 1), "{json}");
        }
    }

    #[test]
    fn nulls_and_absent_members_read_alike() {
        let nulls = one(
            r#""JobID":null,"JobName":null,"Source":null,"ExportStatus":null,"ExportProgress":null,"FailureMsg":null,"Timeout":null,"InsertTime":null"#,
        );
        assert_eq!(nulls, one(""));
        assert_eq!(nulls.job_id, None);
        assert_eq!(nulls.status, ExportStatus::Unknown(String::new()));
    }

    #[test]
    fn no_list_is_no_jobs() {
        for members in ["", r#""List":null"#, r#""List":[]"#, r#""TotalCount":0"#] {
            assert_eq!(list(members).jobs, [], "{members}");
        }
    }

    #[test]
    fn a_list_of_another_type_is_no_answer() {
        for json in ["{}", r#""""#, "0", "false", r#"{"JobID":"1"}"#] {
            unusable::<List>(&format!(r#""List":{json}"#));
        }
        unusable::<List>(r#""List":[],"List":[]"#);
    }

    #[test]
    fn a_bad_element_keeps_its_place_and_hides_no_other() {
        for bad in ["null", "1", "[]", r#"["1"]"#, r#""1""#, r#"{"JobID":"a","JobID":"b"}"#] {
            let jobs = list(&format!(r#""List":[{{"JobID":"1"}},{bad},{{"JobID":"3"}}]"#)).jobs;
            let ids: Vec<_> =
                jobs.iter().map(|job| job.job_id.as_ref().map(JobId::as_str)).collect();
            assert_eq!(ids, [Some("1"), None, Some("3")], "{bad}");
        }
    }

    #[test]
    fn nesting_of_100000_levels_hides_no_job() {
        let deep = ["[".repeat(100_000), "]".repeat(100_000)].concat();
        let jobs = list(&format!(r#""List":[{deep},{{"JobID":"2","New":{deep}}}]"#)).jobs;
        assert_eq!(jobs[1].job_id, Some(JobId::new("2").unwrap()));
    }
}

mod download_url {
    use super::*;

    #[test]
    fn question_spells_its_id_in_its_own_way() {
        let (name, body) = sent(&Locate::new(job()));
        assert_eq!(name, "DescribeExportJobDownloadURL");
        assert_eq!(body, r#"{"JobID":"3f1c9a52-77aa-4a6e-9b7d-5d2f0c8e1a10"}"#);
    }

    #[test]
    fn url_is_kept_as_it_is() {
        let response = read::<Locate>(r#""DownloadURL":"http://1.2.3.4/result.csv""#).unwrap();
        let url = response.download_url.as_ref().map(DownloadUrl::as_str);
        assert_eq!(url, Some("http://1.2.3.4/result.csv"));
    }

    // Field case D12.
    #[test]
    fn d12_escapes_in_a_url_are_undone() {
        let response = read::<Locate>(r#""DownloadURL":"https:\/\/h.example\/a?x=1\u0026y=2""#);
        let url = response.unwrap().download_url.map(DownloadUrl::into_string);
        assert_eq!(url.as_deref(), Some("https://h.example/a?x=1&y=2"));
    }

    // Field case D11.
    #[test]
    fn d11_query_of_a_url_is_not_shown() {
        let response = read::<Locate>(r#""DownloadURL":"https://h.example/a?sign=EXAMPLE""#);
        assert!(!format!("{response:?}").contains("EXAMPLE"), "{response:?}");
    }

    #[test]
    fn empty_null_absent_and_other_types_are_no_url() {
        for members in [
            "",
            r#""DownloadURL":null"#,
            r#""DownloadURL":"""#,
            r#""DownloadURL":5"#,
            r#""DownloadURL":["https://h.example/"]"#,
            r#""DownloadUrl":"https://h.example/""#,
        ] {
            assert_eq!(read::<Locate>(members).expect(members).download_url, None, "{members}");
        }
    }
}

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
    fn an_odd_member_of_a_job_hides_no_other(
        odd in 0..MEMBERS.len(),
        value in any_json(),
        before in proptest::collection::vec(any_json(), 0..3),
    ) {
        let mut good = json!({});
        for name in MEMBERS {
            good[name] = "42".into();
        }
        let mut changed = good.clone();
        changed[MEMBERS[odd]] = value;
        let place = before.len();
        let list = [before, vec![changed, good]].concat();
        let body = json!({ "Response": { "TotalCount": 42, "List": list } }).to_string();
        let answer = read_answer::<List>(&response(200, &[], body)).unwrap().response;
        prop_assert_eq!(answer.total_count, Some(42));
        prop_assert_eq!(answer.jobs.len(), place + 2);
        for (member, text) in texts(&answer.jobs[place]).into_iter().enumerate() {
            prop_assert!(member == odd || text.as_deref() == Some("42"), "{}", MEMBERS[member]);
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
        let text = value.as_str().filter(|text| !text.is_empty());
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
