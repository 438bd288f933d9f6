//! What a download remembers.

use alloc::boxed::Box;

use super::{
    crc64::Crc64,
    fault::Fault,
    note::{Kept, Note},
    object::Object,
    outcome::{ErrorKind, Outcome},
    refusal::{Excerpt, Refusal},
};
use crate::time::Mono;

#[derive(Clone)]
pub(super) enum Phase {
    Waiting {
        due: Mono,
    },
    /// The request is sent, and no head is there yet.
    Requested {
        since: Mono,
    },
    /// Bytes of the file are coming.
    Body(Body),
    /// What the server says instead of a file is coming.
    Refused {
        refusal: Box<Refusal>,
        excerpt: Excerpt,
        since: Mono,
    },
    /// The answer is of no use, and nothing more of it is taken.
    Useless(Problem),
    NeedsUrl {
        refusal: Option<Box<Refusal>>,
    },
    Done(Box<Outcome>),
}

impl Phase {
    pub(super) const fn is_under_way(&self) -> bool {
        matches!(self, Self::Requested { .. } | Self::Body(_) | Self::Refused { .. })
    }
}

/// A good answer's body, while it comes.
#[derive(Clone)]
pub(super) struct Body {
    /// The byte of the file behind its last one, if it is known.
    pub(super) end: Option<u64>,
    /// A cut can be told from the end: by a length, or by the last chunk.
    pub(super) shows_its_end: bool,
    /// How many bytes of the file were there before.
    pub(super) began: u64,
    /// How many of its bytes are there already and are passed over.
    pub(super) skip: u64,
    /// When the last byte came.
    pub(super) since: Mono,
}

/// What is wrong with an answer.
#[derive(Clone)]
pub(super) enum Problem {
    /// It may pass, and the bytes that are there stay.
    Again(Fault),
    /// It may pass, and the bytes that are there cannot be relied on.
    StartOver(Fault),
    /// It will not pass.
    End(ErrorKind),
}

/// The bytes that are there, and which file they are of.
#[derive(Clone, Debug, Default)]
pub(super) struct Held {
    pub(super) object: Object,
    /// How many they are.
    pub(super) bytes: u64,
    pub(super) crc: Crc64,
    /// They came in more than one answer.
    pub(super) is_stitched: bool,
    /// The last answer that held less than was asked for held only a little.
    pub(super) ends_in_little: bool,
}

impl From<Kept> for Held {
    fn from(kept: Kept) -> Self {
        let Kept { note: Note { etag, total, crc64, .. }, length, crc } = kept;
        let object = Object { etag: Some(etag), total, crc64 };
        Self { object, bytes: length, crc, ..Self::default() }
    }
}
