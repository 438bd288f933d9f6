use alloc::boxed::Box;
use core::fmt;

use super::refusal::Refusal;
use crate::outcome::SendFault;

/// What went wrong with one exchange of a download, and may pass.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// No answer came.
    Send(SendFault),
    /// No byte came for as long as the stall limit.
    Stalled,
    /// The answer ended before all its bytes were there.
    Incomplete,
    /// The answer declares its length in no way that can be relied on.
    BadLength,
    /// The server keeps giving much less than was asked for, or ranges of a file whose end none of
    /// them shows. In the second case it starts again, unless nothing can be taken back.
    Less,
    /// The answer holds other bytes than were asked for.
    WrongRange,
    /// The file is another one than before: it starts again.
    Changed,
    /// The whole file has another length than before, though its tag is the same. One of the two is
    /// wrong: what is there is not to be gone on with if it stays so.
    OtherLength,
    /// What was put together of several answers is not the file: it starts again.
    Mismatch,
    /// A page came instead of the file, most likely from something in between: HTML without tag and
    /// checksum.
    Page,
    /// The file server cannot serve it now.
    Refused(Box<Refusal>),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Send(fault) => return fault.fmt(f),
            Self::Refused(refusal) => return refusal.fmt(f),
            Self::Stalled => "no byte came within the stall limit",
            Self::Incomplete => "the answer was incomplete: it ended before the file did",
            Self::BadLength => "the length of the answer cannot be read, or is told twice",
            Self::Less => "the answer holds only a little of what was asked for",
            Self::WrongRange => "the answer holds another range than was asked for",
            Self::Changed => "the file has changed on the server",
            Self::OtherLength => "the file has another length than before, under the same tag",
            Self::Page => "a page came instead of the file",
            Self::Mismatch => "the checksum of the parts put together is wrong",
        })
    }
}

impl core::error::Error for Fault {}
