//! The body of a poll, and actions of users with text that cannot be sent.

use bytes::Bytes;
use http::Request;
use proptest::prelude::*;
use serde::{Serialize, Serializer};
use tcss_export::{
    JobId,
    actions::{Action, DescribeExportJobResult},
    error::{BuildError, Field, Reason},
};

use crate::{
    assert_refused,
    common::{BODY, JOB, TIME, at, credentials, session},
    user_action,
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
fn a_job_id_with_json_and_html_characters_reads_back() {
    let job = "a\"b\\c\u{1}d<e>&f";
    assert_eq!(read_back(&body_of(job)), job);
}

#[test]
fn an_empty_job_id_is_refused() {
    assert_refused(JobId::new(""), Field::JobId, Reason::Empty);
    assert_refused("".parse::<JobId>(), Field::JobId, Reason::Empty);
}

#[test]
fn the_body_is_compact_json() {
    assert_eq!(body_of(JOB), BODY);
}

proptest! {
    #[test]
    fn any_job_id_reads_back(job in "(?s).{1,60}") {
        prop_assert_eq!(read_back(&body_of(&job)), job);
    }
}

#[test]
fn a_displayed_job_id_has_no_control_characters() {
    assert_eq!(JobId::new("a\u{1b}[2Jb\n").unwrap().to_string(), "a\u{fffd}[2Jb\u{fffd}");
}

user_action!(BadName, "tcss", "2020-11-01", "Describe\r\nX-Evil: 1");
user_action!(BadVersion, "tcss", "2020\n", "Describe");
user_action!(BadService, "tcss\n", "2020-11-01", "Describe");

fn request<A: Action>(action: &A) -> Result<Request<Bytes>, BuildError> {
    session().request(action, &credentials(), at(TIME))
}

#[test]
fn an_action_name_that_would_break_a_header_is_refused() {
    assert_refused(request(&BadName), Field::Action, Reason::InvalidCharacter);
    assert_refused(session().canonical_request(&BadName), Field::Action, Reason::InvalidCharacter);
}

#[test]
fn a_version_that_would_break_a_header_is_refused() {
    assert_refused(request(&BadVersion), Field::Version, Reason::InvalidCharacter);
}

#[test]
fn a_service_that_would_break_a_header_is_refused() {
    assert_refused(request(&BadService), Field::Service, Reason::InvalidCharacter);
}

struct Unserialisable;

impl Serialize for Unserialisable {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("never"))
    }
}

impl Action for Unserialisable {
    const SERVICE: &'static str = "tcss";
    const VERSION: &'static str = "2020-11-01";
    const NAME: &'static str = "Describe";
    type Response = serde_json::Value;
}

#[test]
fn a_body_that_cannot_be_serialised_is_refused() {
    assert_refused(request(&Unserialisable), Field::Body, Reason::NotJson);
    assert_refused(session().prepare(&Unserialisable), Field::Body, Reason::NotJson);
}
