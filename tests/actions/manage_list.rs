//! `DescribeExportJobManageList`.

use tcss_export::{
    JobId,
    actions::{
        DescribeExportJobManageList as List, DescribeExportJobManageListResponse, ExportJobInfo,
        ExportStatus, RunTimeFilter,
    },
    core::read_answer,
};

use crate::{assert_unusable, common::response, read, sent};

const NAME: &str = "DescribeExportJobManageList";

#[track_caller]
fn assert_sends(action: &List, body: &str) {
    assert_eq!(sent(action), (NAME.to_owned(), body.to_owned()));
}

#[test]
fn unset_parameters_are_not_sent() {
    assert_sends(&List::new(), "{}");
}

#[test]
fn all_set_parameters_are_sent() {
    let mut running = RunTimeFilter::new("ExportStatus", ["RUNNING"]);
    running.exact_match = Some(true);
    let mut action = List::new().newest_first();
    action.filters = vec![running];
    (action.offset, action.limit) = (Some(0), Some(100));
    assert_sends(
        &action,
        r#"{"Filters":[{"Name":"ExportStatus","Values":["RUNNING"],"ExactMatch":true}],"Offset":0,"Limit":100,"Order":"DESC","By":"InsertTime"}"#,
    );
}

fn list(members: &str) -> DescribeExportJobManageListResponse {
    read::<List>(members).expect(members)
}

/// Reads a list with one job that has these members.
fn list_of_one(members: &str) -> ExportJobInfo {
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
fn progress_is_read_from_a_number_or_from_text_with_a_number() {
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
        let job = list_of_one(&format!(r#""JobID":"1","ExportProgress":{json}"#));
        assert_eq!(job.progress, progress, "{json}");
        assert_eq!(job.job_id, Some(JobId::new("1").unwrap()), "{json}");
    }
}

#[test]
fn total_count_may_be_text_and_a_bad_one_hides_no_job() {
    for (json, count) in
        [("7", Some(7)), (r#""7""#, Some(7)), ("-1", None), ("null", None), ("{}", None)]
    {
        let response = list(&format!(r#""TotalCount":{json},"List":[{{"JobID":"1"}}]"#));
        assert_eq!((response.total_count, response.jobs.len()), (count, 1), "{json}");
    }
}

#[test]
fn null_members_read_like_absent_ones() {
    let nulls = list_of_one(
        r#""JobID":null,"JobName":null,"Source":null,"ExportStatus":null,"ExportProgress":null,"FailureMsg":null,"Timeout":null,"InsertTime":null"#,
    );
    assert_eq!(nulls, list_of_one(""));
    assert_eq!(nulls.job_id, None);
    assert_eq!(nulls.status, ExportStatus::Unknown(String::new()));
}

#[test]
fn a_null_absent_or_empty_list_means_no_jobs() {
    for members in ["", r#""List":null"#, r#""List":[]"#, r#""TotalCount":0"#] {
        assert_eq!(list(members).jobs, [], "{members}");
    }
}

#[test]
fn a_list_of_another_type_is_an_error() {
    for json in ["{}", r#""""#, "0", "false", r#"{"JobID":"1"}"#] {
        assert_unusable::<List>(&format!(r#""List":{json}"#));
    }
    assert_unusable::<List>(r#""List":[],"List":[]"#);
}

#[test]
fn a_repeated_member_is_none_and_others_are_read() {
    for name in ["JobName", "Source", "ExportProgress", "FailureMsg", "Timeout", "InsertTime"] {
        let job = list_of_one(&format!(
            r#""{name}":"1","JobID":"4711","{name}":"2","ExportStatus":"SUCCESS""#
        ));
        let mut expected = list_of_one(r#""JobID":"4711""#);
        expected.status = ExportStatus::Success;
        assert_eq!(job, expected, "{name}");
    }
    let job = list_of_one(r#""JobID":"1","JobID":"2","ExportStatus":"SUCCESS","JobName":"n""#);
    assert_eq!((job.job_id, job.name.as_deref()), (None, Some("n")));
    assert_eq!(job.status, ExportStatus::Success);
    let response = list(r#""TotalCount":1,"TotalCount":2,"List":[{"JobID":"1"}]"#);
    assert_eq!((response.total_count, response.jobs.len()), (None, 1));
}

/// In GBK, and with a last character whose second byte is a backslash.
#[test]
fn an_undecodable_text_hides_neither_the_id_nor_another_job() {
    let body = [
        br#"{"Response":{"List":[{"JobName":""#,
        &b"\xb5\xbc\xb3\xf6\x81\x5c"[..],
        br#"","JobID":"1","ExportStatus":"SUCCESS"},{"JobID":""#,
        b"2\xb5\xbc",
        br#"","JobName":"b"},{"JobID":"3"}]}}"#,
    ];
    let answer = read_answer::<List>(&response(200, &[], body.concat())).unwrap();
    let jobs = answer.response.jobs;
    let ids: Vec<_> = jobs.iter().map(|job| job.job_id.as_ref().map(JobId::as_str)).collect();
    assert_eq!(ids, [Some("1"), None, Some("3")]);
    assert_eq!(jobs[0].status, ExportStatus::Success);
    assert!(jobs[0].name.as_deref().is_some_and(|name| name.contains('\u{fffd}')));
    assert_eq!(jobs[1].name.as_deref(), Some("b"));
}

#[test]
fn a_bad_element_keeps_its_place_and_hides_no_other() {
    for bad in ["null", "1", "[]", r#"["1"]"#, r#""1""#, r#"{"JobID":"a","JobID":"b"}"#] {
        let jobs = list(&format!(r#""List":[{{"JobID":"1"}},{bad},{{"JobID":"3"}}]"#)).jobs;
        let ids: Vec<_> = jobs.iter().map(|job| job.job_id.as_ref().map(JobId::as_str)).collect();
        assert_eq!(ids, [Some("1"), None, Some("3")], "{bad}");
    }
}

#[test]
fn nesting_100000_levels_deep_hides_no_job() {
    let deep = ["[".repeat(100_000), "]".repeat(100_000)].concat();
    let jobs = list(&format!(r#""List":[{deep},{{"JobID":"2","New":{deep}}}]"#)).jobs;
    assert_eq!(jobs[1].job_id, Some(JobId::new("2").unwrap()));
}
