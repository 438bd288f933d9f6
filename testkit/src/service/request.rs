//! Requests as received, and the checks of a call.

use std::collections::BTreeMap;

#[cfg(feature = "scripted")]
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::{HeaderMap, Request};

use super::actions::Call;
use super::parameters::ApiError;
use crate::verify::{RawRequest, Refusal, Verifier};

const BODY_LIMIT: usize = 10 * 1024 * 1024;
const SERVICE: &str = "tcss";
const VERSION: &str = "2020-11-01";

/// A complete request.
pub(crate) struct Received {
    pub(super) method: String,
    /// The request target as it was on the wire.
    pub(super) target: String,
    pub(super) path: String,
    query: String,
    pub(super) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    is_too_large: bool,
}

impl Received {
    /// Reads a request. It reads and drops the bytes over the limit, because a client that cannot
    /// finish writing may never see the refusal.
    pub(super) async fn read(request: Request<Incoming>) -> Result<Self, hyper::Error> {
        let (head, mut body) = request.into_parts();
        let mut received = Self::new(&head);
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame?.into_data() else { continue };
            received.is_too_large |= received.body.len() + data.len() > BODY_LIMIT;
            if !received.is_too_large {
                received.body.extend_from_slice(&data);
            }
        }
        Ok(received)
    }

    /// Takes a request that was never on a wire.
    #[cfg(feature = "scripted")]
    pub(crate) fn of(request: Request<Bytes>) -> Self {
        let (head, body) = request.into_parts();
        Self { body: body.into(), ..Self::new(&head) }
    }

    fn new(head: &Parts) -> Self {
        Self {
            method: head.method.to_string(),
            target: head.uri.to_string(),
            path: head.uri.path().to_owned(),
            query: head.uri.query().unwrap_or_default().to_owned(),
            headers: header_texts(&head.headers),
            body: Vec::new(),
            is_too_large: false,
        }
    }

    /// Returns the first value of a header.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|header| header.0 == name);
        found.map(|header| header.1.as_str())
    }
}

/// Returns the headers as text. Bytes that are not UTF-8 are replaced, so they never verify.
fn header_texts(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    headers.iter().map(|(name, value)| (name.to_string(), text(value.as_bytes()))).collect()
}

/// The known keys, and the required token if any.
pub(crate) struct Rules {
    pub(crate) keys: BTreeMap<String, String>,
    pub(crate) token: Option<String>,
}

impl Rules {
    /// Checks a request and returns the call in it.
    pub(crate) fn check(&self, received: &Received, now: i64) -> Result<Call, ApiError> {
        let headers: Vec<_> = received.headers.iter().map(|(n, v)| (&**n, &**v)).collect();
        let request = RawRequest {
            method: &received.method,
            path: &received.path,
            query: &received.query,
            headers: &headers,
            body: &received.body,
        };
        if received.is_too_large {
            let message = "expected a body of at most 10 MB";
            return Err(ApiError::new("RequestSizeLimitExceeded", message));
        }
        check_form(&request)?;
        let key_of = |id: &str| self.keys.get(id).map(String::as_str);
        Verifier::new(SERVICE).verify(&request, now, key_of)?;
        self.check_token(&request)?;
        if request.header("x-tc-version")? != VERSION {
            return Err(ApiError::new("NoSuchVersion", "expected the version 2020-11-01"));
        }
        Call::read(request.header("x-tc-action")?, &received.body)
    }

    fn check_token(&self, request: &RawRequest<'_>) -> Result<(), ApiError> {
        let Some(token) = self.token.as_deref() else { return Ok(()) };
        if request.values("x-tc-token").eq([token]) {
            return Ok(());
        }
        Err(ApiError::new("AuthFailure.TokenFailure", "expected the current x-tc-token"))
    }
}

/// Makes the checks before the signature.
fn check_form(request: &RawRequest<'_>) -> Result<(), ApiError> {
    if request.method != "POST" {
        return Err(ApiError::new("UnsupportedProtocol", "expected the method POST"));
    }
    if request.path != "/" {
        return Err(Refusal::Path.into());
    }
    for name in ["host", "content-type", "x-tc-action", "x-tc-version", "x-tc-timestamp"] {
        request.header(name)?;
    }
    Ok(())
}
