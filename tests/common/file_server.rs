//! A file as an object store serves it: by the rules of RFC 9110, with an entity tag and a
//! checksum.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::ops::Range;

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
    pub(crate) crc64: u64,
}

static CRC: Crc<u64> = Crc::<u64>::new(&CRC_64_XZ);

/// Computes the checksum of a file with code that the client does not use.
pub(crate) fn crc64(bytes: &[u8]) -> u64 {
    CRC.checksum(bytes)
}

impl File {
    /// Makes a file with a strong entity tag and a checksum.
    pub(crate) fn new(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self { crc64: crc64(&bytes), bytes, etag: Some("\"v1\"".into()), names_crc: true }
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
        let length = bytes.len().to_string();
        let described = [("content-length", &*length), ("accept-ranges", "bytes")];
        let mut response = response(status, &described, bytes);
        let headers = response.headers_mut();
        if let Some(etag) = &self.etag {
            headers.insert("etag", value(etag));
        }
        if self.names_crc {
            headers.insert(CRC64, value(&self.crc64.to_string()));
        }
        response
    }
}

/// Returns the requested range of a file with this length.
pub(crate) fn range(headers: &HeaderMap, length: usize) -> Option<Range<usize>> {
    let range = headers.get("range")?.to_str().expect("ASCII");
    let (first, last) = range.strip_prefix("bytes=").and_then(|r| r.split_once('-')).expect(range);
    let end = if last.is_empty() { length } else { last.parse::<usize>().expect(range) + 1 };
    Some(first.parse().expect(range)..end.min(length))
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
