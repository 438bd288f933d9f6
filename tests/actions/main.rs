//! The typed actions besides the poll: the bodies they send and the answers they read.

#[path = "../common/mod.rs"]
mod common;
mod create;
mod download_url;
mod manage_list;
mod properties;

use common::{TIME, at, credentials, header, response, session};
use tcss_export::{
    actions::Action,
    core::read_answer,
    error::{ResponseError, ResponseErrorKind as Kind},
};

/// Returns the name and the body that a session sends for an action.
fn sent(action: &impl Action) -> (String, String) {
    let request = session().request(action, &credentials(), at(TIME)).unwrap();
    assert_eq!(header(&request, "x-tc-version"), "2020-11-01");
    let body = String::from_utf8(request.body().to_vec()).unwrap();
    (header(&request, "x-tc-action").to_owned(), body)
}

/// Reads an answer whose `Response` object has these members.
fn read<A: Action>(members: &str) -> Result<A::Response, ResponseError> {
    let body = format!(r#"{{"Response":{{{members}}}}}"#);
    read_answer::<A>(&response(200, &[], body)).map(|answer| answer.response)
}

/// Asserts that no response can be read from these members.
#[track_caller]
fn assert_unusable<A: Action<Response: std::fmt::Debug>>(members: &str) {
    let error = read::<A>(members).expect_err(members);
    assert_eq!(*error.kind(), Kind::Unexpected, "{members}");
}
