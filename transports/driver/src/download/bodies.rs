//! The bodies of a download, read as one: that of the response in flight, and chunks that further
//! connections fetch ahead.

use std::{
    collections::VecDeque,
    mem,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use futures_util::{
    future::FutureExt,
    stream::{StreamExt, TryStreamExt},
};
use tcss_export_core::{Mono, TransportErrorKind, download::Chunk};

use crate::{
    transport::{Body, OwnedSend},
    transport_error::TransportError,
};

/// The bodies in the order of the file.
pub(super) struct Bodies {
    /// The position of the next byte in the file.
    at: u64,
    first: Source,
    /// The chunks after the first source, without a gap.
    ahead: VecDeque<Source>,
    /// The connections that the server refused since the last look.
    refused: u32,
}

struct Source {
    /// `None` once it has ended.
    body: Option<Body>,
    start: u64,
    /// The position after the last byte of a chunk. The response in flight has none: it reaches the
    /// end of the file.
    end: Option<u64>,
    /// The bytes that arrived early.
    buffer: BytesMut,
    /// The number of bytes that have arrived.
    received: u64,
    /// When the last of them arrived, or the request was sent.
    since: Mono,
    error: Option<TransportError>,
}

/// What comes next in the file.
pub(super) enum Piece {
    Bytes(Bytes),
    /// A chunk has arrived early, so its connection is free.
    Room,
    /// The response in flight has ended.
    End(Result<(), TransportError>),
    /// A chunk has ended, and there is no next one.
    Stop,
}

impl Bodies {
    /// Reads a body whose first byte has this position.
    pub(super) fn new(body: Body, at: u64, now: Mono) -> Self {
        let first = Source::new(body, at, None, now);
        Self { at, first, ahead: VecDeque::new(), refused: 0 }
    }

    /// Returns where the next chunk to be requested starts.
    pub(super) fn end(&self) -> u64 {
        let last = self.ahead.back().unwrap_or(&self.first);
        last.end.unwrap_or(self.at + Chunk::LENGTH)
    }

    /// Returns whether another chunk may be requested. Chunks that are complete wait in memory, so
    /// their number is limited, too.
    pub(super) fn has_room(&self, connections: u32) -> bool {
        let running = self.ahead.iter().filter(|source| source.is_running()).count();
        let most = connections as usize;
        running + usize::from(self.first.is_running()) < most && self.ahead.len() + 1 < 2 * most
    }

    /// Adds the next chunk.
    pub(super) fn add(&mut self, chunk: Chunk, send: OwnedSend, now: Mono) {
        let (start, end) = (chunk.start(), chunk.end());
        let checked = send.map(move |response| {
            let (head, body) = response?.into_parts();
            let refused = || TransportError::new(TransportErrorKind::Connection, "not the chunk");
            chunk.is_body_of(&head).then_some(body).ok_or_else(refused)
        });
        let body = Body::from_stream(checked.into_stream().try_flatten());
        self.ahead.push_back(Source::new(body, start, Some(end), now));
    }

    /// Returns when the chunk that comes next reaches the stall limit.
    pub(super) fn limit(&self, stall_limit: Duration) -> Option<Mono> {
        self.first.end.map(|_| self.first.since.saturating_add(stall_limit))
    }

    /// Returns how many connections the server has refused since the last call.
    pub(super) fn take_refused(&mut self) -> u32 {
        mem::take(&mut self.refused)
    }

    pub(super) fn poll(&mut self, now: Mono, context: &mut Context<'_>) -> Poll<Piece> {
        let mut has_ended = false;
        for source in self.ahead.iter_mut().filter(|source| source.is_running()) {
            source.read_ahead(now, context);
            has_ended |= !source.is_running();
            self.refused += u32::from(source.is_refused());
        }
        if let Some(next) = self.ahead.pop_front_if(|next| next.start == self.at) {
            // The response in flight continues in the place of a chunk that is incomplete.
            if self.first.end.is_some() || next.is_running() || next.missing() == 0 {
                self.first = next;
            }
        }
        let was_running = self.first.is_running();
        let piece = match self.first.next(now, context) {
            Poll::Ready(piece) => piece,
            Poll::Pending if has_ended => return Poll::Ready(Piece::Room),
            Poll::Pending => return Poll::Pending,
        };
        self.refused += u32::from(was_running && self.first.is_refused());
        Poll::Ready(match (piece, self.first.end) {
            (Some(bytes), _) => Piece::Bytes(self.before_next(bytes)),
            (None, Some(_)) => Piece::Stop,
            (None, None) => Piece::End(self.first.error.take().map_or(Ok(()), Err)),
        })
    }

    /// Returns the bytes before the next chunk, and keeps those of the chunk in case it is missing.
    fn before_next(&mut self, mut bytes: Bytes) -> Bytes {
        if let Some(next) = self.ahead.front() {
            let length = usize::try_from(next.start - self.at).unwrap_or(usize::MAX);
            let rest = bytes.split_off(length.min(bytes.len()));
            self.first.buffer.extend_from_slice(&rest);
        }
        self.at += bytes.len() as u64;
        bytes
    }
}

impl Source {
    fn new(body: Body, start: u64, end: Option<u64>, since: Mono) -> Self {
        let (body, buffer, received, error) = (Some(body), BytesMut::new(), 0, None);
        Self { body, start, end, buffer, received, since, error }
    }

    /// Returns the next bytes; `None` at the end.
    fn next(&mut self, now: Mono, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        match self.buffer.is_empty() {
            true => self.read(now, context),
            false => Poll::Ready(Some(self.buffer.split().freeze())),
        }
    }

    /// Reads a chunk before its turn. The bytes are copied, so that their memory does not depend on
    /// the size of the pieces.
    fn read_ahead(&mut self, now: Mono, context: &mut Context<'_>) {
        while let Poll::Ready(Some(piece)) = self.read(now, context) {
            // Exactly the length of the chunk: a buffer that grows takes up to twice as much.
            let missing = usize::try_from(self.missing()).unwrap_or_default();
            self.buffer.reserve(piece.len() + missing);
            self.buffer.extend_from_slice(&piece);
        }
    }

    fn read(&mut self, now: Mono, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let piece = match ready!(body.poll_next_unpin(context)).transpose() {
            Ok(piece) => piece,
            Err(error) => {
                self.error = Some(error);
                None
            }
        };
        // Bytes past the end of a chunk belong to no file.
        let piece = piece.filter(|bytes| bytes.len() as u64 <= self.missing());
        match &piece {
            Some(bytes) => {
                self.since = now;
                self.received += bytes.len() as u64;
            }
            None => self.body = None,
        }
        Poll::Ready(piece)
    }

    const fn is_running(&self) -> bool {
        self.body.is_some()
    }

    fn missing(&self) -> u64 {
        self.end.map_or(u64::MAX, |end| end - self.start - self.received)
    }

    /// Returns whether a chunk has ended without any byte.
    fn is_refused(&self) -> bool {
        !self.is_running() && self.received == 0 && self.end.is_some()
    }
}
