//! Chunks of a file, which further connections fetch while the bytes before them arrive.

use alloc::format;

use http::{Request, StatusCode, response::Parts};

use super::{
    Download, Phase,
    exchange::checked_coding,
    object::{ContentRange, Object, content_length, differ},
    outcome::Event,
};
use crate::time::Mono;

/// A chunk of the file whose first bytes are arriving, to be requested over another connection.
///
/// Pass the bytes of a chunk to [`Download::body`] after all bytes before them, as if they were
/// part of the body in flight. So there is one exchange for the download, and its bytes arrive in
/// order. If a chunk cannot be used, call [`Download::stop_body`] where it begins.
#[derive(Clone, Debug)]
pub struct Chunk {
    range: ContentRange,
    object: Object,
}

impl Chunk {
    /// The length of each chunk but the last.
    pub const LENGTH: u64 = 1 << 20;

    /// Returns the position of its first byte in the file.
    pub const fn start(&self) -> u64 {
        self.range.first
    }

    /// Returns the position after its last byte.
    pub const fn end(&self) -> u64 {
        self.range.end
    }

    /// Returns whether the body of a response is this chunk of the same file.
    pub fn is_body_of(&self, head: &Parts) -> bool {
        let headers = &head.headers;
        let length = content_length(headers);
        let object = Object::new(headers, self.range.total);
        head.status == StatusCode::PARTIAL_CONTENT
            && checked_coding(head).is_ok()
            && ContentRange::of(headers) == Some(self.range)
            && length.is_ok_and(|length| length.is_none_or(|length| length == self.range.len()))
            && object.is_ok_and(|object| {
                object.etag == self.object.etag && !differ(object.crc64, self.object.crc64)
            })
    }
}

impl Download {
    /// Returns the chunk that begins at this position, and its request, if the body in flight
    /// reaches the end of the file and the server can serve the rest of it in chunks.
    ///
    /// The first chunk begins [`Chunk::LENGTH`] after the first byte of the body, each other where
    /// the one before it ends. It is `None` for a file without a strong `ETag` and for a body of
    /// less than two chunks. After a restart it is `None`, too, because a server that serves a
    /// file as a whole may still serve wrong ranges.
    pub fn chunk(&self, start: u64) -> Option<(Chunk, Request<()>)> {
        let Phase::Body(body) = &self.phase else { return None };
        let object = &self.held.object;
        let total = body.end.filter(|end| object.total == Some(*end) && start < *end)?;
        let is_usable = body.accepts_ranges
            && body.skip == 0
            && total - body.began >= 2 * Chunk::LENGTH
            && self.report.restarts == 0;
        let end = total.min(start.saturating_add(Chunk::LENGTH));
        let range = ContentRange { first: start, end, total: Some(total) };
        let headers = self.range_headers(format!("bytes={start}-{}", end - 1))?;
        is_usable.then(|| (Chunk { range, object: object.clone() }, self.request(Some(headers))))
    }

    /// Counts the request of a chunk, which was sent.
    pub fn sent_chunk(&mut self) {
        self.report.requests = self.report.requests.saturating_add(1);
        self.held.is_stitched = true;
    }

    /// Ends the body in flight after the bytes that have arrived. Unless the file is complete, the
    /// rest is requested at once.
    pub fn stop_body(&mut self, now: Mono) -> Event {
        if let Phase::Body(body) = &mut self.phase
            && self.held.bytes > body.began
        {
            body.end = Some(self.held.bytes);
        }
        self.ended(now, Ok(()))
    }
}
