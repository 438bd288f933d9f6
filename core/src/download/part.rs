use alloc::string::String;

use serde::{Deserialize, Serialize};

use super::crc64::Crc64;

/// What must be known of the bytes that a download leaves behind, so that a later one can go on
/// with them: which file they are of, by its strong entity tag. No secret is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    #[serde(rename = "tcss-export-part")]
    version: u32,
    pub(super) object: String,
    pub(super) etag: String,
    pub(super) total: Option<u64>,
    pub(super) crc64: Option<u64>,
}

const VERSION: u32 = 1;

impl Part {
    pub(super) const fn new(
        object: String,
        etag: String,
        total: Option<u64>,
        crc64: Option<u64>,
    ) -> Self {
        Self { version: VERSION, object, etag, total, crc64 }
    }

    /// Returns it as a text, to be kept beside the bytes.
    #[must_use]
    pub fn to_text(&self) -> String {
        // Texts and numbers have no way to fail.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads a kept text; `None` if it is none, or one of another version.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok().filter(|part: &Self| part.version == VERSION)
    }
}

/// The bytes that an earlier download has left, as far as they were read again.
///
/// They are read, and not taken at their word, because what lies on a disk after a crash need not
/// be what was written.
#[derive(Clone, Debug)]
pub struct Kept {
    pub(super) part: Part,
    pub(super) length: u64,
    pub(super) crc: Crc64,
}

impl Kept {
    /// Begins to read what was left of this part.
    #[must_use]
    pub fn new(part: Part) -> Self {
        Self { part, length: 0, crc: Crc64::default() }
    }

    /// Returns how many bytes are kept at most: all but the last of the whole file, so that the
    /// server is asked whether it is still the same.
    #[must_use]
    pub const fn limit(&self) -> u64 {
        match self.part.total {
            Some(total) => total.saturating_sub(1),
            None => u64::MAX,
        }
    }

    /// Takes the next bytes that are there.
    pub fn read(&mut self, bytes: &[u8]) {
        self.length = self.length.saturating_add(bytes.len() as u64);
        self.crc.update(bytes);
    }

    /// Returns how many bytes were read.
    #[must_use]
    pub const fn length(&self) -> u64 {
        self.length
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn a_text_reads_back() {
        let part = Part::new("https://h.example/a".into(), "\"x\"".into(), Some(7), None);
        assert_eq!(Part::from_text(&part.to_text()), Some(part));
    }

    #[test]
    fn other_texts_are_none() {
        let part = Part::new("https://h.example/a".into(), "\"x\"".into(), Some(7), Some(u64::MAX));
        let text = part.to_text();
        assert!(text.contains("18446744073709551615"));
        for end in 0..text.len() {
            assert_eq!(Part::from_text(&text[..end]), None);
        }
        assert_eq!(Part::from_text(&text.replace("part\":1", "part\":2")), None);
        assert_eq!(Part::from_text(&format!("{text}x")), None);
    }
}
