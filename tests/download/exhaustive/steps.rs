//! The steps of a sequence, the versions of the file, and bugs that the search must find.

use std::fmt;

use http::HeaderValue;
use tcss_export::driver::TransportErrorKind;

use crate::server::{Answer, End, File, Reply};

/// One exchange: whether the file changes first, and how the server replies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ServerStep {
    pub(crate) changes: bool,
    pub(crate) reply: Reply,
}

/// What distinguishes the versions of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Validators {
    /// Without a checksum that would show what the tag does not.
    StrongTag,
    StrongTagAndChecksum,
    WeakTag,
    None,
    /// A broken server: its strong tag stays when the bytes change.
    StaleTag,
}

/// Of equal, larger and smaller length; no two share a byte.
const VERSIONS: [&str; 4] = ["abcdef", "ghijkl", "mnopqrst", "uvw"];

impl Validators {
    /// Returns the versions of the file in their order.
    pub(crate) fn versions(self) -> Vec<File> {
        let versions = VERSIONS.iter().zip(1..);
        versions
            .map(|(bytes, serial)| self.describe(File::new(*bytes).without_crc(), serial))
            .collect()
    }

    fn describe(self, file: File, serial: u32) -> File {
        match self {
            Self::StrongTag => file.with_etag(&format!("\"v{serial}\"")),
            Self::StrongTagAndChecksum => {
                File { names_crc: true, ..file.with_etag(&format!("\"v{serial}\"")) }
            }
            Self::WeakTag => file.with_etag(&format!("W/\"v{serial}\"")),
            Self::None => file.without_etag(),
            Self::StaleTag => file.with_etag("\"v1\""),
        }
    }
}

impl ServerStep {
    /// Returns every cut of a file of six bytes and every other reply.
    pub(crate) fn all() -> Vec<Self> {
        let cuts = (0..6).map(Reply::Cut).chain((0..=6).map(Reply::ChunkedCut));
        let parts = (1..6).map(Reply::ShortRange).chain([1, 3, 6].map(Reply::ShortRangeNoTotal));
        let replies: Vec<_> = cuts.chain(parts).chain(OTHERS).collect();
        let steps = |changes| replies.iter().map(move |reply| Self { changes, reply: *reply });
        [false, true].into_iter().flat_map(steps).collect()
    }
}

const OTHERS: [Reply; 22] = [
    Reply::Correct,
    Reply::NoAnswer(TransportErrorKind::Connection),
    Reply::NoAnswer(TransportErrorKind::Timeout),
    Reply::Stall(2),
    Reply::Chunked,
    Reply::NoLength,
    Reply::ExtraByte,
    Reply::Whole,
    Reply::IgnoresIfRange,
    Reply::WrongRange,
    Reply::WrongCrc,
    Reply::NoCrc,
    Reply::Gzip,
    Reply::NotSatisfiable,
    Reply::AlwaysNotSatisfiable,
    Reply::RangeWithStatus200,
    Reply::Redirect,
    Reply::Expired,
    Reply::Denied,
    Reply::Gone,
    Reply::Status(500),
    Reply::Status(503),
];

impl fmt::Display for ServerStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{:?}", if self.changes { "change and " } else { "" }, self.reply)
    }
}

/// A bug of the target, or of a download that ignores a part of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bug {
    None,
    /// The target keeps its bytes when the download starts over.
    KeepsOldBytes,
    /// Any range is accepted as the requested one.
    TrustsRanges,
    /// A range is accepted whatever its tag.
    IgnoresTags,
    /// Any end of the bytes is accepted as the end of the file.
    IgnoresLengths,
}

impl Bug {
    /// Changes an answer into one that a download with this bug would not tell from the original.
    pub(crate) fn apply(self, requested: usize, tag: Option<&HeaderValue>, answer: &mut Answer) {
        let Some(head) = &mut answer.head else { return };
        let has_range = head.headers.contains_key("content-range") && head.status == 206;
        match self {
            Self::TrustsRanges if has_range => {
                let range = head.headers["content-range"].to_str().expect("ASCII");
                let total = range.rsplit('/').next().expect("a length").to_owned();
                let last = requested + answer.body.len() - 1;
                answer.set("content-range", &format!("bytes {requested}-{last}/{total}"));
            }
            Self::IgnoresTags if has_range => {
                if let Some(tag) = tag {
                    head.headers.insert("etag", tag.clone());
                }
            }
            Self::IgnoresLengths if head.status == 200 => {
                head.headers.remove("content-length");
                answer.set("transfer-encoding", "chunked");
                answer.end = End::Complete;
            }
            _ => {}
        }
    }
}
