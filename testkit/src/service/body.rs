//! Bodies of answers: whole, slow, or ending too early.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame};
use tokio::sync::oneshot;
use tokio::time::{Sleep, sleep};

use super::pieces::Pieces;

/// What is read at once; larger pieces make no download faster.
const PIECE: u64 = 256 * 1024;
const PAUSE: Duration = Duration::from_millis(50);

/// A body that may end before its declared length, or never.
pub(crate) struct AnswerBody {
    pieces: Pieces,
    /// What is still to be given.
    left: u64,
    end: End,
    /// The most bytes between two pauses, if there are any.
    pace: Option<u64>,
    pause: Option<Pin<Box<Sleep>>>,
    /// Tells when the last piece before a cut has left for the socket.
    sent: Option<oneshot::Receiver<()>>,
    /// Whether a cut has let out the head, which is no piece.
    yielded: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Whole,
    Cut,
    Stall,
}

impl AnswerBody {
    pub(super) const fn new(pieces: Pieces, length: u64) -> Self {
        Self {
            pieces,
            left: length,
            end: End::Whole,
            pace: None,
            pause: None,
            sent: None,
            yielded: false,
        }
    }

    pub(super) fn text(text: String) -> Self {
        let length = text.len() as u64;
        Self::new(Pieces::Bytes(text.into()), length)
    }

    /// Ends it with its connection after so many bytes.
    pub(super) fn cut_after(self, bytes: u64) -> Self {
        Self { left: self.left.min(bytes), end: End::Cut, ..self }
    }

    /// Gives so many bytes and then nothing more.
    pub(super) fn stalled_after(self, bytes: u64) -> Self {
        Self { left: self.left.min(bytes), end: End::Stall, ..self }
    }

    /// Pauses after every so many bytes.
    pub(super) const fn paced(mut self, bytes: u64) -> Self {
        self.pace = Some(bytes);
        self
    }

    /// Returns all of it at once; none if it ends before its declared length.
    #[cfg(feature = "scripted")]
    pub(crate) fn whole(self) -> Option<Bytes> {
        match self.pieces {
            Pieces::Bytes(bytes) if self.end == End::Whole => Some(bytes),
            _ => None,
        }
    }

    fn next_piece(&mut self) -> io::Result<Bytes> {
        let most = self.left.min(PIECE).min(self.pace.unwrap_or(PIECE));
        let piece = self.pieces.next(most)?;
        self.left -= piece.len() as u64;
        if self.pace.is_some() {
            self.pause = Some(Box::pin(sleep(PAUSE)));
        }
        Ok(match self.left {
            0 if self.end == End::Cut => self.noticed(piece),
            _ => piece,
        })
    }

    /// Wraps a piece so that its end is noticed.
    fn noticed(&mut self, piece: Bytes) -> Bytes {
        let (sending, sent) = oneshot::channel();
        self.sent = Some(sent);
        Bytes::from_owner(Noticed { piece, _sending: sending })
    }

    /// Waits until everything is with the socket, because hyper closes the connection at the early
    /// end and drops what it still holds.
    fn poll_cut(&mut self, task: &mut Context<'_>) -> Poll<io::Error> {
        if let Some(sent) = &mut self.sent {
            // The other end never sends; it goes with the piece.
            let _ = ready!(Pin::new(sent).poll(task));
            self.sent = None;
        }
        if !self.yielded {
            self.yielded = true;
            task.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(io::ErrorKind::UnexpectedEof.into())
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if let Some(pause) = &mut self.pause {
            ready!(pause.as_mut().poll(task));
            self.pause = None;
        }
        if self.left > 0 {
            return Poll::Ready(Some(self.next_piece().map(Frame::data)));
        }
        match self.end {
            End::Whole => Poll::Ready(None),
            End::Cut => self.poll_cut(task).map(|cut| Some(Err(cut))),
            End::Stall => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0 && self.end == End::Whole
    }
}

/// A piece with something that is dropped when the piece is.
struct Noticed {
    piece: Bytes,
    _sending: oneshot::Sender<()>,
}

impl AsRef<[u8]> for Noticed {
    fn as_ref(&self) -> &[u8] {
        &self.piece
    }
}
