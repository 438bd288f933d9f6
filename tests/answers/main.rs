//! From the bytes of an answer to a typed response or a typed error.

mod api_errors;
mod bad_bodies;
#[path = "../common/mod.rs"]
mod common;
mod headers;
mod members;
mod objects;
mod properties;
mod statuses;
mod undecodable;
mod user_actions;

use common::{Read, read};
use tcss_export::{
    actions::{DescribeExportJobResultResponse, ExportStatus},
    error::ResponseError,
};

/// Reads a body with status 200 and no headers.
fn read_ok(body: impl AsRef<[u8]>) -> Read {
    read(200, &[], body)
}

/// Reads a `Response` object with these members.
fn members(members: &str) -> DescribeExportJobResultResponse {
    read_ok(format!(r#"{{"Response":{{{members}}}}}"#)).expect(members).response
}

fn unknown_status(text: &str) -> ExportStatus {
    ExportStatus::Unknown(text.to_owned())
}

fn url_of(response: &DescribeExportJobResultResponse) -> Option<&str> {
    response.download_url.as_ref().map(tcss_export::DownloadUrl::as_str)
}

const GOOD: &str = r#"{"Response":{"ExportStatus":"SUCCESS","DownloadURL":"https://h.example/导.csv?sign=EXAMPLE","ExportProgress":99.9,"FailureMsg":"a\n\u0062","RequestId":"r-1"}}"#;

#[test]
fn errors_of_answers_are_send_sync_and_small() {
    fn is_send_and_sync<T: std::error::Error + Send + Sync + 'static>() {}
    is_send_and_sync::<ResponseError>();
    assert!(size_of::<ResponseError>() <= 128);
}
