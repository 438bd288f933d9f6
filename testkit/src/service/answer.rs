//! Answers of the API, as HTTP responses.

use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, DATE, HeaderName, HeaderValue, LOCATION};
use hyper::{HeaderMap, Response, StatusCode};
use serde_json::{Value, json};

use super::body::Body;
use crate::clock::http_date;
use crate::script::Step;

/// The reaction to a request.
pub(crate) enum Answer {
    Respond(Box<Response<Body>>),
    /// Closes the connection without an answer.
    Close,
    /// Sends nothing while the client waits.
    Hang,
}

impl From<Response<Body>> for Answer {
    fn from(response: Response<Body>) -> Self {
        Self::Respond(Box::new(response))
    }
}

/// The facts about a request that every answer names.
pub(crate) struct Context {
    /// The service's time, for the `Date` header.
    pub(crate) now: i64,
    /// The number of earlier requests, for the request id.
    pub(crate) number: usize,
}

impl Context {
    /// Returns a made-up request id, different for each answer.
    pub(super) fn request_id(&self) -> String {
        format!("00000000-7e57-4000-8000-{:012x}", self.number)
    }
}

/// Returns the members of the job status in a step, if the step has one.
pub(super) fn status_of(step: &Step) -> Option<Value> {
    let (status, url, progress, message) = match step {
        Step::Nulls => ("RUNNING", None, None, None),
        Step::Running(progress) => ("RUNNING", Some(""), progress.or(Some(0.0)), Some("")),
        Step::Success(url) => {
            let url = url.as_deref().unwrap_or(Step::EXAMPLE_URL);
            ("SUCCESS", Some(url), Some(100.0), Some(""))
        }
        Step::Failure(text) => {
            let text = text.as_deref().unwrap_or(Step::EXAMPLE_FAILURE);
            ("FAILURE", Some(""), Some(0.0), Some(text))
        }
        Step::Status(text) => (text.as_str(), Some(""), Some(0.0), Some("")),
        _ => return None,
    };
    Some(json!({
        "ExportStatus": status,
        "DownloadURL": url,
        "ExportProgress": progress,
        "FailureMsg": message,
    }))
}

/// Returns an answer with an API error.
pub(crate) fn refuse(code: &str, message: &str, context: &Context) -> Answer {
    succeed(json!({ "Error": { "Code": code, "Message": message } }), context)
}

/// Returns an answer with these members.
pub(super) fn succeed(members: Value, context: &Context) -> Answer {
    headed(envelope(members, context), context).into()
}

/// Returns the answer of a step.
pub(crate) fn play(step: &Step, context: &Context) -> Answer {
    if let Some(status) = status_of(step) {
        return succeed(status, context);
    }
    match step {
        Step::Error(code) => refuse(code, "requested by the script", context),
        Step::Http(status) => page(*status, context),
        Step::Empty => headed(String::new(), context).into(),
        Step::Cut => {
            let text = success(context);
            let half = front_half(&text).len() as u64;
            headed(text, context).map(|body| body.cut_after(half)).into()
        }
        Step::CutJson => headed(front_half(&success(context)).to_owned(), context).into(),
        Step::Reset => Answer::Close,
        // A skew never gets here: it takes effect before, and a script never ends in one.
        _ => Answer::Hang,
    }
}

fn success(context: &Context) -> String {
    envelope(status_of(&Step::Success(None)).unwrap_or_default(), context)
}

fn envelope(mut members: Value, context: &Context) -> String {
    if let Value::Object(members) = &mut members {
        members.insert("RequestId".to_owned(), context.request_id().into());
    }
    json!({ "Response": members }).to_string()
}

fn front_half(text: &str) -> &str {
    // The text is ASCII, so any position is a character boundary.
    text.get(..text.len() / 2).unwrap_or(text)
}

/// Returns an HTML page with this status.
pub(super) fn page(status: u16, context: &Context) -> Answer {
    let title = format!("{status} Made-Up Gateway Page");
    let text = format!("<html><head><title>{title}</title></head><body>{title}</body></html>\n");
    let mut response = headed(text, context);
    // A script has only statuses that HTTP allows.
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
    if (300..400).contains(&status) {
        headers.insert(LOCATION, HeaderValue::from_static("https://redirect.example/"));
    }
    response.into()
}

/// Returns a response with this text, as JSON until the caller sets another type.
pub(super) fn headed(text: String, context: &Context) -> Response<Body> {
    let declared = text.len();
    let mut response = Response::new(Body::text(text));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CONTENT_LENGTH, declared.into());
    set_header(headers, DATE, &http_date(context.now));
    response
}

/// Sets a header to a text that is always valid in one.
pub(super) fn set_header(headers: &mut HeaderMap, name: HeaderName, text: &str) {
    if let Ok(value) = HeaderValue::try_from(text) {
        headers.insert(name, value);
    }
}
