//! What an action sends, and what its answer is read as.

use tcss_export::{
    actions::Action,
    core::read_answer,
    error::{ResponseError, ResponseErrorKind as Kind},
};

use crate::common::{TIME, at, credentials, header, response, session};

/// Returns name and body of an action as a session sends them.
pub(crate) fn sent(action: &impl Action) -> (String, String) {
    let request = session().request(action, &credentials(), at(TIME)).unwrap();
    assert_eq!(header(&request, "x-tc-version"), "2020-11-01");
    let body = String::from_utf8(request.body().to_vec()).unwrap();
    (header(&request, "x-tc-action").to_owned(), body)
}

/// Reads an answer with a `Response` object of these members.
pub(crate) fn read<A: Action>(members: &str) -> Result<A::Response, ResponseError> {
    let body = format!(r#"{{"Response":{{{members}}}}}"#);
    read_answer::<A>(&response(200, &[], body)).map(|answer| answer.response)
}

#[track_caller]
pub(crate) fn unusable<A: Action<Response: std::fmt::Debug>>(members: &str) {
    let error = read::<A>(members).expect_err(members);
    assert_eq!(*error.kind(), Kind::Unexpected, "{members}");
}
