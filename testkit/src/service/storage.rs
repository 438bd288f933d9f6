//! The storage: checks the URLs of the file and answers downloads.

mod file;
mod object;
mod range;

use std::collections::BTreeMap;
use std::io;

use hyper::StatusCode;
use hyper::header::{CONTENT_RANGE, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, SERVER};

use self::file::invalid;
use self::object::Object;
use self::range::Range;
use super::answer::{Answer, Context, headed, page, set_header};
use super::request::Received;
use super::seen::SeenAnswer;
use crate::download_faults::{DownloadFault, DownloadFaults};

pub use self::file::ServedFile;

/// The file with its URLs and faults.
pub(super) struct Storage {
    pub(super) object: Object,
    pub(super) urls: Urls,
    faults: DownloadFaults,
    /// The number of accepted downloads.
    accepted: usize,
}

/// An error of the storage: HTTP status, code and message.
type Error = (StatusCode, &'static str, &'static str);

const API_HEADER: Error = (
    StatusCode::BAD_REQUEST,
    "InvalidRequest",
    "Expected no Authorization and no X-TC header at the storage.",
);
const SIGNATURE: Error =
    (StatusCode::FORBIDDEN, "SignatureDoesNotMatch", "The Signature you specified is invalid.");
const EXPIRED: Error = (StatusCode::FORBIDDEN, "AccessDenied", "Request has expired");
const DENIED: Error = (StatusCode::FORBIDDEN, "AccessDenied", "Access Denied.");
const NO_SUCH_KEY: Error =
    (StatusCode::NOT_FOUND, "NoSuchKey", "The specified key does not exist.");
const RANGE: Error =
    (StatusCode::RANGE_NOT_SATISFIABLE, "InvalidRange", "The requested range is not satisfiable");
const INTERNAL: Error = (
    StatusCode::INTERNAL_SERVER_ERROR,
    "InternalError",
    "We encountered an internal error. Please try again.",
);
const SLOW_DOWN: Error = (StatusCode::SERVICE_UNAVAILABLE, "SlowDown", "Reduce your request rate.");

impl Storage {
    /// Opens the file; `base` is the start of its URLs.
    pub(super) fn new(file: ServedFile, faults: DownloadFaults, base: String) -> io::Result<Self> {
        if file.name.is_empty() {
            return Err(invalid("expected a file with a name"));
        }
        let urls = Urls::new(base, &file.name, file.window);
        Ok(Self { object: Object::new(file)?, urls, faults, accepted: 0 })
    }

    /// Answers a request with any path but that of the API.
    pub(super) fn answer(
        &mut self,
        received: &Received,
        context: &Context,
    ) -> (Answer, SeenAnswer) {
        let (mut answer, fault) = match self.check(received, context.now) {
            Ok(()) => {
                let fault = self.faults.fault(self.accepted);
                self.accepted += 1;
                (self.play(&fault, received, context), Some(fault))
            }
            Err(error) => (self.refuse(error, received, context), None),
        };
        let mut status = None;
        if let Answer::Respond(response) = &mut answer {
            status = Some(response.status().as_u16());
            let headers = response.headers_mut();
            headers.insert(SERVER, HeaderValue::from_static("tencent-cos"));
            set_header(headers, HeaderName::from_static("x-cos-request-id"), &context.request_id());
        }
        (answer, SeenAnswer::Download { status, fault })
    }

    fn check(&self, received: &Received, now: i64) -> Result<(), Error> {
        let is_api = |name: &str| name == "authorization" || name.starts_with("x-tc-");
        if received.headers().iter().any(|(name, _)| is_api(name)) {
            return Err(API_HEADER);
        }
        if received.path() != self.urls.path {
            return Err(NO_SUCH_KEY);
        }
        // A presigned URL is valid for one method.
        match self.urls.state(&received.target(), now) {
            UrlState::Valid if received.method() == "GET" => Ok(()),
            UrlState::Expired if received.method() == "GET" => Err(EXPIRED),
            _ => Err(SIGNATURE),
        }
    }

    fn play(&mut self, fault: &DownloadFault, received: &Received, context: &Context) -> Answer {
        let error = match fault {
            DownloadFault::Reset => return Answer::Close,
            DownloadFault::Redirect => return redirect(context),
            DownloadFault::Http(500) => INTERNAL,
            DownloadFault::Http(503) => SLOW_DOWN,
            DownloadFault::Http(status) => return page(*status, context),
            DownloadFault::Expired => {
                self.urls.expire(&received.target());
                EXPIRED
            }
            DownloadFault::Denied => DENIED,
            DownloadFault::Gone => NO_SUCH_KEY,
            _ => return self.send(fault, received, context),
        };
        self.refuse(error, received, context)
    }

    fn send(&mut self, fault: &DownloadFault, received: &Received, context: &Context) -> Answer {
        if let DownloadFault::ETag(text) = fault {
            self.object.change_etag(text.as_deref());
        }
        let length = self.object.length;
        let etag = self.object.etag_for(fault);
        let requested = Range::requested(received, length, etag.as_deref());
        match requested.with_fault(fault, length) {
            Range::AfterEnd => self.refuse(RANGE, received, context),
            range => match self.object.response(range, fault, context) {
                Ok(response) => response.into(),
                // The file on disk is gone or became unreadable.
                Err(_) => Answer::Close,
            },
        }
    }

    fn refuse(&self, error: Error, received: &Received, context: &Context) -> Answer {
        let (status, code, message) = error;
        let path = received.path().replace('&', "&amp;").replace('<', "&lt;");
        let request_id = context.request_id();
        let text = format!(
            "<?xml version='1.0' encoding='utf-8' ?>\n<Error>\n<Code>{code}</Code>\n\
             <Message>{message}</Message>\n<Resource>{path}</Resource>\n\
             <RequestId>{request_id}</RequestId>\n<TraceId>EXAMPLE-TRACE</TraceId>\n</Error>\n",
        );
        let mut response = headed(text, context);
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
        headers.insert("x-cos-trace-id", HeaderValue::from_static("EXAMPLE-TRACE"));
        if error == RANGE {
            set_header(headers, CONTENT_RANGE, &format!("bytes */{}", self.object.length));
        }
        response.into()
    }
}

/// The URLs of a file: they look signed, and only their exact text is valid.
pub(super) struct Urls {
    /// The text before the path.
    pub(super) base: String,
    path: String,
    window: u32,
    /// The last valid second of each target, in unix time.
    ends: BTreeMap<String, i64>,
}

#[derive(Debug, PartialEq, Eq)]
enum UrlState {
    Valid,
    Expired,
    /// The storage never created a URL with this target.
    Unknown,
}

impl Urls {
    fn new(base: String, name: &str, window: u32) -> Self {
        let path = format!("/{}", encoded(name));
        Self { base, path, window, ends: BTreeMap::new() }
    }

    /// Returns a new URL.
    pub(super) fn create(&mut self, now: i64) -> String {
        let end = now.saturating_add(self.window.into());
        let path = &self.path;
        let serial = self.ends.len() + 1;
        let target = format!(
            "{path}?q-sign-algorithm=sha1&q-ak=AKIDEXAMPLE&q-sign-time={now}%3B{end}\
             &q-key-time={now}%3B{end}&q-header-list=host&q-url-param-list=\
             &q-signature=EXAMPLE{serial}",
        );
        let url = format!("{}{target}", self.base);
        self.ends.insert(target, end);
        url
    }

    fn state(&self, target: &str, now: i64) -> UrlState {
        match self.ends.get(target) {
            Some(end) if now <= *end => UrlState::Valid,
            Some(_) => UrlState::Expired,
            None => UrlState::Unknown,
        }
    }

    fn expire(&mut self, target: &str) {
        if let Some(end) = self.ends.get_mut(target) {
            *end = i64::MIN;
        }
    }
}

fn encoded(name: &str) -> String {
    let encode = |byte: u8| match byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    name.bytes().map(encode).collect()
}

fn redirect(context: &Context) -> Answer {
    let mut response = headed(String::new(), context);
    *response.status_mut() = StatusCode::FOUND;
    let location = HeaderValue::from_static(DownloadFault::EXAMPLE_LOCATION);
    response.headers_mut().insert(LOCATION, location);
    response.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_segment_of_a_path() {
        assert_eq!(encoded("p/q+(1) ü.csv"), "p%2Fq%2B%281%29%20%C3%BC.csv");
    }

    #[test]
    fn a_url_is_valid_up_to_the_last_second_of_its_window() {
        let mut urls = Urls::new(String::new(), "f", 3600);
        let url = urls.create(1_699_979_400);
        assert_eq!(urls.state(&url, 1_699_983_000), UrlState::Valid);
        assert_eq!(urls.state(&url, 1_699_983_001), UrlState::Expired);
    }
}
