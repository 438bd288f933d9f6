//! Bodies of answers: complete, slow, or with an early end.

use std::future::pending;
use std::io::{self, Cursor, Read};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use tokio::sync::oneshot;
use tokio::task::yield_now;
use tokio::time::sleep;

/// The largest piece; larger ones make no download faster.
const PIECE: u64 = 256 * 1024;
const PAUSE: Duration = Duration::from_millis(50);

/// A body that may end before its declared length, or never.
pub(crate) struct Body {
    source: Box<dyn Read + Send>,
    /// The number of bytes still to send.
    left: u64,
    end: End,
    /// The number of bytes between two pauses, if any.
    pace: Option<u64>,
    pause_is_due: bool,
    /// Resolves when the socket has the last piece before a cut.
    last_sent: Option<oneshot::Receiver<()>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Complete,
    Cut,
    Stall,
}

impl Body {
    /// Makes a body of the next `length` bytes of a source.
    ///
    /// The service's only thread reads the source: a read from the system's cache takes less time
    /// than passing the bytes on from another thread.
    pub(super) fn new(source: Box<dyn Read + Send>, length: u64) -> Self {
        let end = End::Complete;
        Self { source, left: length, end, pace: None, pause_is_due: false, last_sent: None }
    }

    pub(super) fn text(text: String) -> Self {
        let length = text.len() as u64;
        Self::new(Box::new(Cursor::new(text)), length)
    }

    /// Closes the connection after this number of bytes.
    pub(super) fn cut_after(self, bytes: u64) -> Self {
        Self { left: self.left.min(bytes), end: End::Cut, ..self }
    }

    /// Sends this number of bytes, then nothing more, and keeps the connection open.
    pub(super) fn stalled_after(self, bytes: u64) -> Self {
        Self { left: self.left.min(bytes), end: End::Stall, ..self }
    }

    /// Pauses after each piece of this number of bytes.
    pub(super) fn paced(self, bytes: u64) -> Self {
        Self { pace: Some(bytes), ..self }
    }

    /// Returns all bytes at once; `None` if the body ends before its declared length.
    #[cfg(feature = "scripted")]
    pub(crate) fn complete(mut self) -> Option<Bytes> {
        if self.end != End::Complete {
            return None;
        }
        let mut bytes = Vec::new();
        self.source.read_to_end(&mut bytes).ok()?;
        Some(bytes.into())
    }

    /// Returns the body in hyper's form.
    pub(super) fn boxed(self) -> UnsyncBoxBody<Bytes, io::Error> {
        StreamBody::new(stream::unfold(self, Self::next_frame)).boxed_unsync()
    }

    async fn next_frame(mut self) -> Option<(io::Result<Frame<Bytes>>, Self)> {
        if self.pause_is_due {
            sleep(PAUSE).await;
        }
        self.pause_is_due = self.pace.is_some();
        if self.left > 0 {
            return Some((self.next_piece().map(Frame::data), self));
        }
        match self.end {
            End::Complete => None,
            End::Cut => {
                self.everything_sent().await;
                Some((Err(io::ErrorKind::UnexpectedEof.into()), self))
            }
            End::Stall => pending().await,
        }
    }

    fn next_piece(&mut self) -> io::Result<Bytes> {
        let most = self.left.min(PIECE).min(self.pace.unwrap_or(PIECE));
        // A piece fits into memory.
        let mut piece = Vec::with_capacity(usize::try_from(most).unwrap_or_default());
        (&mut self.source).take(most).read_to_end(&mut piece)?;
        if piece.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= piece.len() as u64;
        if self.left > 0 || self.end != End::Cut {
            return Ok(piece.into());
        }
        let (dropped, last_sent) = oneshot::channel();
        self.last_sent = Some(last_sent);
        Ok(Bytes::from_owner(LastPiece { piece, _dropped: dropped }))
    }

    /// Waits until the socket has all bytes, because hyper closes the connection at an early end
    /// and drops its own buffer.
    async fn everything_sent(&mut self) {
        if let Some(last_sent) = self.last_sent.take() {
            // An error, because the sender is dropped with the piece.
            let _ = last_sent.await;
        }
        // Without any piece, hyper sends the head now.
        yield_now().await;
    }
}

/// The last piece before a cut; hyper drops it when the socket has its bytes.
struct LastPiece {
    piece: Vec<u8>,
    _dropped: oneshot::Sender<()>,
}

impl AsRef<[u8]> for LastPiece {
    fn as_ref(&self) -> &[u8] {
        &self.piece
    }
}
