use alloc::{
    borrow::ToOwned,
    string::{String, ToString},
};

use http::{HeaderMap, header::CONTENT_DISPOSITION};
use percent_encoding::percent_decode_str;

use crate::text::printable;

/// Suggests a name for a file: that of `Content-Disposition` ([RFC 6266]), else the last part of
/// the URL's path; never one with path parts, and none that is hidden or known to be a device.
///
/// [RFC 6266]: https://www.rfc-editor.org/rfc/rfc6266.html
pub(super) fn suggested_name(headers: &HeaderMap, path: &str) -> Option<String> {
    let disposition = headers.get(CONTENT_DISPOSITION).map(|value| {
        // Many servers send UTF-8 as it is.
        String::from_utf8_lossy(value.as_bytes()).into_owned()
    });
    let named = disposition.as_deref().and_then(name_of_disposition);
    let of_path = || percent_decode_str(path.rsplit('/').next()?).decode_utf8().ok();
    named.and_then(|name| plain(&name)).or_else(|| plain(&of_path()?))
}

fn name_of_disposition(value: &str) -> Option<String> {
    let (mut simple, mut extended) = (None, None);
    for (name, value) in (Parameters { rest: value.split_once(';')?.1 }) {
        match &*name.to_ascii_lowercase() {
            "filename" => simple = simple.or(Some(value)),
            "filename*" => extended = extended.or_else(|| decoded(&value)),
            _ => {}
        }
    }
    extended.or(simple)
}

/// Reads `UTF-8''percent-encoded` (RFC 8187).
fn decoded(value: &str) -> Option<String> {
    let (charset, rest) = value.split_once('\'')?;
    let (_, text) = rest.split_once('\'')?;
    if !charset.eq_ignore_ascii_case("utf-8") {
        return None;
    }
    percent_decode_str(text).decode_utf8().ok().map(String::from)
}

/// The parameters of a header, `name=token` or `name="quoted"`, separated by semicolons.
struct Parameters<'v> {
    rest: &'v str,
}

impl Iterator for Parameters<'_> {
    type Item = (String, String);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, rest) = self.rest.split_once('=')?;
        let name = name.trim_start_matches(|c: char| c == ';' || c.is_whitespace()).trim_end();
        let rest = rest.trim_start();
        let (value, rest) = match rest.strip_prefix('"') {
            Some(quoted) => unquoted(quoted),
            None => {
                let (token, rest) = rest.split_once(';').unwrap_or((rest, ""));
                (token.trim().to_owned(), rest)
            }
        };
        self.rest = rest;
        Some((name.to_owned(), value))
    }
}

/// Reads up to the closing quote; returns what follows it as well.
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

/// Takes what may stand as the name of a file on any system.
fn plain(name: &str) -> Option<String> {
    let last = name.rsplit(['/', '\\']).next()?;
    let shown = printable(last).to_string();
    let is_odd = |c: char| "<>:\"|?*".contains(c) || c == char::REPLACEMENT_CHARACTER;
    let name = shown.trim().trim_end_matches(['.', ' ']).replace(is_odd, "_");
    let name = match name.strip_prefix('.') {
        Some(rest) => ["_", rest].concat(),
        None => name,
    };
    let ends = name.char_indices().map(|(at, c)| at + c.len_utf8());
    let end = ends.take_while(|end| *end <= LONGEST).last().unwrap_or_default();
    let name = name.get(..end).unwrap_or_default().trim_end_matches(['.', ' ']);
    (!name.is_empty() && !is_device(name)).then(|| name.to_owned())
}

/// Room is left for what a download puts around it.
const LONGEST: usize = 200;

fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_lowercase();
    match stem.strip_prefix("com").or_else(|| stem.strip_prefix("lpt")) {
        Some(number) => matches!(number.as_bytes(), [b'0'..=b'9']),
        None => matches!(&*stem, "con" | "prn" | "aux" | "nul"),
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use http::HeaderValue;

    use super::*;

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
    fn without_one_the_url_names_it() {
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
    fn no_name_leads_elsewhere() {
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
            ("NUL", None),
            ("com1.csv", None),
            ("command.csv", Some("command.csv")),
        ] {
            assert_eq!(plain(name).as_deref(), expected, "{name}");
        }
        let long = plain(&"\u{5bfc}".repeat(300)).unwrap();
        assert_eq!(long, "\u{5bfc}".repeat(66));
        assert_eq!(of_path(&format!("/{}", "%2E%2E%2Fx")).as_deref(), Some("x"));
    }
}
