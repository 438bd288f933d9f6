use std::fs::File;
use std::io::{self, Read};

use bytes::Bytes;

/// Where the bytes of a body come from, in order.
pub(crate) enum Pieces {
    Bytes(Bytes),
    /// Read on the service's only thread: a piece out of the system's cache takes less time than to
    /// hand it over from another one.
    File(File),
    /// The same block again and again, from this place on.
    Block(Bytes, usize),
}

impl Pieces {
    /// Returns the next bytes, at least one and at most so many.
    pub(super) fn next(&mut self, most: u64) -> io::Result<Bytes> {
        let piece = match self {
            Self::Bytes(bytes) => bytes.split_to(bytes.len().min(size(most))),
            Self::File(file) => {
                let mut piece = Vec::with_capacity(size(most));
                file.take(most).read_to_end(&mut piece)?;
                piece.into()
            }
            Self::Block(block, at) => {
                let end = block.len().min(at.saturating_add(size(most)));
                let piece = block.slice(*at..end);
                *at = if end == block.len() { 0 } else { end };
                piece
            }
        };
        if piece.is_empty() { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(piece) }
    }
}

fn size(most: u64) -> usize {
    usize::try_from(most).unwrap_or(usize::MAX)
}
