//! What a server of files answers with.

use tcss_export_testkit::wire::WireAnswer;

/// The file of field case D7.
pub(crate) const FILE: &[u8] = b"123456789";
/// Its checksum, as field case D7 gives it.
pub(crate) const FILE_CRC: &str = "11051210869376104954";
pub(crate) const CRC: &str = "x-cos-hash-crc64ecma";
pub(crate) const ETAG: &str = "\"EXAMPLE-1\"";

pub(crate) fn file(headers: &[(&str, &str)], body: &[u8]) -> WireAnswer {
    WireAnswer::response(200, headers, body)
}

/// A whole answer of the declared length that ends after these bytes.
pub(crate) fn cut(length: &str, etag: &str, body: &[u8]) -> WireAnswer {
    file(&[("Content-Length", length), ("ETag", etag)], body).then_close()
}

pub(crate) fn range(range: &str, etag: &str, body: &[u8]) -> WireAnswer {
    WireAnswer::response(206, &[("Content-Range", range), ("ETag", etag)], body)
}
