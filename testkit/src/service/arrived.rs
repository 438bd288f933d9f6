use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::{HeaderMap, Request};

/// What a body may have, in bytes.
const BODY_LIMIT: usize = 10 * 1024 * 1024;

/// A request that is there as a whole.
#[derive(Default)]
pub(crate) struct Arrived {
    pub(super) method: String,
    /// The request target as it stood on the wire.
    pub(super) target: String,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(super) too_large: bool,
}

impl Arrived {
    pub(super) async fn read(request: Request<Incoming>) -> Result<Self, hyper::Error> {
        let (head, mut body) = request.into_parts();
        let mut arrived = Self {
            method: head.method.to_string(),
            target: head.uri.to_string(),
            path: head.uri.path().to_owned(),
            query: head.uri.query().unwrap_or_default().to_owned(),
            headers: header_texts(&head.headers),
            ..Self::default()
        };
        while let Some(frame) = body.frame().await {
            if let Ok(data) = frame?.into_data() {
                arrived.take(&data);
            }
        }
        Ok(arrived)
    }

    /// Takes a request that has not been on any wire.
    #[cfg(feature = "scripted")]
    pub(crate) fn of(request: &Request<Bytes>) -> Self {
        Self {
            method: request.method().to_string(),
            target: request.uri().to_string(),
            path: request.uri().path().to_owned(),
            query: request.uri().query().unwrap_or_default().to_owned(),
            headers: header_texts(request.headers()),
            body: request.body().to_vec(),
            ..Self::default()
        }
    }

    /// Returns the first value of a header.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|header| header.0 == name);
        found.map(|header| header.1.as_str())
    }

    /// Keeps what is within the limit. The rest is read and dropped, because a client that cannot
    /// finish writing may never see the refusal.
    fn take(&mut self, data: &Bytes) {
        if self.body.len() + data.len() > BODY_LIMIT {
            self.too_large = true;
        }
        if !self.too_large {
            self.body.extend_from_slice(data);
        }
    }
}

/// Returns the headers as text. Bytes that are no UTF-8 are replaced, so they never verify.
fn header_texts(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    headers.iter().map(|(name, value)| (name.to_string(), text(value.as_bytes()))).collect()
}
