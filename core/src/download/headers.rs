//! What the headers of an answer say of the file.

use alloc::string::String;

use http::{
    HeaderMap, HeaderName, HeaderValue, Version,
    header::{CONTENT_LENGTH, TRANSFER_ENCODING},
    response::Parts,
};

/// Returns the value of a header that stands there once.
pub(super) fn sole<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}

/// Reads a number of digits alone.
pub(super) fn number(text: &str) -> Option<u64> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
}

/// Reads the length; an error if it is none, or there are two of them.
pub(super) fn content_length(headers: &HeaderMap) -> Result<Option<u64>, BadLength> {
    if !headers.contains_key(CONTENT_LENGTH) {
        return Ok(None);
    }
    let length = sole(headers, &CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    length.and_then(|length| number(length.trim())).map(Some).ok_or(BadLength)
}

/// A length that cannot be relied on.
pub(super) struct BadLength;

/// Of the codings of a transfer, one alone says where a body ends and leaves its bytes as they are.
pub(super) fn foreign_transfer_coding(head: &Parts) -> Option<String> {
    let mut codings = head.headers.get_all(TRANSFER_ENCODING).iter();
    let (first, second) = (codings.next()?, codings.next());
    let is_chunked = first.as_bytes().eq_ignore_ascii_case(b"chunked");
    if is_chunked && second.is_none() && head.version == Version::HTTP_11 {
        return None;
    }
    Some(String::from_utf8_lossy(second.unwrap_or(first).as_bytes()).into())
}
