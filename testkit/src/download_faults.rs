//! The faults of the file of the [`Service`](crate::Service), download by download.

use std::fmt;
use std::str::FromStr;

use crate::grammar::{self, Grammar, ReadStep, ScriptError, bare, http_status, number, token};

/// The fault of one download.
///
/// The first word of each description is the fault's text in [`DownloadFaults`]. `N` is a number of
/// bytes of this answer's body; if the body has no more than `N` bytes, `CUT` and `STALL` send all
/// of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DownloadFault {
    /// `OK`: no fault.
    Ok,
    /// `CUT:N`: the connection ends after `N` bytes of the body.
    Cut(u64),
    /// `STALL:N`: no more bytes come after the first `N`; the connection stays open.
    Stall(u64),
    /// `SLOW:N`: `N` bytes at a time, with a pause of 50 ms after each piece.
    Slow(u64),
    /// `RESET`: the connection ends before the first byte of an answer.
    Reset,
    /// `CHUNKED`: no `Content-Length`; the body comes in chunks.
    Chunked,
    /// `CHUNKED-CUT:N`: as `CHUNKED`, but the connection ends after `N` bytes, without a last
    /// chunk.
    ChunkedCut(u64),
    /// `ETAG[:text]`: from now on the file has this ETag, in quotes, or a new one; its bytes stay.
    ETag(Option<String>),
    /// `NOETAG`: the answer has no `ETag`.
    NoETag,
    /// `WEAK`: the answer's `ETag` is a weak one.
    Weak,
    /// `CRC`: the answer has a wrong checksum.
    Crc,
    /// `NOCRC`: the answer has no checksum.
    NoCrc,
    /// `FULL`: the answer to a range is 200 and the whole file.
    Full,
    /// `RANGE`: 206 with bytes from another position than the requested one, and a matching
    /// `Content-Range`. A file of less than two bytes has no other position, so it has no fault.
    Range,
    /// `LESS:N`: 206 with only the first `N` of the requested bytes; an empty file has no fault.
    Less(u64),
    /// `GZIP`: the answer claims the content coding gzip, whatever its bytes are.
    Gzip,
    /// `REDIRECT`: 302 to [`DownloadFault::EXAMPLE_LOCATION`].
    Redirect,
    /// `EXPIRED`: 403 AccessDenied "Request has expired", from now on for this URL.
    Expired,
    /// `DENIED`: 403 AccessDenied "Access Denied.".
    Denied,
    /// `GONE`: 404 NoSuchKey.
    Gone,
    /// `HTTP:503`: this HTTP status; 500 is InternalError, 503 is SlowDown, any other an HTML page.
    Http(u16),
}

impl DownloadFault {
    /// The target of a redirect.
    pub const EXAMPLE_LOCATION: &'static str = "https://other.example/";
}

impl Grammar for DownloadFault {
    const NOUN: &'static str = "fault";
    const WORDS: &'static [(&'static str, ReadStep<Self>)] = &[
        ("OK", |value| bare(value, Self::Ok)),
        ("CUT", |value| Ok(Self::Cut(number(value, BYTES)?))),
        ("STALL", |value| Ok(Self::Stall(number(value, BYTES)?))),
        ("SLOW", |value| Ok(Self::Slow(at_least_one(value)?))),
        ("RESET", |value| bare(value, Self::Reset)),
        ("CHUNKED", |value| bare(value, Self::Chunked)),
        ("CHUNKED-CUT", |value| Ok(Self::ChunkedCut(number(value, BYTES)?))),
        ("ETAG", |value| Ok(Self::ETag(value.map(etag).transpose()?))),
        ("NOETAG", |value| bare(value, Self::NoETag)),
        ("WEAK", |value| bare(value, Self::Weak)),
        ("CRC", |value| bare(value, Self::Crc)),
        ("NOCRC", |value| bare(value, Self::NoCrc)),
        ("FULL", |value| bare(value, Self::Full)),
        ("RANGE", |value| bare(value, Self::Range)),
        ("LESS", |value| Ok(Self::Less(at_least_one(value)?))),
        ("GZIP", |value| bare(value, Self::Gzip)),
        ("REDIRECT", |value| bare(value, Self::Redirect)),
        ("EXPIRED", |value| bare(value, Self::Expired)),
        ("DENIED", |value| bare(value, Self::Denied)),
        ("GONE", |value| bare(value, Self::Gone)),
        ("HTTP", |value| Ok(Self::Http(http_status(value)?))),
    ];
}

const BYTES: &str = "expected a number of bytes like 1000";

fn at_least_one(value: Option<&str>) -> Result<u64, &'static str> {
    let bytes = number(value, BYTES)?;
    if bytes > 0 { Ok(bytes) } else { Err("expected at least one byte") }
}

fn etag(value: &str) -> Result<String, &'static str> {
    token(value, "expected an ETag of letters, digits, dots, underscores and hyphens")
}

impl fmt::Display for DownloadFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cut(bytes) => write!(f, "CUT:{bytes}"),
            Self::Stall(bytes) => write!(f, "STALL:{bytes}"),
            Self::Slow(bytes) => write!(f, "SLOW:{bytes}"),
            Self::ChunkedCut(bytes) => write!(f, "CHUNKED-CUT:{bytes}"),
            Self::ETag(Some(text)) => write!(f, "ETAG:{text}"),
            Self::Less(bytes) => write!(f, "LESS:{bytes}"),
            Self::Http(status) => write!(f, "HTTP:{status}"),
            _ => grammar::write_bare(f, self),
        }
    }
}

/// The faults of downloads, one per accepted GET; downloads after the last one have no fault.
///
/// The text form is that of a [`Script`](crate::Script); an empty text has no fault. Parsing the
/// text of a list ([`Display`](fmt::Display)) returns an equal list.
///
/// # Examples
///
/// ```
/// use tcss_export_testkit::{DownloadFault, DownloadFaults};
///
/// # fn main() -> Result<(), tcss_export_testkit::ScriptError> {
/// let faults = DownloadFaults::new([DownloadFault::Cut(1000), DownloadFault::Expired])?;
/// assert_eq!(faults.to_string(), "CUT:1000,EXPIRED");
/// assert_eq!("CUT:1000, EXPIRED".parse::<DownloadFaults>()?, faults);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DownloadFaults {
    faults: Vec<DownloadFault>,
}

impl DownloadFaults {
    /// Makes a list of these faults.
    ///
    /// # Errors
    ///
    /// [`ScriptError`] if a fault has no text form: `LESS` or `SLOW` of no bytes, an ETag with
    /// other characters than letters, digits, `.`, `_` and `-`, or an HTTP status outside 200 to 599.
    pub fn new(faults: impl IntoIterator<Item = DownloadFault>) -> Result<Self, ScriptError> {
        let faults: Vec<_> = faults.into_iter().collect();
        grammar::check(&faults)?;
        Ok(Self { faults })
    }

    /// Returns the fault of the download at this position.
    pub(crate) fn fault(&self, position: usize) -> DownloadFault {
        self.faults.get(position).cloned().unwrap_or(DownloadFault::Ok)
    }
}

impl FromStr for DownloadFaults {
    type Err = ScriptError;

    fn from_str(text: &str) -> Result<Self, ScriptError> {
        Ok(Self { faults: grammar::parse(text)? })
    }
}

impl fmt::Display for DownloadFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        grammar::write(f, &self.faults)
    }
}
