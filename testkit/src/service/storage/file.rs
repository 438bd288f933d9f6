//! The served file and its bytes.

use std::fmt;
use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::path::PathBuf;

use bytes::Bytes;
use crc::{CRC_64_XZ, Crc, Table};

/// Another crate than the client's, so that the two never share a bug.
static CRC: Crc<u64, Table<16>> = Crc::<u64, Table<16>>::new(&CRC_64_XZ);

/// The length of the repeated block of a made-up file.
const BLOCK: usize = 1_000_003;

/// A file that a [`Service`](crate::Service) serves.
///
/// # Examples
///
/// ```
/// use tcss_export_testkit::{ServedFile, Service};
///
/// # fn main() -> std::io::Result<()> {
/// let file = ServedFile::bytes("report.csv", "a,b\r\n1,2\r\n");
/// let service = Service::builder().file(file).start()?;
/// let url = service.file_url().expect("the service has a file");
/// assert!(url.starts_with(&format!("{}/report.csv?q-sign-algorithm=sha1&", service.url())));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct ServedFile {
    pub(super) name: String,
    pub(super) content: Content,
    pub(super) window: u32,
    pub(super) etag: Option<String>,
    pub(super) has_crc: bool,
    pub(super) disposition: Option<String>,
}

/// The bytes of a file.
#[derive(Clone)]
pub(super) enum Content {
    Path(PathBuf),
    /// A block that repeats up to a length.
    Repeated(Bytes, u64),
}

impl ServedFile {
    /// The default validity of a URL, in seconds.
    pub const WINDOW: u32 = 3600;

    /// Creates a file of these bytes.
    pub fn bytes(name: impl Into<String>, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let length = bytes.len() as u64;
        Self::new(name.into(), Content::Repeated(bytes, length))
    }

    /// Creates a file with the name and bytes of a file on disk. Each download reads it, so it must
    /// not change.
    pub fn path(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Self::new(name, Content::Path(path))
    }

    /// Creates a file of this many made-up bytes, always the same; it takes 1 MB of memory.
    ///
    /// Its bytes repeat after 1,000,003: a prime number, so that a client that resumes at a wrong
    /// multiple of its buffer's size does not find the right bytes there.
    pub fn made_up(name: impl Into<String>, length: u64) -> Self {
        Self::new(name.into(), Content::made_up(length))
    }

    /// Sets the validity of a URL, in seconds by the service's clock, instead of
    /// [`ServedFile::WINDOW`].
    pub const fn with_window(mut self, seconds: u32) -> Self {
        self.window = seconds;
        self
    }

    /// Sets the ETag, quotes included; by default it depends on the bytes.
    pub fn with_etag(mut self, etag: impl Into<String>) -> Self {
        self.etag = Some(etag.into());
        self
    }

    /// Sets the Content-Disposition; by default it is an attachment with the file's name. An empty
    /// text omits the header.
    pub fn with_disposition(mut self, disposition: impl Into<String>) -> Self {
        self.disposition = Some(disposition.into());
        self
    }

    /// Omits the checksum in every answer.
    pub const fn without_crc(mut self) -> Self {
        self.has_crc = false;
        self
    }

    const fn new(name: String, content: Content) -> Self {
        let window = Self::WINDOW;
        Self { name, content, window, etag: None, has_crc: true, disposition: None }
    }
}

impl fmt::Debug for ServedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServedFile").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Content {
    fn made_up(length: u64) -> Self {
        let mut state = 0_u64;
        let mut byte = || {
            // Knuth's MMIX generator; its high bits are the good ones.
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        };
        Self::Repeated((0..BLOCK).map(|_| byte()).collect(), length)
    }

    pub(super) fn length(&self) -> io::Result<u64> {
        match self {
            Self::Path(path) => {
                let metadata = path.metadata()?;
                let is_file = metadata.is_file();
                is_file.then_some(metadata.len()).ok_or_else(|| invalid("expected a regular file"))
            }
            Self::Repeated(_, length) => Ok(*length),
        }
    }

    /// Opens the content at this position.
    pub(super) fn open(&self, first: u64) -> io::Result<Box<dyn Read + Send>> {
        Ok(match self {
            Self::Path(path) => {
                let mut file = File::open(path)?;
                file.seek(SeekFrom::Start(first))?;
                Box::new(file)
            }
            Self::Repeated(block, _) => {
                let mut bytes = Cursor::new(block.clone());
                bytes.set_position(first % (block.len() as u64).max(1));
                Box::new(Repeated(bytes))
            }
        })
    }

    pub(super) fn crc64(&self) -> io::Result<u64> {
        let mut digest = CRC.digest();
        let mut bytes = self.open(0)?.take(self.length()?);
        let mut piece = vec![0; 256 * 1024];
        loop {
            let count = bytes.read(&mut piece)?;
            if count == 0 {
                return Ok(digest.finalize());
            }
            digest.update(piece.get(..count).unwrap_or_default());
        }
    }
}

pub(super) fn invalid(message: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message)
}

/// A reader that starts again at the end of its block.
struct Repeated(Cursor<Bytes>);

impl Read for Repeated {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.0.position() == self.0.get_ref().len() as u64 {
            self.0.set_position(0);
        }
        self.0.read(buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // The check value of CRC-64/XZ, from the documentation of the storage.
    #[test]
    fn the_checksum_is_the_documented_one() {
        let content = Content::Repeated(Bytes::from_static(b"123456789"), 9);
        assert_eq!(content.crc64().expect("bytes"), 11_051_210_869_376_104_954);
    }

    #[test]
    fn a_made_up_file_repeats_its_block() {
        let content = Content::made_up(3_000_000);
        let read = |first| {
            let mut bytes = [0; 13];
            content.open(first).expect("a block").read_exact(&mut bytes).expect("bytes");
            bytes
        };
        assert_eq!(read(1_000_000)[3..], read(0)[..10]);
    }
}
