use alloc::string::String;
use core::fmt;

use crc64fast::Digest;
use serde::{Deserialize, Serialize};

use super::object::Object;

/// The metadata of the bytes that a download leaves behind, which a later one needs to resume. It
/// identifies the file by its strong entity tag and contains no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartMetadata {
    #[serde(rename = "tcss-export-part")]
    version: u32,
    pub(super) object: String,
    pub(super) etag: String,
    pub(super) total: Option<u64>,
    pub(super) crc64: Option<u64>,
}

const VERSION: u32 = 1;

impl PartMetadata {
    /// Returns `None` without a strong tag.
    pub(super) fn new(object: String, known: Object) -> Option<Self> {
        let Object { etag, total, crc64 } = known;
        Some(Self { version: VERSION, object, etag: etag?, total, crc64 })
    }

    /// Returns the metadata as JSON, to be stored beside the bytes.
    pub fn to_text(&self) -> String {
        // Serializing strings and numbers cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Parses the metadata; returns `None` if it is invalid or of another version.
    pub fn from_text(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok().filter(|metadata: &Self| metadata.version == VERSION)
    }
}

/// The bytes that an earlier download left behind, read again: after a crash, a disk need not
/// contain what was written.
///
/// Store the text of the [`PartMetadata`] again at every
/// [`Opening::StartOver`](super::Opening::StartOver). After [`resume`](super::Download::resume),
/// truncate the file to
/// [`bytes`](super::Download::bytes) before appending. Discard the file after an error that
/// [`spoils_part`](super::Error::spoils_part).
///
/// ```
/// use tcss_export_core::{ClockOffset, DownloadUrl, Now, download::*};
/// # fn send(request: http::Request<()>) -> (http::response::Parts, &'static [u8]) {
/// #     let answer = http::Response::builder().header("etag", "\"v1\"");
/// #     let (answer, body) = match request.headers().get("range") {
/// #         None => (answer.header("content-length", "9"), &b"1234"[..]),
/// #         Some(_) => (answer.status(206).header("content-range", "bytes 4-8/9"), &b"56789"[..]),
/// #     };
/// #     (answer.body(()).unwrap().into_parts().0, body)
/// # }
/// # fn now() -> Now { Now::default() }
/// # let begin = || {
/// #     let url = DownloadUrl::new("https://h.example/a.csv?q-signature=EXAMPLE").unwrap();
/// #     Download::new(url, &Policy::default(), 7, now().mono)
/// # };
///
/// fn exchange(download: &mut Download, file: &mut Vec<u8>, metadata: &mut String) {
///     let (head, body) = send(download.start(now(), ClockOffset::default()).unwrap());
///     if download.head(now().mono, &head) == Opening::StartOver {
///         // In this order, so the metadata never lies beside bytes of another file.
///         file.clear();
///         *metadata = download.metadata().map(|metadata| metadata.to_text()).unwrap_or_default();
///     }
///     if let Received::Write(bytes) = download.body(now().mono, body) {
///         file.extend_from_slice(bytes);
///     }
///     download.ended(now().mono, Ok(()));
/// }
///
/// let (mut file, mut metadata) = (Vec::new(), String::new());
/// exchange(&mut begin()?, &mut file, &mut metadata);
/// assert_eq!(file, b"1234"); // the connection broke, and the program ended
///
/// let mut download = begin()?;
/// if let Some(metadata) = PartMetadata::from_text(&metadata) {
///     let mut part = Part::new(metadata);
///     let most = usize::try_from(part.limit()).unwrap_or(usize::MAX);
///     part.read(&file[..file.len().min(most)]);
///     download.resume(part);
/// }
/// file.truncate(download.bytes() as usize); // 0 if they belong to another file
/// exchange(&mut download, &mut file, &mut metadata);
/// assert_eq!(download.finish()?.bytes, 9);
/// assert_eq!(file, b"123456789");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Part {
    pub(super) metadata: PartMetadata,
    pub(super) length: u64,
    pub(super) crc: Crc64,
}

impl Part {
    /// Starts to read the bytes that the metadata describes.
    pub fn new(metadata: PartMetadata) -> Self {
        Self { metadata, length: 0, crc: Crc64::default() }
    }

    /// Returns how many bytes to read at most: all but the last of the file, because the download
    /// must ask the server whether the file is still the same.
    pub const fn limit(&self) -> u64 {
        match self.metadata.total {
            Some(total) => total.saturating_sub(1),
            None => u64::MAX,
        }
    }

    /// Takes the next bytes.
    pub fn read(&mut self, bytes: &[u8]) {
        self.length = self.length.saturating_add(bytes.len() as u64);
        self.crc.update(bytes);
    }

    /// Returns the number of bytes read.
    pub const fn length(&self) -> u64 {
        self.length
    }
}

/// CRC-64/XZ, the checksum of the object store.
///
/// Source: [CRC-64 check](https://www.tencentcloud.com/document/product/436/43317).
#[derive(Clone)]
pub(super) struct Crc64(Digest);

impl Crc64 {
    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
    }

    pub(super) fn value(&self) -> u64 {
        self.0.sum64()
    }
}

impl Default for Crc64 {
    fn default() -> Self {
        Self(Digest::new())
    }
}

impl fmt::Debug for Crc64 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Crc64({})", self.value())
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    fn metadata(crc64: Option<u64>) -> PartMetadata {
        let known = Object { etag: Some("\"x\"".into()), total: Some(7), crc64 };
        PartMetadata::new("https://h.example/a".into(), known).unwrap()
    }

    #[test]
    fn debug_text_shows_a_checksum() {
        assert_eq!(format!("{:?}", Crc64::default()), "Crc64(0)");
    }

    #[test]
    fn metadata_is_read_back() {
        let metadata = metadata(None);
        // The text that commit 64c525c wrote.
        let text = r#"{"tcss-export-part":1,"object":"https://h.example/a","etag":"\"x\"","total":7,"crc64":null}"#;
        assert_eq!(metadata.to_text(), text);
        assert_eq!(PartMetadata::from_text(text), Some(metadata));
    }

    #[test]
    fn other_texts_are_not_metadata() {
        let text = metadata(Some(u64::MAX)).to_text();
        assert!(text.contains("18446744073709551615"));
        for end in 0..text.len() {
            assert_eq!(PartMetadata::from_text(&text[..end]), None);
        }
        assert_eq!(PartMetadata::from_text(&text.replace("part\":1", "part\":2")), None);
        assert_eq!(PartMetadata::from_text(&format!("{text}x")), None);
    }

    // Expected: the check value in the catalogue of CRC algorithms.
    #[test]
    fn check_value_is_that_of_the_catalogue() {
        let mut crc = Crc64::default();
        crc.update(b"1234");
        crc.update(b"");
        crc.update(b"56789");
        assert_eq!(crc.value(), 11_051_210_869_376_104_954);
    }
}
