use std::fmt;
use std::path::PathBuf;

use bytes::Bytes;

use super::content::{Content, Source};

/// A file that a [`Service`](crate::Service) lets be downloaded.
///
/// # Examples
///
/// ```
/// use tcss_export_testkit::{ServedFile, Service};
///
/// # fn main() -> std::io::Result<()> {
/// let file = ServedFile::bytes("report.csv", "a,b\r\n1,2\r\n");
/// let service = Service::builder().file(file).start()?;
/// let url = service.file_url().expect("there is a file");
/// assert!(url.starts_with(&format!("{}/report.csv?q-sign-algorithm=sha1&", service.url())));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct ServedFile {
    pub(super) name: String,
    pub(super) source: Source,
    pub(super) window: u32,
    pub(super) etag: Option<String>,
    pub(super) names_crc: bool,
    pub(super) disposition: Option<String>,
}

impl ServedFile {
    /// How long a URL holds when nothing else is set, in seconds.
    pub const WINDOW: u32 = 3600;

    /// Creates a file of these bytes.
    pub fn bytes(name: impl Into<String>, bytes: impl Into<Bytes>) -> Self {
        Self::new(name.into(), Source::Content(Content::Bytes(bytes.into())))
    }

    /// Creates a file that is read from disk for each download, and must not change meanwhile; it has
    /// the name it has there.
    pub fn path(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Self::new(name, Source::Path(path))
    }

    /// Creates a file of so many made-up bytes, always the same, which takes 1 MB of memory.
    ///
    /// Its bytes repeat after 1,000,003: a prime number, so that a client that goes on at a wrong
    /// multiple of its buffer's size does not come upon the right bytes.
    pub fn made_up(name: impl Into<String>, length: u64) -> Self {
        Self::new(name.into(), Source::Content(Content::made_up(length)))
    }

    /// Sets how long a URL holds, in seconds by the service's clock, instead of
    /// [`ServedFile::WINDOW`].
    pub const fn with_window(mut self, seconds: u32) -> Self {
        self.window = seconds;
        self
    }

    /// Sets the ETag as it is sent, quotes included; by default it follows from the bytes.
    pub fn with_etag(mut self, etag: impl Into<String>) -> Self {
        self.etag = Some(etag.into());
        self
    }

    /// Sets the Content-Disposition as it is sent; by default it is an attachment of the file's
    /// name, and with an empty text there is none.
    pub fn with_disposition(mut self, disposition: impl Into<String>) -> Self {
        self.disposition = Some(disposition.into());
        self
    }

    /// Leaves out the checksum in every answer.
    pub const fn without_crc(mut self) -> Self {
        self.names_crc = false;
        self
    }

    const fn new(name: String, source: Source) -> Self {
        let window = Self::WINDOW;
        Self { name, source, window, etag: None, names_crc: true, disposition: None }
    }
}

impl fmt::Debug for ServedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServedFile").field("name", &self.name).finish_non_exhaustive()
    }
}
