use bytes::Bytes;
use http::HeaderValue;

use crate::{
    action::Action,
    error::{BuildError, Field, Reason},
    header,
    signing::{CanonicalHeaders, CanonicalRequest, HashedHead, HexDigest, SignedHeaders},
};

/// All of a request that does not change with time: its body, its canonical request, its names.
///
/// A job is polled many times with the same one; only time, scope and signature are new each
/// time. It belongs to the endpoint it was made for.
#[derive(Clone, Debug)]
pub struct Prepared {
    pub(crate) host: HeaderValue,
    pub(crate) action: HeaderValue,
    pub(crate) version: HeaderValue,
    pub(crate) service: &'static str,
    pub(crate) body: Bytes,
    pub(crate) canonical_request_hash: HexDigest,
}

/// What all requests of one action to one host have in common.
#[derive(Clone)]
pub(crate) struct Template {
    host: HeaderValue,
    action: HeaderValue,
    version: HeaderValue,
    service: &'static str,
    head: HashedHead,
}

impl Template {
    pub(crate) fn new<A: Action>(host: &HeaderValue) -> Result<Self, BuildError> {
        Ok(Self {
            host: host.clone(),
            action: constant(A::NAME, Field::Action)?,
            version: constant(A::VERSION, Field::Version)?,
            service: A::SERVICE,
            head: canonical_request::<A>(host, b"")?.hashed_head(),
        })
    }

    pub(crate) fn is_of<A: Action>(&self) -> bool {
        self.action == A::NAME && self.version == A::VERSION && self.service == A::SERVICE
    }

    pub(crate) fn prepare<A: Action>(&self, action: &A) -> Result<Prepared, BuildError> {
        let body = body(action)?;
        let canonical_request_hash = self.head.request_hash(&HexDigest::of(&body));
        let Self { host, action, version, service, .. } = self.clone();
        Ok(Prepared { host, action, version, service, body, canonical_request_hash })
    }
}

/// Writes the one body: the bytes that are hashed are the bytes that are sent.
pub(crate) fn body<A: Action>(action: &A) -> Result<Bytes, BuildError> {
    let json = serde_json::to_vec(action);
    json.map(Bytes::from).map_err(|_| BuildError::new(Field::Body, Reason::NotJson))
}

pub(crate) fn canonical_request<A: Action>(
    host: &HeaderValue,
    body: &[u8],
) -> Result<CanonicalRequest, BuildError> {
    constant(A::NAME, Field::Action)?;
    let headers = canonical_headers(host, A::NAME);
    Ok(CanonicalRequest::new("POST", "/", "", &headers, HexDigest::of(body)))
}

/// Returns the names that [`canonical_headers`] signs, whatever the host and the action.
pub(crate) fn signed_headers() -> SignedHeaders {
    canonical_headers(&HeaderValue::from_static(""), "").names().clone()
}

fn canonical_headers(host: &HeaderValue, action: &str) -> CanonicalHeaders {
    let content_type = header::JSON;
    let [content_type, host] = [&content_type, host].map(|v| v.to_str().unwrap_or_default());
    CanonicalHeaders::of_session(content_type, host, action)
}

/// Makes a header value that borrows its text.
fn constant(text: &'static str, field: Field) -> Result<HeaderValue, BuildError> {
    HeaderValue::from_maybe_shared(Bytes::from_static(text.as_bytes()))
        .map_err(|_| BuildError::new(field, Reason::InvalidCharacter))
}
