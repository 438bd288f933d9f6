use crate::faults::DownloadFault;
use crate::service::arrived::Arrived;

/// Which bytes of a file an answer is to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    Whole,
    /// From the first to the last, both included.
    Part(u64, u64),
    /// A range that begins behind the end.
    Beyond,
}

impl Wanted {
    /// Returns what a request asks for.
    ///
    /// A range that is not a single one, or cannot be read, is none; neither is one whose If-Range
    /// is another ETag than this, or which is compared with none or a weak one.
    pub(super) fn by(arrived: &Arrived, length: u64, etag: Option<&str>) -> Self {
        let Some(range) = arrived.header("range") else { return Self::Whole };
        let same = |condition: &str| etag == Some(condition) && condition.starts_with('"');
        if !arrived.header("if-range").is_none_or(same) {
            return Self::Whole;
        }
        range.strip_prefix("bytes=").and_then(|text| parse(text, length)).unwrap_or(Self::Whole)
    }

    /// Returns what a fault makes of it in a file of this length. A fault of no bytes is none, by
    /// its grammar.
    pub(super) fn twisted(self, fault: &DownloadFault, length: u64) -> Self {
        let end = length.saturating_sub(1);
        match (fault, self) {
            (DownloadFault::Full, _) => Self::Whole,
            (_, Self::Beyond) => Self::Beyond,
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

    /// Returns where it begins and how many bytes it has.
    pub(super) const fn place(self, length: u64) -> (u64, u64) {
        match self {
            Self::Whole => (0, length),
            Self::Part(first, last) => (first, last - first + 1),
            Self::Beyond => (length, 0),
        }
    }
}

fn parse(text: &str, length: u64) -> Option<Wanted> {
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
        first if first >= length => Some(Wanted::Beyond),
        first if first > last => None,
        first => Some(Wanted::Part(first, last)),
    }
}

fn number(text: &str) -> Option<u64> {
    // The parser of numbers would take a sign.
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn reads(text: &str, length: u64, expected: Option<Wanted>) {
        assert_eq!(parse(text, length), expected);
    }

    #[test]
    fn a_range_holds_its_last_byte() {
        reads("2-4", 10, Some(Wanted::Part(2, 4)));
    }

    #[test]
    fn a_range_without_an_end_goes_to_the_end() {
        reads("9-", 10, Some(Wanted::Part(9, 9)));
    }

    #[test]
    fn a_range_ends_with_the_file() {
        reads("2-400", 10, Some(Wanted::Part(2, 9)));
    }

    #[test]
    fn a_suffix_counts_from_the_end() {
        reads("-3", 10, Some(Wanted::Part(7, 9)));
    }

    #[test]
    fn a_suffix_longer_than_the_file_is_all_of_it() {
        reads("-30", 10, Some(Wanted::Part(0, 9)));
    }

    #[test]
    fn a_range_from_the_end_on_is_beyond() {
        reads("10-", 10, Some(Wanted::Beyond));
    }

    #[test]
    fn a_suffix_of_nothing_is_beyond() {
        reads("-0", 10, Some(Wanted::Beyond));
    }

    #[test]
    fn an_empty_file_has_no_range() {
        reads("0-", 0, Some(Wanted::Beyond));
        reads("-5", 0, Some(Wanted::Beyond));
    }

    #[test]
    fn a_range_that_ends_before_it_begins_is_none() {
        reads("4-2", 10, None);
    }

    #[test]
    fn two_ranges_are_none() {
        reads("0-1,4-5", 10, None);
    }

    #[test]
    fn a_number_has_no_sign() {
        reads("+1-2", 10, None);
    }
}
