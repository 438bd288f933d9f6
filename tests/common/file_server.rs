//! A file as an object store serves it: by the rules of RFC 9110, with an entity tag and a
//! checksum.

use bytes::Bytes;
use crc::{CRC_64_XZ, Crc};
use http::{HeaderMap, HeaderValue, Response};

pub(crate) const CRC64: &str = "x-cos-hash-crc64ecma";

/// One version of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct File {
    pub(crate) bytes: Bytes,
    pub(crate) etag: Option<String>,
    pub(crate) names_crc: bool,
}

static CRC: Crc<u64> = Crc::<u64>::new(&CRC_64_XZ);

/// Computes the checksum of a file with code that the client does not use.
pub(crate) fn crc64(bytes: &[u8]) -> u64 {
    CRC.checksum(bytes)
}

impl File {
    /// Makes a file with a strong entity tag and a checksum.
    pub(crate) fn new(bytes: impl Into<Bytes>) -> Self {
        Self { bytes: bytes.into(), etag: Some("\"v1\"".into()), names_crc: true }
    }

    pub(crate) fn with_etag(mut self, etag: &str) -> Self {
        self.etag = Some(etag.into());
        self
    }

    pub(crate) fn without_etag(mut self) -> Self {
        self.etag = None;
        self
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether the condition of a range request holds: `If-Range` is absent or names the strong tag
    /// of this file.
    pub(crate) fn fits_condition(&self, headers: &HeaderMap) -> bool {
        let is_strong = |etag: &&String| !etag.starts_with("W/");
        let etag = self.etag.as_ref().filter(is_strong).map(|etag| etag.as_bytes());
        headers.get("if-range").is_none_or(|if_range| Some(if_range.as_bytes()) == etag)
    }

    pub(crate) fn whole(&self) -> Response<Bytes> {
        self.described(200, self.bytes.clone())
    }

    pub(crate) fn partial(&self, first: usize, end: usize) -> Response<Bytes> {
        let mut response = self.described(206, self.bytes.slice(first..end));
        let range = format!("bytes {first}-{}/{}", end - 1, self.len());
        response.headers_mut().insert("content-range", value(&range));
        response
    }

    pub(crate) fn unsatisfied(&self) -> Response<Bytes> {
        let mut response = xml(416, "InvalidRange", "The requested range cannot be satisfied.");
        response.headers_mut().insert("content-range", value(&format!("bytes */{}", self.len())));
        response
    }

    fn described(&self, status: u16, bytes: Bytes) -> Response<Bytes> {
        let mut response = response(status, &[("content-length", &bytes.len().to_string())], bytes);
        let headers = response.headers_mut();
        if let Some(etag) = &self.etag {
            headers.insert("etag", value(etag));
        }
        if self.names_crc {
            headers.insert(CRC64, value(&crc64(&self.bytes).to_string()));
        }
        response
    }
}

/// Returns the first byte of a range; clients send ranges without an end only.
pub(crate) fn first_byte(headers: &HeaderMap) -> Option<usize> {
    let range = headers.get("range")?.to_str().expect("ASCII");
    let first = range.strip_prefix("bytes=").and_then(|range| range.strip_suffix('-'));
    Some(first.and_then(|first| first.parse().ok()).expect("a range without an end"))
}

/// Returns an error answer of the object store.
pub(crate) fn xml(status: u16, code: &str, message: &str) -> Response<Bytes> {
    let body = format!(
        "<?xml version='1.0' encoding='utf-8' ?>\n<Error>\n\t<Code>{code}</Code>\n\t\
         <Message>{message}</Message>\n\t<Resource>/a.csv</Resource>\n\t\
         <RequestId>x-1</RequestId>\n\t<TraceId>t-1</TraceId>\n</Error>\n"
    );
    response(status, &[("content-type", "application/xml")], body)
}

pub(crate) fn response(
    status: u16,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Response<Bytes> {
    let builder = Response::builder().status(status);
    let builder =
        headers.iter().fold(builder, |builder, (name, value)| builder.header(*name, *value));
    builder.body(body.into()).expect("a status and headers")
}

fn value(text: &str) -> HeaderValue {
    text.parse().expect("a header value")
}
