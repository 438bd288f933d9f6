//! What may come of a request, and the versions of the file.

use std::fmt;

use http::HeaderValue;
use tcss_export::driver::TransportErrorKind;

use crate::server::{Answer, End, File, Play};

/// One exchange: whether the file changes before it, and how it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) changes: bool,
    pub(crate) play: Play,
}

/// By what the versions of the file are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Marks {
    /// A strong tag alone, and no checksum that would show what a tag did not.
    StrongTag,
    StrongTagAndChecksum,
    WeakTag,
    None,
    /// A wrong server: its strong tag stays when the bytes change.
    StaleTag,
}

/// Of one length, longer and shorter; no byte is in two of them.
const VERSIONS: [&str; 4] = ["abcdef", "ghijkl", "mnopqrst", "uvw"];

impl Marks {
    /// Returns the versions of the file, each of which follows the one before.
    pub(crate) fn versions(self) -> Vec<File> {
        let versions = VERSIONS.iter().zip(1..);
        versions.map(|(bytes, serial)| self.mark(File::new(*bytes).without_crc(), serial)).collect()
    }

    fn mark(self, file: File, serial: u32) -> File {
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

impl Told {
    /// Every cut of a file of six bytes, and whatever else a server may do.
    pub(crate) fn all() -> Vec<Self> {
        let cuts = (0..6).map(Play::Cut).chain((0..=6).map(Play::ChunkedCut));
        let parts = (1..6).map(Play::Less).chain([1, 3, 6].map(Play::LessOfUnknown));
        let plays: Vec<_> = cuts.chain(parts).chain(OTHERS).collect();
        let told = |changes| plays.iter().map(move |play| Self { changes, play: *play });
        [false, true].into_iter().flat_map(told).collect()
    }
}

const OTHERS: [Play; 22] = [
    Play::Well,
    Play::Unsent(TransportErrorKind::Connection),
    Play::Unsent(TransportErrorKind::Timeout),
    Play::Stall(2),
    Play::Chunked,
    Play::Endless,
    Play::Beyond,
    Play::Whole,
    Play::AnyFile,
    Play::Elsewhere,
    Play::WrongCrc,
    Play::NoCrc,
    Play::Gzip,
    Play::Unsatisfied,
    Play::AnyUnsatisfied,
    Play::RangeAsWhole,
    Play::Redirect,
    Play::Expired,
    Play::Denied,
    Play::Gone,
    Play::Status(500),
    Play::Status(503),
];

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{:?}", if self.changes { "change and " } else { "" }, self.play)
    }
}

/// What is wrong between a download and its server, or with its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bug {
    None,
    /// The target stays as it is when the download starts over.
    KeepsOldBytes,
    /// Any part is taken for the one that was asked for.
    TrustsRanges,
    /// A part is taken whatever its tag.
    OverlooksTags,
    /// A length is not held against the bytes, and their end is always a good one.
    OverlooksLengths,
}

impl Bug {
    /// Makes of an answer what a download with this fault would make of it.
    pub(crate) fn spoil(self, asked: usize, tag: Option<&HeaderValue>, answer: &mut Answer) {
        let Some(head) = &mut answer.head else { return };
        let has_range = head.headers.contains_key("content-range") && head.status == 206;
        match self {
            Self::TrustsRanges if has_range => {
                let range = head.headers["content-range"].to_str().expect("ASCII");
                let total = range.rsplit('/').next().expect("a length").to_owned();
                let last = asked + answer.body.len() - 1;
                answer.set("content-range", &format!("bytes {asked}-{last}/{total}"));
            }
            Self::OverlooksTags if has_range => {
                if let Some(tag) = tag {
                    head.headers.insert("etag", tag.clone());
                }
            }
            Self::OverlooksLengths if head.status == 200 => {
                head.headers.remove("content-length");
                answer.set("transfer-encoding", "chunked");
                answer.end = End::Well;
            }
            _ => {}
        }
    }
}
