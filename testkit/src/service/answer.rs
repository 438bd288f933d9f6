//! Answers as they go out: a fault or a step as an HTTP response, or what stands in for one.

use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, DATE, HeaderValue, LOCATION};
use hyper::{Response, StatusCode};
use serde_json::{Value, json};

use super::actions::{Report, report};
use super::body::AnswerBody;
use crate::calendar::http_date;
use crate::script::Step;

/// What becomes of a request.
pub(crate) enum Answer {
    Respond(Box<Response<AnswerBody>>),
    /// The connection is closed without an answer.
    Close,
    /// Nothing is sent as long as the client waits.
    Never,
}

impl Answer {
    /// Returns the HTTP status, if there is one.
    pub(super) fn status(&self) -> Option<u16> {
        match self {
            Self::Respond(response) => Some(response.status().as_u16()),
            Self::Close | Self::Never => None,
        }
    }
}

impl From<Response<AnswerBody>> for Answer {
    fn from(response: Response<AnswerBody>) -> Self {
        Self::Respond(Box::new(response))
    }
}

/// What an answer says besides its content.
pub(crate) struct Context {
    /// The service's time, for the `Date` header.
    pub(crate) now: i64,
    /// How many requests came before, for the request id.
    pub(crate) number: usize,
}

impl Context {
    /// Returns a made-up request id, another one for each answer.
    pub(super) fn request_id(&self) -> String {
        format!("00000000-7e57-4000-8000-{:012x}", self.number)
    }
}

/// Returns the API error of a request that is refused.
pub(crate) fn refuse(code: &str, message: &str, context: &Context) -> Answer {
    let members = json!({ "Error": { "Code": code, "Message": message } });
    whole(envelope(members, context), context)
}

/// Returns a good answer with these members.
pub(super) fn good(members: Value, context: &Context) -> Answer {
    whole(envelope(members, context), context)
}

/// Returns the answer of a step.
pub(crate) fn play(step: &Step, context: &Context) -> Answer {
    if let Some(given) = Report::of(step) {
        return good(report(&given), context);
    }
    match step {
        Step::Error(code) => refuse(code, "asked for by the script", context),
        Step::Http(status) => page(*status, context),
        Step::Empty => whole(String::new(), context),
        Step::Cut => cut(context),
        Step::CutJson => whole(front_half(&good_text(context)).to_owned(), context),
        Step::Reset => Answer::Close,
        // A skew is passed before a step is played; a script never ends in one.
        _ => Answer::Never,
    }
}

fn good_text(context: &Context) -> String {
    envelope(report(&Report::success(Step::EXAMPLE_URL)), context)
}

fn envelope(mut members: Value, context: &Context) -> String {
    members["RequestId"] = context.request_id().into();
    json!({ "Response": members }).to_string()
}

fn front_half(text: &str) -> &str {
    // The text is ASCII; if it ever is not, it is not cut.
    text.get(..text.len() / 2).unwrap_or(text)
}

fn whole(text: String, context: &Context) -> Answer {
    headed(text, context).into()
}

fn cut(context: &Context) -> Answer {
    let text = good_text(context);
    let half = front_half(&text).len() as u64;
    headed(text, context).map(|body| body.cut_after(half)).into()
}

/// Returns an HTML page with this status.
pub(super) fn page(status: u16, context: &Context) -> Answer {
    let title = format!("{status} Made-Up Gateway Page");
    let text = format!("<html><head><title>{title}</title></head><body>{title}</body></html>\n");
    let mut response = headed(text, context);
    // A script holds only statuses that HTTP knows.
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
    if (300..400).contains(&status) {
        headers.insert(LOCATION, HeaderValue::from_static("https://redirect.example/"));
    }
    response.into()
}

/// Returns an answer with this text, as JSON until something else is said.
pub(super) fn headed(text: String, context: &Context) -> Response<AnswerBody> {
    let declared = text.len();
    let mut response = Response::new(AnswerBody::text(text));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CONTENT_LENGTH, declared.into());
    if let Ok(date) = HeaderValue::try_from(http_date(context.now)) {
        headers.insert(DATE, date);
    }
    response
}
