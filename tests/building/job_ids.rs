//! Ids of jobs in the body.

use bytes::Bytes;
use proptest::prelude::*;
use tcss_export::{
    JobId,
    actions::DescribeExportJobResult,
    error::{Field, Reason},
};

use crate::{
    common::{BODY, JOB, TIME, at, credentials, session},
    requests::refused,
};

fn body_of(job: &str) -> Bytes {
    let action = DescribeExportJobResult::new(JobId::new(job).unwrap());
    session().request(&action, &credentials(), at(TIME)).unwrap().into_body()
}

fn read_back(body: &[u8]) -> String {
    let value: serde_json::Value = serde_json::from_slice(body).unwrap();
    assert_eq!(value.as_object().unwrap().len(), 1);
    value["JobId"].as_str().unwrap().to_owned()
}
#[test]
fn id_with_marks_of_json_and_html_reads_back() {
    let job = "a\"b\\c\u{1}d<e>&f";
    assert_eq!(read_back(&body_of(job)), job);
}

#[test]
fn empty_id_is_refused() {
    refused(JobId::new(""), Field::JobId, Reason::Empty);
    refused("".parse::<JobId>(), Field::JobId, Reason::Empty);
}

#[test]
fn body_is_compact() {
    assert_eq!(body_of(JOB), BODY);
}

proptest! {
    #[test]
    fn any_id_reads_back(job in "(?s).{1,60}") {
        prop_assert_eq!(read_back(&body_of(&job)), job);
    }
}

#[test]
fn shown_id_steers_no_terminal() {
    assert_eq!(JobId::new("a\u{1b}[2Jb\n").unwrap().to_string(), "a\u{fffd}[2Jb\u{fffd}");
}
