use alloc::borrow::Cow;

use percent_encoding::percent_decode_str;

use crate::time::Wall;

/// Returns when a presigned URL of the object store expires: at the end of the earlier of the two
/// windows that its query names, `start;end` in Unix seconds.
///
/// Source: [Request signature](https://www.tencentcloud.com/document/product/436/7778).
pub(super) fn expiry(url: &str) -> Option<Wall> {
    let (_, query) = url.split_once('?')?;
    query.split('&').filter_map(window_end).min().map(Wall::from_unix_seconds)
}

fn window_end(parameter: &str) -> Option<i64> {
    let (name, value) = parameter.split_once('=')?;
    if !matches!(name, "q-sign-time" | "q-key-time") {
        return None;
    }
    let value: Cow<'_, str> = percent_decode_str(value).decode_utf8().ok()?;
    let (_, end) = value.split_once(';')?;
    end.bytes().all(|b| b.is_ascii_digit()).then(|| end.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(url: &str) -> Option<i64> {
        expiry(url).map(Wall::unix_seconds)
    }

    #[test]
    fn d2_the_earlier_window_counts() {
        let plain = "https://h.example/a?q-sign-time=1699979400;1699983000&k=a%2Bb";
        assert_eq!(seconds(plain), Some(1_699_983_000));
        let both = "https://h/a?q-sign-time=1%3B30&x=q-sign-time=1;2&q-key-time=1%3b20";
        assert_eq!(seconds(both), Some(20));
    }

    #[test]
    fn what_names_no_window_expires_at_no_known_time() {
        for url in [
            "https://h.example/a",
            "https://h.example/q-sign-time=1;2",
            "https://h.example/a?q-sign-time=1",
            "https://h.example/a?q-sign-time=1;",
            "https://h.example/a?q-sign-time=1;-2",
            "https://h.example/a?q-sign-time=1;+2",
            "https://h.example/a?q-sign-time=1;99999999999999999999",
            "https://h.example/a?q-sign-time=%ff;2",
            "https://h.example/a?sign=abc",
        ] {
            assert_eq!(seconds(url), None, "{url}");
        }
    }
}
