use alloc::boxed::Box;
use core::time::Duration;

use super::{fault::Fault, refusal::Refusal};

/// One decision of a download, for a progress bar or a log.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Event {
    /// How many bytes of the file are there.
    pub bytes: u64,
    /// How many it has, once a server has said so.
    pub total: Option<u64>,
    /// What was decided.
    pub kind: EventKind,
}

/// What a download decided.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum EventKind {
    /// Bytes are coming.
    Receiving,
    /// A good answer held less than was asked for: the rest is asked for at once.
    Continuing,
    /// The exchange failed and is repeated after `delay`, from where it broke off if that is
    /// possible.
    Retrying {
        /// What went wrong.
        fault: Fault,
        /// The pause before the next request.
        delay: Duration,
    },
    /// The URL has expired or was refused: a new one is needed.
    NeedsUrl {
        /// What the file server said; `None` if the URL's own time was over.
        refusal: Option<Box<Refusal>>,
    },
    /// There is another URL to go on with.
    NewUrl,
    /// The download has ended.
    Ended,
    /// Nothing was under way, so it was not looked at.
    Ignored,
}
