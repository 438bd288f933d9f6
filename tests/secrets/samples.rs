//! A signed request, and answers that hold secrets.

use bytes::Bytes;
use http::{Request, Response};

use crate::{
    common::{KEY, SIGNATURE, TIME, TOKEN, action, at, response, session, signature, with_token},
    looking::{QUERY, URL},
};

pub(crate) fn request() -> Request<Bytes> {
    let request = session().request(&action(), &with_token(), at(TIME)).unwrap();
    assert_eq!(signature(&request), SIGNATURE);
    assert_eq!(request.headers()["x-tc-token"], TOKEN);
    request
}

/// What a badly built gateway may send back: the request that it got.
fn echo() -> String {
    let request = request();
    let header = |name: &str| request.headers()[name].to_str().unwrap().to_owned();
    format!("you sent Authorization: {} and a token", header("authorization"))
}

/// Every kind of error that an answer can be.
pub(crate) fn bad_answers() -> Vec<Response<Bytes>> {
    let location = format!("https://user:{KEY}@other.example/a?{QUERY}");
    let cut = format!(r#"{{"Response":{{"DownloadURL":"{URL}","#);
    let nonsense = format!(r#"{{"Response":{{"DownloadURL":"{URL}",!"#);
    let unexpected = format!(r#"{{"DownloadURL":"{URL}"}}"#);
    let result = format!(r#"{{"Response":{{"ExportStatus":"SUCCESS","DownloadURL":"{URL}"}}}}"#);
    let odd_error = format!(r#"{{"Response":{{"Error":"{}"}}}}"#, echo());
    vec![
        response(302, &[("location", &location)], ""),
        response(200, &[("content-encoding", "gzip")], &result),
        response(200, &[], vec![b' '; tcss_export::core::ANSWER_LIMIT + 1]),
        response(200, &[], ""),
        response(502, &[("content-type", "text/html")], echo()),
        response(200, &[], &cut),
        response(200, &[], &nonsense),
        response(200, &[], &unexpected),
        response(500, &[], &result),
        response(200, &[], &odd_error),
        response(200, &[], r#"{"Response":{"Error":{"Code":"InternalError","Message":"m"}}}"#),
    ]
}
