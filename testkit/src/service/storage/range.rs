//! The range of a download, as requested and as changed by a fault.

use crate::download_faults::DownloadFault;
use crate::service::request::Received;

/// The bytes of a file in one answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Range {
    Whole,
    /// From the first to the last byte, both included.
    Part(u64, u64),
    /// A range that begins after the last byte.
    AfterEnd,
}

impl Range {
    /// Returns the range of a request.
    ///
    /// It is the whole file if the `Range` is malformed or has several parts, and if an `If-Range`
    /// differs from the ETag or either is weak.
    pub(super) fn requested(received: &Received, length: u64, etag: Option<&str>) -> Self {
        let Some(range) = received.header("range") else { return Self::Whole };
        let same = |condition: &str| etag == Some(condition) && condition.starts_with('"');
        if !received.header("if-range").is_none_or(|condition| same(&condition)) {
            return Self::Whole;
        }
        range.strip_prefix("bytes=").and_then(|text| parse(text, length)).unwrap_or(Self::Whole)
    }

    /// Returns the range after a fault, in a file of this length. The number in a `LESS` is never 0.
    pub(super) fn with_fault(self, fault: &DownloadFault, length: u64) -> Self {
        let end = length.saturating_sub(1);
        match (fault, self) {
            (DownloadFault::Full, _) => Self::Whole,
            (_, Self::AfterEnd) => Self::AfterEnd,
            (DownloadFault::Range, Self::Part(first, _)) if length > 1 && first > 0 => {
                Self::Part(first - 1, end)
            }
            (DownloadFault::Range, _) if length > 1 => Self::Part(1, end),
            (DownloadFault::Less(bytes), Self::Part(first, last)) => {
                Self::Part(first, last.min(first.saturating_add(bytes - 1)))
            }
            (DownloadFault::Less(bytes), Self::Whole) if length > 0 => {
                Self::Part(0, end.min(bytes - 1))
            }
            _ => self,
        }
    }

    pub(super) const fn start_and_length(self, length: u64) -> (u64, u64) {
        match self {
            Self::Whole => (0, length),
            Self::Part(first, last) => (first, last - first + 1),
            Self::AfterEnd => (length, 0),
        }
    }
}

fn parse(text: &str, length: u64) -> Option<Range> {
    let (first, last) = text.split_once('-')?;
    let end = length.saturating_sub(1);
    let (first, last) = match (first, last) {
        ("", count) => {
            let count = number(count)?;
            (if count == 0 { length } else { length.saturating_sub(count) }, end)
        }
        (first, "") => (number(first)?, end),
        (first, last) => (number(first)?, number(last)?.min(end)),
    };
    match first {
        first if first >= length => Some(Range::AfterEnd),
        first if first > last => None,
        first => Some(Range::Part(first, last)),
    }
}

fn number(text: &str) -> Option<u64> {
    // `parse` alone would accept a sign.
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn reads(text: &str, length: u64, expected: Option<Range>) {
        assert_eq!(parse(text, length), expected);
    }

    #[test]
    fn a_range_includes_its_last_byte() {
        reads("2-4", 10, Some(Range::Part(2, 4)));
    }

    #[test]
    fn a_range_without_an_end_extends_to_the_last_byte() {
        reads("9-", 10, Some(Range::Part(9, 9)));
    }

    #[test]
    fn a_range_past_the_end_stops_at_the_last_byte() {
        reads("2-400", 10, Some(Range::Part(2, 9)));
    }

    #[test]
    fn a_suffix_counts_from_the_end() {
        reads("-3", 10, Some(Range::Part(7, 9)));
    }

    #[test]
    fn a_suffix_longer_than_the_file_is_the_whole_file() {
        reads("-30", 10, Some(Range::Part(0, 9)));
    }

    #[test]
    fn a_range_from_the_end_on_is_after_the_end() {
        reads("10-", 10, Some(Range::AfterEnd));
    }

    #[test]
    fn a_suffix_of_no_bytes_is_after_the_end() {
        reads("-0", 10, Some(Range::AfterEnd));
    }

    #[test]
    fn an_empty_file_has_no_range() {
        reads("0-", 0, Some(Range::AfterEnd));
        reads("-5", 0, Some(Range::AfterEnd));
    }

    #[test]
    fn a_range_that_ends_before_it_begins_is_ignored() {
        reads("4-2", 10, None);
    }

    #[test]
    fn two_ranges_are_ignored() {
        reads("0-1,4-5", 10, None);
    }

    #[test]
    fn a_number_has_no_sign() {
        reads("+1-2", 10, None);
    }
}
