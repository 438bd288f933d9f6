//! Requests as received, and the checks of a call.

use std::borrow::Cow;
use std::collections::BTreeMap;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::Request;
use hyper::body::Incoming;
use hyper::header::HeaderValue;
use hyper::http::request::Parts;
use serde_json::Value;

use super::actions::Call;
use super::parameters::{ApiError, Parameters};
use super::query;
use crate::verify::{RawRequest, Refusal, Verifier};

const BODY_LIMIT: usize = 10 * 1024 * 1024;
const VERSION: &str = "2020-11-01";
pub(super) const STS_VERSION: &str = "2018-08-13";

/// A complete request.
pub(crate) struct Received {
    head: Parts,
    pub(crate) body: Vec<u8>,
    is_too_large: bool,
}

impl Received {
    /// Reads a request. It reads and drops the bytes over the limit, because a client that cannot
    /// finish writing may never see the refusal.
    pub(super) async fn read(request: Request<Incoming>) -> Result<Self, hyper::Error> {
        let (head, mut incoming) = request.into_parts();
        let (mut body, mut is_too_large) = (Vec::new(), false);
        while let Some(frame) = incoming.frame().await {
            let Ok(data) = frame?.into_data() else { continue };
            is_too_large |= body.len() + data.len() > BODY_LIMIT;
            if !is_too_large {
                body.extend_from_slice(&data);
            }
        }
        Ok(Self { head, body, is_too_large })
    }

    /// Takes a request that was never on a wire.
    #[cfg(feature = "scripted")]
    pub(crate) fn of(request: Request<Bytes>) -> Self {
        let (head, body) = request.into_parts();
        Self { head, body: body.into(), is_too_large: false }
    }

    pub(super) fn method(&self) -> &str {
        self.head.method.as_str()
    }

    pub(super) fn path(&self) -> &str {
        self.head.uri.path()
    }

    fn query(&self) -> &str {
        self.head.uri.query().unwrap_or_default()
    }

    /// Returns the parameters as JSON: the body, or the query of a GET.
    pub(crate) fn parameters(&self) -> Cow<'_, [u8]> {
        match self.method() {
            "GET" => query::to_json(self.query()).to_string().into_bytes().into(),
            _ => Cow::from(&self.body),
        }
    }

    /// Returns the request target as it was on the wire.
    pub(super) fn target(&self) -> String {
        self.head.uri.to_string()
    }

    /// Returns the headers as text. Bytes that are not UTF-8 are replaced, so they never verify.
    pub(super) fn headers(&self) -> Vec<(String, String)> {
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        self.head.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect()
    }

    /// Returns the request for the answer of an added action.
    fn request(&self) -> Request<Bytes> {
        Request::from_parts(self.head.clone(), Bytes::copy_from_slice(&self.body))
    }

    /// Returns the first value of a header.
    pub(super) fn header(&self, name: &str) -> Option<String> {
        let value = self.head.headers.get(name)?;
        Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
    }

    /// Returns the SecretId in the Authorization. Before the checks it proves nothing.
    pub(super) fn secret_id(&self) -> Option<String> {
        let authorization = self.header("authorization")?;
        let (_, credential) = authorization.split_once("Credential=")?;
        credential.split_once('/').map(|(id, _)| id.to_owned())
    }
}

/// Returns the members of `Response` for a request.
pub(crate) type Answerer = Box<dyn Fn(&Request<Bytes>) -> Value + Send + Sync>;

/// The known keys, the required token if any, and the actions that were added.
#[derive(Default)]
pub(crate) struct Rules {
    pub(crate) keys: BTreeMap<String, String>,
    pub(crate) token: Option<String>,
    pub(crate) actions: BTreeMap<String, Answerer>,
}

impl Rules {
    /// Checks a request and returns the call in it.
    pub(crate) fn check(&self, received: &Received, now: i64) -> Result<Call, ApiError> {
        let headers = received.headers();
        let headers: Vec<_> = headers.iter().map(|(n, v)| (&**n, &**v)).collect();
        let request = RawRequest {
            method: received.method(),
            path: received.path(),
            query: received.query(),
            headers: &headers,
            body: &received.body,
        };
        if received.is_too_large {
            let message = "expected a body of at most 10 MiB";
            return Err(ApiError::new("RequestSizeLimitExceeded", message));
        }
        check_form(&request)?;
        // One port serves two services, and only the version tells them apart.
        let version = request.header("x-tc-version")?;
        let service = if version == STS_VERSION { "sts" } else { "tcss" };
        let key_of = |id: &str| self.keys.get(id).map(String::as_str);
        Verifier::new(service).verify(&request, now, key_of)?;
        if let Some(token) = self.token.as_deref()
            && !request.values("x-tc-token").eq([token])
        {
            let message = "expected the current x-tc-token";
            return Err(ApiError::new("AuthFailure.TokenFailure", message));
        }
        let action = request.header("x-tc-action")?;
        match version {
            VERSION => self.read(action, &received.parameters()),
            STS_VERSION => Call::read_of_sts(action, &received.parameters()),
            _ => Err(ApiError::new("NoSuchVersion", "expected the version 2020-11-01")),
        }
    }

    fn read(&self, action: &str, body: &[u8]) -> Result<Call, ApiError> {
        if !self.actions.contains_key(action) {
            return Call::read(action, body);
        }
        Parameters::read(body)?;
        Ok(Call::Added(action.to_owned()))
    }

    /// Returns the members of the answer to a call of an added action.
    pub(super) fn answer(&self, action: &str, received: &Received) -> Value {
        self.actions.get(action).map(|answer| answer(&received.request())).unwrap_or_default()
    }
}

/// Makes the checks before the signature.
fn check_form(request: &RawRequest<'_>) -> Result<(), ApiError> {
    if !matches!(request.method, "GET" | "POST") {
        return Err(Refusal::Method.into());
    }
    if request.path != "/" {
        return Err(Refusal::Path.into());
    }
    for name in ["host", "content-type", "x-tc-action", "x-tc-version", "x-tc-timestamp"] {
        request.header(name)?;
    }
    Ok(())
}
