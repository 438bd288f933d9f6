use http::{HeaderMap, header::CONTENT_RANGE};

use super::headers::{number, sole};

/// Which bytes a partial answer holds ([RFC 9110, section 14.4]).
///
/// [RFC 9110, section 14.4]: https://www.rfc-editor.org/rfc/rfc9110.html#section-14.4
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ContentRange {
    pub(super) first: u64,
    /// The byte behind the last one.
    pub(super) end: u64,
    pub(super) total: Option<u64>,
}

impl ContentRange {
    /// Reads the one `Content-Range` of an answer; a range that cannot be is none.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let (range, total) = text(headers)?.split_once('/')?;
        let (first, last) = range.split_once('-')?;
        let (first, end) = (number(first)?, number(last)?.checked_add(1)?);
        let total = if total == "*" { None } else { Some(number(total)?) };
        let fits = first < end && total.is_none_or(|total| end <= total);
        fits.then_some(Self { first, end, total })
    }

    /// Reads the length that an answer names which has no bytes of the range that was asked for.
    pub(super) fn unsatisfied(headers: &HeaderMap) -> Option<u64> {
        number(text(headers)?.strip_prefix("*/")?)
    }

    pub(super) const fn len(self) -> u64 {
        self.end - self.first
    }

    /// Whether it is that of a whole file, as it may stand beside one, where it means nothing.
    pub(super) fn is_whole(self, length: Option<u64>) -> bool {
        self.first == 0
            && self.total == Some(self.end)
            && length.is_none_or(|length| length == self.end)
    }
}

fn text(headers: &HeaderMap) -> Option<&str> {
    let (unit, range) = sole(headers, &CONTENT_RANGE)?.to_str().ok()?.trim().split_once(' ')?;
    unit.eq_ignore_ascii_case("bytes").then(|| range.trim())
}

#[cfg(test)]
mod tests {
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
    fn ranges_that_cannot_be_are_none() {
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
}
