use alloc::{
    borrow::ToOwned,
    string::{String, ToString},
};

use http::{
    HeaderMap, HeaderName, HeaderValue, Version,
    header::{
        CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, TRANSFER_ENCODING,
    },
    response::Parts,
};
use percent_encoding::percent_decode_str;

use super::outcome::Fault;
use crate::text::{digits, printable};

/// What a server has stated about the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Object {
    /// The entity tag, if it is strong: a weak one does not identify the bytes.
    pub(super) etag: Option<String>,
    pub(super) total: Option<u64>,
    pub(super) crc64: Option<u64>,
}

const CRC64: HeaderName = HeaderName::from_static("x-cos-hash-crc64ecma");

impl Object {
    /// # Errors
    ///
    /// [`Fault::BadChecksum`] for a checksum that is unreadable, or repeated with another value.
    pub(super) fn new(headers: &HeaderMap, total: Option<u64>) -> Result<Self, Fault> {
        let etag = sole_text(headers, &ETAG).filter(|etag| is_strong(etag)).map(String::from);
        Ok(Self { etag, total, crc64: crc64(headers)? })
    }

    /// Adds what is known about the file from earlier responses with the same strong tag.
    ///
    /// A cache or a gateway may deliver a truncated file with a regular end, so a known length or
    /// checksum holds even if this response omits it. A different length is accepted only with a
    /// checksum, which then shows whether the file is complete.
    pub(super) fn with_known(self, known: &Self) -> Result<Self, Fault> {
        if self.etag.is_none() || self.etag != known.etag {
            return Ok(self);
        }
        let crc64 = self.crc64.or(known.crc64);
        if differ(self.total, known.total) && crc64.is_none() {
            return Err(Fault::OtherLength);
        }
        Ok(Self { total: self.total.or(known.total), crc64, ..self })
    }

    /// Returns whether the response is a page of a login or a gateway: HTML without the tag or the
    /// checksum of a stored file.
    pub(super) fn is_page(&self, headers: &HeaderMap) -> bool {
        let content_type = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
        let start = content_type.and_then(|text| text.get(..HTML.len()));
        let is_html = start.is_some_and(|start| start.eq_ignore_ascii_case(HTML));
        is_html && self.crc64.is_none() && !headers.contains_key(ETAG)
    }
}

const HTML: &[u8] = b"text/html";

/// Servers may not return longer ones completely.
const LONGEST_ETAG: usize = 1_024;

fn is_strong(etag: &str) -> bool {
    let inner = etag.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inner.is_some_and(|inner| !inner.contains('"') && inner.len() <= LONGEST_ETAG)
}

/// Returns whether both values are known and not equal.
pub(super) fn differ<T: PartialEq>(a: Option<T>, b: Option<T>) -> bool {
    a.is_some() && b.is_some() && a != b
}

/// Returns the text of a header that occurs exactly once.
pub(super) fn sole_text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())?.to_str().ok()
}

/// Parses the checksum. It must be readable, or a damaged file could count as complete.
fn crc64(headers: &HeaderMap) -> Result<Option<u64>, Fault> {
    let mut values = headers.get_all(CRC64).iter().map(|value| digits(value.to_str().ok()?.trim()));
    let Some(first) = values.next() else { return Ok(None) };
    match first.is_some() && values.all(|value| value == first) {
        true => Ok(first),
        false => Err(Fault::BadChecksum),
    }
}

/// Parses the length, which must not be repeated.
pub(super) fn content_length(headers: &HeaderMap) -> Result<Option<u64>, Fault> {
    if !headers.contains_key(CONTENT_LENGTH) {
        return Ok(None);
    }
    let length = sole_text(headers, &CONTENT_LENGTH);
    length.and_then(|length| digits(length.trim())).map(Some).ok_or(Fault::BadLength)
}

/// Returns the transfer coding, unless it is `chunked` alone, which shows the end of the body and
/// does not change its bytes.
pub(super) fn foreign_transfer_coding(head: &Parts) -> Option<String> {
    let mut codings = head.headers.get_all(TRANSFER_ENCODING).iter();
    let (first, second) = (codings.next()?, codings.next());
    let is_chunked = first.as_bytes().eq_ignore_ascii_case(b"chunked");
    if is_chunked && second.is_none() && head.version == Version::HTTP_11 {
        return None;
    }
    Some(String::from_utf8_lossy(second.unwrap_or(first).as_bytes()).into())
}

/// The range of a partial response ([RFC 9110, section 14.4]).
///
/// [RFC 9110, section 14.4]: https://www.rfc-editor.org/rfc/rfc9110.html#section-14.4
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ContentRange {
    pub(super) first: u64,
    /// The position after the last byte.
    pub(super) end: u64,
    pub(super) total: Option<u64>,
}

impl ContentRange {
    /// Parses the only `Content-Range`; returns `None` for an impossible range.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let (range, total) = text(headers)?.split_once('/')?;
        let (first, last) = range.split_once('-')?;
        let (first, end) = (digits(first)?, digits::<u64>(last)?.checked_add(1)?);
        let total = if total == "*" { None } else { Some(digits(total)?) };
        let fits = first < end && total.is_none_or(|total| end <= total);
        fits.then_some(Self { first, end, total })
    }

    /// Parses the length of the file from a response without any byte of the range.
    pub(super) fn unsatisfied(headers: &HeaderMap) -> Option<u64> {
        digits(text(headers)?.strip_prefix("*/")?)
    }

    pub(super) const fn len(self) -> u64 {
        self.end - self.first
    }

    /// Returns whether the range is the whole file, as some servers state in a 200 response.
    pub(super) fn is_whole(self, length: Option<u64>) -> bool {
        self.first == 0
            && self.total == Some(self.end)
            && length.is_none_or(|length| length == self.end)
    }
}

fn text(headers: &HeaderMap) -> Option<&str> {
    let (unit, range) = sole_text(headers, &CONTENT_RANGE)?.trim().split_once(' ')?;
    unit.eq_ignore_ascii_case("bytes").then(|| range.trim())
}

/// Suggests a file name: from `Content-Disposition` ([RFC 6266]) or the last segment of the URL's
/// path. It has no path separators and no dot or hyphen at the start, and is no device name of
/// Windows.
///
/// [RFC 6266]: https://www.rfc-editor.org/rfc/rfc6266.html
pub(super) fn suggested_name(headers: &HeaderMap, path: &str) -> Option<String> {
    // Many servers send plain UTF-8.
    let disposition = headers.get(CONTENT_DISPOSITION).map(HeaderValue::as_bytes);
    let named = disposition.and_then(|text| name_of_disposition(&String::from_utf8_lossy(text)));
    let of_path = || percent_decode_str(path.rsplit('/').next()?).decode_utf8().ok();
    named.and_then(|name| plain(&name)).or_else(|| plain(&of_path()?))
}

/// Reads the parameters `name=token` and `name="quoted"`, separated by semicolons.
fn name_of_disposition(value: &str) -> Option<String> {
    let (mut simple, mut extended) = (None, None);
    let (_, mut rest) = value.split_once(';')?;
    while let Some((name, after)) = rest.split_once('=') {
        let name = name.trim_start_matches(|c: char| c == ';' || c.is_whitespace()).trim_end();
        let (value, after) = match after.trim_start().strip_prefix('"') {
            Some(quoted) => unquoted(quoted),
            None => {
                let (token, after) = after.split_once(';').unwrap_or((after, ""));
                (token.trim().to_owned(), after)
            }
        };
        match &*name.to_ascii_lowercase() {
            "filename" => simple = simple.or(Some(value)),
            "filename*" => extended = extended.or_else(|| decoded(&value)),
            _ => {}
        }
        rest = after;
    }
    extended.or(simple)
}

/// Decodes `UTF-8''percent-encoded` (RFC 8187).
fn decoded(value: &str) -> Option<String> {
    let (charset, rest) = value.split_once('\'')?;
    let (_, text) = rest.split_once('\'')?;
    if !charset.eq_ignore_ascii_case("utf-8") {
        return None;
    }
    percent_decode_str(text).decode_utf8().ok().map(String::from)
}

/// Splits at the closing quote.
fn unquoted(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (value, text.get(at + 1..).unwrap_or_default()),
            '\\' => value.extend(chars.next().map(|(_, c)| c)),
            c => value.push(c),
        }
    }
    (value, "")
}

/// Makes the name valid on any system.
fn plain(name: &str) -> Option<String> {
    let last = name.rsplit(['/', '\\']).next()?;
    let shown = printable(last).to_string();
    let is_odd = |c: char| "<>:\"|?*".contains(c) || c == char::REPLACEMENT_CHARACTER;
    let name = shown.trim().trim_end_matches(['.', ' ']).replace(is_odd, "_");
    // A leading dot hides the file, and a leading hyphen looks like an option.
    let name = match name.strip_prefix(['.', '-']) {
        Some(rest) => ["_", rest].concat(),
        None => name,
    };
    let (name, _) = name.split_at(name.floor_char_boundary(LONGEST));
    let name = name.trim_end_matches(['.', ' ']);
    (!name.is_empty() && !is_device(name)).then(|| name.to_owned())
}

/// Leaves room for the affixes of a part file.
const LONGEST: usize = 200;

/// Returns whether Windows treats a name as a device, with any extension.
///
/// Source: [Naming files](https://learn.microsoft.com/en-us/windows/win32/fileio/naming-a-file).
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_lowercase();
    match stem.strip_prefix("com").or_else(|| stem.strip_prefix("lpt")) {
        Some(number) => {
            matches!(number.as_bytes(), [b'0'..=b'9'])
                || matches!(number, "\u{b9}" | "\u{b2}" | "\u{b3}")
        }
        None => matches!(&*stem, "con" | "prn" | "aux" | "nul" | "conin$" | "conout$"),
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use http::HeaderValue;

    use super::*;

    fn headers(value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(CONTENT_RANGE, HeaderValue::from_static(value))])
    }

    fn read(value: &'static str) -> Option<(u64, u64, Option<u64>)> {
        ContentRange::of(&headers(value)).map(|range| (range.first, range.end, range.total))
    }

    #[test]
    fn ranges_are_read() {
        assert_eq!(read("bytes 100-249/250"), Some((100, 250, Some(250))));
        assert_eq!(read("BYTES 0-0/*"), Some((0, 1, None)));
        assert_eq!(ContentRange::unsatisfied(&headers("bytes */250")), Some(250));
    }

    #[test]
    fn impossible_ranges_are_none() {
        for value in [
            "",
            "bytes",
            "bytes 100-",
            "bytes -100/250",
            "bytes 100-99/250",
            "bytes 100-250/250",
            "bytes */250",
            "bytes 1-2",
            "bytes 1-2/",
            "bytes +1-2/3",
            "bytes 1-2/3/4",
            "bytes 0-18446744073709551615/*",
            "items 0-1/2",
            "bytes=0-1/2",
        ] {
            assert_eq!(read(value), None, "{value}");
        }
        let mut twice = headers("bytes 0-1/2");
        twice.append(CONTENT_RANGE, HeaderValue::from_static("bytes 0-1/2"));
        assert_eq!(ContentRange::of(&twice), None);
    }

    fn named(disposition: &str) -> Option<String> {
        let value = HeaderValue::from_bytes(disposition.as_bytes()).unwrap();
        suggested_name(&HeaderMap::from_iter([(CONTENT_DISPOSITION, value)]), "/p/of-url.csv")
    }

    fn of_path(path: &str) -> Option<String> {
        suggested_name(&HeaderMap::new(), path)
    }

    // The forms of RFC 6266, section 5, and of RFC 8187, section 3.2.3.
    #[test]
    fn names_of_content_disposition_are_read() {
        for (value, name) in [
            ("Attachment; filename=example.html", "example.html"),
            ("INLINE; FILENAME= \"an example.html\"", "an example.html"),
            ("attachment; filename*= UTF-8''%e2%82%ac%20rates", "\u{20ac} rates"),
            (
                "attachment; filename=\"EURO rates\"; filename*=utf-8''%e2%82%ac%20rates",
                "\u{20ac} rates",
            ),
            ("attachment; filename*=utf-8'en'%C2%A3%20rates; filename=x", "\u{a3} rates"),
            ("attachment; filename=\"a\\\"b\\\\c;d.csv\"; x=y", "c;d.csv"),
            ("attachment; filename=\"\u{5bfc}\u{51fa}.csv\"", "\u{5bfc}\u{51fa}.csv"),
            ("attachment; filename*=iso-8859-1''%A3; filename=x.csv", "x.csv"),
            ("attachment; filename*=UTF-8''%ff; filename=x.csv", "x.csv"),
        ] {
            assert_eq!(named(value).as_deref(), Some(name), "{value}");
        }
    }

    #[test]
    fn without_content_disposition_the_url_names_the_file() {
        for value in
            ["", "attachment", "attachment; filename", "filename=x", "attachment;filename="]
        {
            assert_eq!(named(value).as_deref(), Some("of-url.csv"), "{value}");
        }
        assert_eq!(of_path("/p%2Fq%2B(1)%20x.csv").as_deref(), Some("q+(1) x.csv"));
        assert_eq!(of_path("/"), None);
        assert_eq!(of_path("/%ff"), None);
    }

    #[test]
    fn no_name_leads_to_another_folder_or_a_device() {
        for (name, expected) in [
            ("../../etc/passwd", Some("passwd")),
            ("..\\..\\x.csv", Some("x.csv")),
            ("/etc/passwd", Some("passwd")),
            ("C:\\x.csv", Some("x.csv")),
            ("C:x.csv", Some("C_x.csv")),
            (".bashrc", Some("_bashrc")),
            ("..x", Some("_.x")),
            ("a\u{202e}b\u{1b}c", Some("a_b_c")),
            ("..", None),
            (".", None),
            ("...", None),
            (" ", None),
            ("-rf", Some("_rf")),
            ("a-b", Some("a-b")),
            ("NUL", None),
            ("COM\u{b9}", None),
            ("lpt\u{b2}.txt", None),
            ("CONIN$", None),
            ("conout$.txt", None),
            ("com1.csv", None),
            ("nul.tar.gz", None),
            ("Aux .csv.", None),
            ("x.csv:stream", Some("x.csv_stream")),
            ("--rf", Some("_-rf")),
            ("a\u{3164}b", Some("a_b")),
            ("command.csv", Some("command.csv")),
        ] {
            assert_eq!(plain(name).as_deref(), expected, "{name}");
        }
        let long = plain(&"\u{5bfc}".repeat(300)).unwrap();
        assert_eq!(long, "\u{5bfc}".repeat(66));
        assert_eq!(of_path(&format!("/{}", "%2E%2E%2Fx")).as_deref(), Some("x"));
    }
}
