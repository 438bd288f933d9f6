//! What goes wrong with the file of the [`Service`](crate::Service), download by download.

mod error;
mod grammar;

use std::fmt;

pub use self::error::DownloadFaultsError;
use self::error::check;

/// What becomes of one download.
///
/// The word in front is the fault's name in the text of [`DownloadFaults`]. `N` counts bytes of this
/// answer's body; where it is not below their number, `CUT` and `STALL` leave the answer whole.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DownloadFault {
    /// `OK`: nothing goes wrong.
    Ok,
    /// `CUT:N`: the body ends after `N` bytes, and with it the connection.
    Cut(u64),
    /// `STALL:N`: after `N` bytes nothing more comes; the connection stays open.
    Stall(u64),
    /// `SLOW:N`: `N` bytes at a time, with a pause of 50 ms after each piece.
    Slow(u64),
    /// `RESET`: the connection is closed before the first byte of an answer.
    Reset,
    /// `CHUNKED`: no `Content-Length`; the body comes in chunks.
    Chunked,
    /// `CHUNKED-CUT:N`: the same, and the connection ends after `N` bytes, without a last chunk.
    ChunkedCut(u64),
    /// `ETAG[:text]`: from here on the file has this ETag, in quotes, or another one than before;
    /// its bytes stay.
    ETag(Option<String>),
    /// `NOETAG`: the answer has no `ETag`.
    NoETag,
    /// `WEAK`: the answer's `ETag` is a weak one.
    Weak,
    /// `CRC`: the answer names the checksum of other bytes.
    Crc,
    /// `NOCRC`: the answer names no checksum.
    NoCrc,
    /// `FULL`: a range is answered by 200 and the whole file.
    Full,
    /// `RANGE`: 206 with the bytes from another place on than asked, and a `Content-Range` that says
    /// so. A file of less than two bytes has no other place, so it is sent as it should be.
    Range,
    /// `LESS:N`: 206 with only the first `N` bytes of what was asked; an empty file is sent as it
    /// should be.
    Less(u64),
    /// `GZIP`: the answer names the content coding gzip, whatever its bytes are.
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
    /// Where a redirect leads.
    pub const EXAMPLE_LOCATION: &'static str = "https://other.example/";
}

/// The faults of downloads, one per accepted GET; after the last one all is well.
///
/// As a text, they are separated by commas; blanks in front of one are ignored, and an empty text
/// has none. The text of a list ([`Display`](fmt::Display)) reads back to the same list.
///
/// # Examples
///
/// ```
/// use tcss_export_testkit::{DownloadFault, DownloadFaults};
///
/// # fn main() -> Result<(), tcss_export_testkit::DownloadFaultsError> {
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
    /// [`DownloadFaultsError`] if one could not be played or written as text: `LESS` or `SLOW` of no
    /// bytes, an ETag with other characters than letters, digits, `.`, `_` and `-`, or an HTTP status
    /// outside 200 to 599.
    pub fn new(
        faults: impl IntoIterator<Item = DownloadFault>,
    ) -> Result<Self, DownloadFaultsError> {
        let faults: Vec<DownloadFault> = faults.into_iter().collect();
        for (index, fault) in faults.iter().enumerate() {
            check(fault)
                .map_err(|problem| DownloadFaultsError::at(index, fault.to_string(), problem))?;
        }
        Ok(Self { faults })
    }

    /// Returns the faults, in order.
    #[must_use]
    pub fn faults(&self) -> &[DownloadFault] {
        &self.faults
    }

    /// Returns what becomes of the download at this position.
    pub(crate) fn fault(&self, position: usize) -> DownloadFault {
        self.faults.get(position).cloned().unwrap_or(DownloadFault::Ok)
    }
}

impl fmt::Display for DownloadFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.faults.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{fault}")?;
        }
        Ok(())
    }
}
