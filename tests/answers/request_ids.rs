//! Where the id of a request is found.

use tcss_export::actions::ExportStatus;

use crate::{common::read, reading::read_ok};

const HEADER: (&str, &str) = ("X-TC-RequestId", "r-header");

fn request_id(headers: &[(&str, &str)], body: &str) -> Option<String> {
    read(200, headers, body).unwrap().request_id
}

// Field case P10.
#[test]
fn p10_id_of_the_body_comes_first() {
    let body = r#"{"Response":{"RequestId":"r-body"}}"#;
    assert_eq!(request_id(&[HEADER], body).as_deref(), Some("r-body"));
}

#[test]
fn p10_id_of_the_header_stands_in() {
    for id in ["null", r#""""#, "5", "{}"] {
        let body = format!(r#"{{"Response":{{"RequestId":{id}}}}}"#);
        assert_eq!(request_id(&[HEADER], &body).as_deref(), Some("r-header"), "{body}");
    }
    assert_eq!(request_id(&[HEADER], r#"{"Response":{}}"#).as_deref(), Some("r-header"));
}

#[test]
fn p10_no_id_changes_nothing_else() {
    let answer = read_ok(r#"{"Response":{"ExportStatus":"RUNNING"}}"#).unwrap();
    assert_eq!(answer.request_id, None);
    assert_eq!(answer.response.status, ExportStatus::Running);
}

#[test]
fn p10_page_has_the_id_of_the_header() {
    assert_eq!(read(502, &[HEADER], "<html>").unwrap_err().request_id(), Some("r-header"));
}

#[test]
fn p10_empty_and_unreadable_headers_are_no_id() {
    assert_eq!(request_id(&[("X-TC-RequestId", "")], r#"{"Response":{}}"#), None);
    assert_eq!(request_id(&[("X-TC-RequestId", "导")], r#"{"Response":{}}"#), None);
}
