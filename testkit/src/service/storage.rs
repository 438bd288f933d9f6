//! The storage: checks the URLs of the file and answers downloads.

mod file;
mod object;
mod range;
mod urls;

use std::io;

use hyper::header::{CONTENT_RANGE, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, SERVER};
use hyper::{HeaderMap, StatusCode};

pub use self::file::ServedFile;
use self::object::Object;
use self::range::Range;
use self::urls::{UrlState, Urls};
use super::answer::{Answer, Context, headed, page};
use super::request::Received;
use super::seen::SeenAnswer;
use crate::download_faults::{DownloadFault, DownloadFaults};

/// The file with its URLs and faults.
pub(super) struct Storage {
    object: Object,
    pub(super) urls: Urls,
    faults: DownloadFaults,
    /// The number of accepted downloads.
    accepted: usize,
}

/// An error of the storage: HTTP status, code and message.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Error(StatusCode, &'static str, &'static str);

const API_HEADER: Error = Error(
    StatusCode::BAD_REQUEST,
    "InvalidRequest",
    "Expected no Authorization and no X-TC header at the storage.",
);
const SIGNATURE: Error = Error(
    StatusCode::FORBIDDEN,
    "SignatureDoesNotMatch",
    "The Signature you specified is invalid.",
);
const EXPIRED: Error = Error(StatusCode::FORBIDDEN, "AccessDenied", "Request has expired");
const DENIED: Error = Error(StatusCode::FORBIDDEN, "AccessDenied", "Access Denied.");
const NO_SUCH_KEY: Error =
    Error(StatusCode::NOT_FOUND, "NoSuchKey", "The specified key does not exist.");
const RANGE: Error = Error(
    StatusCode::RANGE_NOT_SATISFIABLE,
    "InvalidRange",
    "The requested range is not satisfiable",
);
const INTERNAL: Error = Error(
    StatusCode::INTERNAL_SERVER_ERROR,
    "InternalError",
    "We encountered an internal error. Please try again.",
);
const SLOW_DOWN: Error =
    Error(StatusCode::SERVICE_UNAVAILABLE, "SlowDown", "Reduce your request rate.");

impl Storage {
    /// Opens the file; `base` is the start of its URLs.
    pub(super) fn new(file: ServedFile, faults: DownloadFaults, base: String) -> io::Result<Self> {
        if file.name.is_empty() {
            return Err(invalid("expected a file with a name"));
        }
        let urls = Urls::new(base, &file.name, file.window);
        Ok(Self { object: Object::new(file)?, urls, faults, accepted: 0 })
    }

    pub(super) const fn crc64(&self) -> u64 {
        self.object.crc64
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
        if let Answer::Respond(response) = &mut answer {
            let headers = response.headers_mut();
            headers.insert(SERVER, HeaderValue::from_static("tencent-cos"));
            set(headers, HeaderName::from_static("x-cos-request-id"), &context.request_id());
        }
        let record = SeenAnswer::Download { status: answer.status(), fault };
        (answer, record)
    }

    fn check(&self, received: &Received, now: i64) -> Result<(), Error> {
        let is_api = |name: &str| name == "authorization" || name.starts_with("x-tc-");
        if received.headers.iter().any(|(name, _)| is_api(name)) {
            return Err(API_HEADER);
        }
        if received.path != self.urls.path() {
            return Err(NO_SUCH_KEY);
        }
        // A presigned URL is valid for one method.
        match self.urls.state(&received.target, now) {
            UrlState::Valid if received.method == "GET" => Ok(()),
            UrlState::Expired if received.method == "GET" => Err(EXPIRED),
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
                self.urls.expire(&received.target);
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
        let Error(status, code, message) = error;
        let path = received.path.replace('&', "&amp;").replace('<', "&lt;");
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
            set(headers, CONTENT_RANGE, &format!("bytes */{}", self.object.length));
        }
        response.into()
    }
}

fn redirect(context: &Context) -> Answer {
    let mut response = headed(String::new(), context);
    *response.status_mut() = StatusCode::FOUND;
    let location = HeaderValue::from_static(DownloadFault::EXAMPLE_LOCATION);
    response.headers_mut().insert(LOCATION, location);
    response.into()
}

/// Sets a header; the text is always valid in one.
fn set(headers: &mut HeaderMap, name: HeaderName, text: &str) {
    if let Ok(value) = HeaderValue::try_from(text) {
        headers.insert(name, value);
    }
}

fn invalid(message: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message)
}
