//! Errors as the storage writes them: an HTTP status of their own and XML.

use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};

use crate::service::answer::{Context, headed};
use crate::service::body::AnswerBody;

/// What the storage says when it does not send the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StorageError {
    status: StatusCode,
    code: &'static str,
    message: &'static str,
}

impl StorageError {
    pub(super) const API_HEADER: Self = Self::new(
        StatusCode::BAD_REQUEST,
        "InvalidRequest",
        "Expected no Authorization and no X-TC header at the storage.",
    );
    pub(super) const SIGNATURE: Self = Self::new(
        StatusCode::FORBIDDEN,
        "SignatureDoesNotMatch",
        "The Signature you specified is invalid.",
    );
    pub(super) const EXPIRED: Self =
        Self::new(StatusCode::FORBIDDEN, "AccessDenied", "Request has expired");
    pub(super) const DENIED: Self =
        Self::new(StatusCode::FORBIDDEN, "AccessDenied", "Access Denied.");
    pub(super) const NO_SUCH_KEY: Self =
        Self::new(StatusCode::NOT_FOUND, "NoSuchKey", "The specified key does not exist.");
    pub(super) const RANGE: Self = Self::new(
        StatusCode::RANGE_NOT_SATISFIABLE,
        "InvalidRange",
        "The requested range is not satisfiable",
    );
    pub(super) const INTERNAL: Self = Self::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "InternalError",
        "We encountered an internal error. Please try again.",
    );
    pub(super) const SLOW_DOWN: Self =
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "SlowDown", "Reduce your request rate.");

    const fn new(status: StatusCode, code: &'static str, message: &'static str) -> Self {
        Self { status, code, message }
    }

    /// Returns the answer about the object at this path.
    pub(super) fn response(self, path: &str, context: &Context) -> Response<AnswerBody> {
        let Self { status, code, message } = self;
        let (path, request_id) = (escaped(path), context.request_id());
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
        response
    }
}

/// Returns a path as the text of an element.
fn escaped(path: &str) -> String {
    path.replace('&', "&amp;").replace('<', "&lt;")
}
