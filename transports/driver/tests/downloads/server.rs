//! A file server as the object store is one, and what goes wrong with it.

use std::{collections::VecDeque, time::Duration};

use bytes::Bytes;
use crc::{CRC_64_XZ, Crc};
use http::{HeaderMap, Request, Response};
use tcss_export_core::SendFault;

const CRC64: &str = "x-cos-hash-crc64ecma";
const EXPIRED: &str = "<Error><Code>AccessDenied</Code><Message>Request has expired</Message>\
    <RequestId>x-1</RequestId></Error>";

/// A file as it is at one time.
#[derive(Clone, Debug)]
pub(crate) struct File {
    pub(crate) bytes: Bytes,
    pub(crate) etag: Option<&'static str>,
    pub(crate) names_crc: bool,
}

/// What one request is answered with.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) head: Result<Response<()>, SendFault>,
    pub(crate) body: VecDeque<Piece>,
}

/// What comes next of a body.
#[derive(Clone, Debug)]
pub(crate) enum Piece {
    Bytes(Bytes),
    /// The next piece takes so long.
    Takes(Duration),
    /// The connection breaks.
    Broken,
    /// Nothing comes, and nothing says so.
    Silence,
}

/// The checksum of a file, by other code than the client's.
pub(crate) fn crc64(bytes: &[u8]) -> u64 {
    Crc::<u64>::new(&CRC_64_XZ).checksum(bytes)
}

impl File {
    /// Has a strong entity tag and names its checksum.
    pub(crate) fn new(bytes: impl Into<Bytes>) -> Self {
        Self { bytes: bytes.into(), etag: Some("\"v1\""), names_crc: true }
    }

    pub(crate) fn with_etag(mut self, etag: &'static str) -> Self {
        self.etag = Some(etag);
        self
    }

    pub(crate) fn without_etag(mut self) -> Self {
        self.etag = None;
        self
    }

    /// Answers by the rules of ranges.
    pub(crate) fn answer(&self, request: &Request<()>) -> Reply {
        let first = first_byte(request.headers()).filter(|_| {
            let condition = request.headers().get("if-range").map(|tag| tag.as_bytes());
            condition.is_none_or(|tag| self.etag.map(str::as_bytes) == Some(tag))
        });
        match first {
            Some(first) if first >= self.bytes.len() => Reply::of(416, Bytes::new())
                .with("content-range", &format!("bytes */{}", self.bytes.len())),
            Some(first) => self.described(Reply::of(206, self.bytes.slice(first..)).with(
                "content-range",
                &format!("bytes {first}-{}/{}", self.bytes.len() - 1, self.bytes.len()),
            )),
            None => self.described(Reply::of(200, self.bytes.clone())),
        }
    }

    fn described(&self, reply: Reply) -> Reply {
        let reply = self.etag.iter().fold(reply, |reply, etag| reply.with("etag", etag));
        match self.names_crc {
            true => reply.with(CRC64, &crc64(&self.bytes).to_string()),
            false => reply,
        }
    }
}

impl Reply {
    pub(crate) fn of(status: u16, body: impl Into<Bytes>) -> Self {
        let body = body.into();
        let head = Response::builder().status(status).header("content-length", body.len());
        let body = VecDeque::from([Piece::Bytes(body)]);
        Self { head: Ok(head.body(()).expect("a head")), body }
    }

    pub(crate) fn unsent(fault: SendFault) -> Self {
        Self { head: Err(fault), body: VecDeque::new() }
    }

    pub(crate) fn expired() -> Self {
        Self::of(403, EXPIRED)
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(head) = &mut self.head {
            head.headers_mut().insert(name, value.parse().expect("a header"));
        }
        self
    }

    /// Gives the body in pieces of so many bytes.
    pub(crate) fn in_pieces(mut self, length: usize) -> Self {
        let bytes = self.bytes();
        self.body = bytes.chunks(length).map(|piece| Piece::Bytes(piece.to_vec().into())).collect();
        self
    }

    /// Gives so many bytes of the body, and then this.
    pub(crate) fn cut(mut self, length: usize, end: Piece) -> Self {
        let bytes = self.bytes();
        self.body = VecDeque::from([Piece::Bytes(bytes.slice(..length.min(bytes.len()))), end]);
        self
    }

    /// Breaks the connection after so many bytes of the body.
    pub(crate) fn broken(self, length: usize) -> Self {
        self.cut(length, Piece::Broken)
    }

    /// Lets each piece take so long.
    pub(crate) fn slowly(mut self, each: Duration) -> Self {
        self.body = self.body.into_iter().flat_map(|piece| [Piece::Takes(each), piece]).collect();
        self
    }

    fn bytes(&self) -> Bytes {
        let pieces = self.body.iter().filter_map(|piece| match piece {
            Piece::Bytes(bytes) => Some(&bytes[..]),
            _ => None,
        });
        pieces.collect::<Vec<_>>().concat().into()
    }
}

fn first_byte(headers: &HeaderMap) -> Option<usize> {
    headers.get("range")?.to_str().ok()?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
}
