use alloc::string::String;

use http::{
    HeaderMap, HeaderName,
    header::{CONTENT_TYPE, ETAG},
};

use super::{
    fault::Fault,
    headers::{number, sole},
};

/// What a server has said of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Object {
    /// Its entity tag, if it is a strong one: a weak one does not tell bytes apart.
    pub(super) etag: Option<String>,
    pub(super) total: Option<u64>,
    pub(super) crc64: Option<u64>,
}

const CRC64: HeaderName = HeaderName::from_static("x-cos-hash-crc64ecma");

impl Object {
    pub(super) fn new(headers: &HeaderMap, total: Option<u64>) -> Self {
        let text = |name| sole(headers, name).and_then(|value| value.to_str().ok());
        Self {
            etag: text(&ETAG).filter(|etag| is_strong(etag)).map(String::from),
            total,
            crc64: text(&CRC64).and_then(|value| number(value.trim())),
        }
    }

    /// Adds what was said of it before under the same strong tag.
    ///
    /// A cache may have kept a cut file, and a gateway may end a cut answer like a whole one: so
    /// what was known once is not forgotten where an answer says less. Where it names another
    /// length, the checksum tells whether it is right; without one it is not believed.
    pub(super) fn with_known(self, known: &Self) -> Result<Self, Fault> {
        if self.etag.is_none() || self.etag != known.etag {
            return Ok(self);
        }
        let crc64 = self.crc64.or(known.crc64);
        let is_other_length =
            known.total.is_some_and(|known| self.total.is_some_and(|n| n != known));
        if is_other_length && crc64.is_none() {
            return Err(Fault::OtherLength);
        }
        Ok(Self { total: self.total.or(known.total), crc64, ..self })
    }

    /// Whether it is no file: what a login page or a gateway sends names nothing that a stored file
    /// has.
    pub(super) fn is_page(&self, headers: &HeaderMap) -> bool {
        let content_type = headers.get(CONTENT_TYPE).map(|value| value.as_bytes());
        let is_html = content_type.is_some_and(|text| {
            text.get(..HTML.len()).is_some_and(|start| start.eq_ignore_ascii_case(HTML))
        });
        is_html && self.crc64.is_none() && !headers.contains_key(ETAG)
    }
}

const HTML: &[u8] = b"text/html";

/// Longer ones would not come back whole from every server.
const LONGEST_ETAG: usize = 1_024;

fn is_strong(etag: &str) -> bool {
    let inner = etag.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inner.is_some_and(|inner| !inner.contains('"') && inner.len() <= LONGEST_ETAG)
}
