//! Requests in the text that other programs print: HTTP text, the output of `curl -v`, Python's
//! `http.client`, and the debug logs of the SDKs for Python, Go and Java.
//!
//! Parsed by hand: a crate such as httparse reads neither a log line before a request line nor a
//! request line without a version, as in an `.http` file.

use std::iter::Peekable;

use serde::de::IgnoredAny;
use tcss_export::signing::ALGORITHM;

/// The end of each scope.
pub(crate) const TERMINATOR: &str = "tc3_request";

const LONGEST_LIST: usize = 1_000;

/// A request as it was sent, as far as the text shows it.
#[derive(Default)]
pub(crate) struct Captured {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    /// `None` if the text does not show it.
    pub(crate) body: Option<String>,
    /// The `Date` of the answer.
    pub(crate) answered: Option<String>,
}

/// The parts of an `Authorization` header.
pub(crate) struct Authorization<'a> {
    pub(crate) secret_id: &'a str,
    pub(crate) date: &'a str,
    pub(crate) service: &'a str,
    pub(crate) signed_headers: &'a str,
    pub(crate) signature: &'a str,
}

/// Returns all requests of a text, in order.
pub(crate) fn requests(text: &str) -> Vec<Captured> {
    let text = plain(text);
    let mut lines = text.split_inclusive('\n').peekable();
    let mut found: Vec<Captured> = Vec::new();
    while let Some(line) = lines.next() {
        if let Some((method, target)) = request_line(line) {
            found.push(Captured::read(method, target, &mut lines));
        } else if let (Some(last), Some((name, date))) = (found.last_mut(), header(line))
            && name.eq_ignore_ascii_case("date")
        {
            last.answered.get_or_insert_with(|| date.to_owned());
        }
    }
    found
}

/// Returns whether a line starts an answer. Logs have text before it.
pub(crate) fn is_answer(line: &str) -> bool {
    let words: Vec<&str> = line.split_whitespace().collect();
    let is_status = |word: &str| word.len() == 3 && word.bytes().all(|byte| byte.is_ascii_digit());
    words.windows(2).any(|pair| pair[0].starts_with("HTTP/") && is_status(pair[1]))
}

impl Captured {
    fn read<'t>(
        method: &str,
        target: &str,
        lines: &mut Peekable<impl Iterator<Item = &'t str>>,
    ) -> Self {
        let (method, target) = (method.to_owned(), target.to_owned());
        let mut request = Self { method, target, ..Self::default() };
        while let Some((name, value)) = lines.peek().and_then(|line| header(line)) {
            request.headers.push((name.to_owned(), value.to_owned()));
            lines.next();
        }
        lines.next_if(|line| line.trim().is_empty());
        let mut rest = String::new();
        let is_end =
            |line: &str| request_line(line).is_some() || is_answer(line) || line.starts_with("###");
        while let Some(line) = lines.next_if(|line| !is_end(line)) {
            rest.push_str(line);
        }
        request.set_body(&rest);
        request
    }

    /// Finds the end of the body by its length or, without a length, as JSON: log lines may follow.
    fn set_body(&mut self, rest: &str) {
        let length = self.content_length();
        let is_whole =
            |body: &&str| matches!(rest.as_bytes().get(body.len()), None | Some(b'\r' | b'\n'));
        let by_length = length.and_then(|length| rest.get(..length)).filter(is_whole);
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<IgnoredAny>();
        let is_json = rest.starts_with(['{', '[']) && matches!(values.next(), Some(Ok(_)));
        let by_json = rest.get(..values.byte_offset()).filter(|_| is_json);
        let body = by_length.or(by_json).unwrap_or_else(|| rest.trim_end_matches(['\r', '\n']));
        let body = if self.method == "GET" { "" } else { body };
        let is_shown = !body.is_empty() || length == Some(0) || self.method == "GET";
        self.body = is_shown.then(|| body.to_owned());
    }

    /// Returns all values of a header.
    pub(crate) fn values(&self, name: &str) -> Vec<&str> {
        let named = self.headers.iter().filter(|header| header.0.eq_ignore_ascii_case(name));
        named.map(|header| &*header.1).collect()
    }

    /// Returns the first value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.values(name).first().copied()
    }

    pub(crate) fn content_length(&self) -> Option<usize> {
        self.header("content-length")?.parse().ok()
    }

    /// Returns the host of a target that is a URL, the path, and the query.
    pub(crate) fn target(&self) -> (Option<&str>, &str, &str) {
        let (rest, query) = self.target.split_once('?').unwrap_or((&self.target, ""));
        let Some((_, rest)) = rest.split_once("://") else { return (None, rest, query) };
        let at = rest.find('/').unwrap_or(rest.len());
        let (host, path) = rest.split_at(at);
        (Some(host), if path.is_empty() { "/" } else { path }, query)
    }

    /// Returns the parts of the `Authorization` header, unless it is masked or of another kind.
    pub(crate) fn authorization(&self) -> Option<Authorization<'_>> {
        let rest = self.header("authorization")?.strip_prefix(ALGORITHM)?;
        let part = |name| {
            let mut parts = rest.split(',').map(str::trim);
            parts.find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
        };
        let mut scope = part("Credential")?.strip_suffix(TERMINATOR)?.rsplitn(4, '/').skip(1);
        let (service, date, secret_id) = (scope.next()?, scope.next()?, scope.next()?);
        // No program signs so many headers, and a long list would take long to compare.
        let signed_headers = part("SignedHeaders").filter(|list| list.len() < LONGEST_LIST)?;
        let signature = part("Signature").unwrap_or_default();
        Some(Authorization { secret_id, date, service, signed_headers, signature })
    }
}

/// Splits a line `name: value`.
fn header(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once(':')?;
    let is_name = |c: u8| c.is_ascii_alphanumeric() || c == b'-' || c == b'_';
    (!name.is_empty() && name.bytes().all(is_name)).then_some((name, value.trim()))
}

/// Returns method and target of a request line. Logs have text before it.
fn request_line(line: &str) -> Option<(&str, &str)> {
    const METHODS: [&str; 7] = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"];
    let words: Vec<&str> = line.split_whitespace().collect();
    let (method, target) = match *words {
        [.., method, target, version] if version.starts_with("HTTP/") => (method, target),
        [method, target] => (method, target),
        _ => return None,
    };
    let is_method = METHODS.iter().any(|known| known.eq_ignore_ascii_case(method));
    let is_target = target.starts_with('/') || target.contains("://");
    (is_method && is_target).then_some((method, target))
}

/// Returns the text as it was on the wire, without what the programs add.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    // The method in the log of the SDK for Python, and the end of the path.
    let (mut method, mut end) = (None, 0);
    for line in text.trim_start_matches('\u{feff}').split_inclusive('\n') {
        let in_python_log = |name| method.and_then(|_: &str| line.strip_prefix(name));
        if let Some((_, request)) = line.split_once("request headers information: ") {
            plain += &of_java(line, request);
        } else if line.contains("SendRequest: Host: ") {
            method = Some("POST");
        } else if let Some(name) = in_python_log("Method: ") {
            method = Some(name.trim());
        } else if let Some(path) = in_python_log("Uri: ") {
            plain += &[method.unwrap_or_default(), " ", path.trim()].concat();
            end = plain.len();
            plain += " HTTP/1.1\n";
        } else if let Some(first) = in_python_log("Header: ") {
            plain += first;
        } else if let Some(data) = in_python_log("Data: ") {
            match method.take() {
                Some("GET") => plain.insert_str(end, &["?", data.trim()].concat()),
                _ => plain += &["\n", data].concat(),
            }
        } else if let Some(sent) = line.strip_prefix("send: ") {
            plain += &literal(sent);
        } else if let Some(status) = line.strip_prefix("reply: ") {
            plain += &["\n", &literal(status)].concat();
        } else if let Some(rest) = line.strip_prefix("header: ") {
            plain += rest;
        } else if !["* ", "} [", "{ ["].iter().any(|info| line.starts_with(info)) {
            let rest = line.strip_prefix(['>', '<']);
            plain += rest.map_or(line, |rest| rest.strip_prefix(' ').unwrap_or(rest));
        }
    }
    plain
}

/// Converts a line of the SDK for Java: headers that end with `;`, which some values contain, too.
fn of_java(line: &str, headers: &str) -> String {
    let url = line.split_once("request url: ").map_or("/", |(_, rest)| rest);
    let url = url.split(". ").next().unwrap_or_default();
    let mut text = format!("POST {url} HTTP/1.1");
    for piece in headers.trim_end().split(';') {
        let separator = if header(piece).is_some() { "\n" } else { ";" };
        text += &[separator, piece].concat();
    }
    text.trim_end_matches(';').to_owned() + "\n\n"
}

/// Decodes a literal of Python, such as `b'POST / HTTP/1.1\r\n'`.
fn literal(text: &str) -> String {
    let text = text.trim_end().trim_start_matches('b');
    let quote = text.chars().next().unwrap_or_default();
    let text = text.strip_prefix(quote).unwrap_or(text);
    let text = text.strip_suffix(quote).unwrap_or(text);
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let escaped = if byte == b'\\' { rest.next() } else { None };
        bytes.push(match escaped {
            Some(b'r') => b'\r',
            Some(b'n') => b'\n',
            Some(b't') => b'\t',
            Some(b'x') => {
                let digits = [rest.next(), rest.next()].map(Option::unwrap_or_default);
                let digits = str::from_utf8(&digits).unwrap_or_default();
                u8::from_str_radix(digits, 16).unwrap_or(b'?')
            }
            Some(other) => other,
            None => byte,
        });
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(text: &str) -> Captured {
        let mut found = requests(text);
        assert_eq!(found.len(), 1, "{text}");
        found.remove(0)
    }

    fn body(text: &str) -> Option<String> {
        only(text).body
    }

    #[test]
    fn the_body_ends_by_its_length_or_as_json() {
        let head = "POST / HTTP/1.1\r\nHost: h\r\n";
        for (rest, expected) in [
            ("Content-Length: 8\r\n\r\n{\"a\": 1}", Some("{\"a\": 1}")),
            ("Content-Length: 8\r\n\r\n{\"a\": 1}\nlog line\n", Some("{\"a\": 1}")),
            ("Content-Length: 9\r\n\r\n{\"a\": 1}\n", Some("{\"a\": 1}\n")),
            ("Content-Length: 7\r\n\r\n{\"a\": 1}\n", Some("{\"a\": 1}")),
            ("Content-Length: 99\r\n\r\n{\"a\": 1}\n\n", Some("{\"a\": 1}")),
            ("\r\n{\n  \"a\": 1\n}\n\nlog line\n", Some("{\n  \"a\": 1\n}")),
            ("\r\na=1\n\n", Some("a=1")),
            ("Content-Length: 0\r\n\r\n", Some("")),
            ("Content-Length: 8\r\n\r\n", None),
            ("\r\n", None),
            ("", None),
        ] {
            assert_eq!(body(&[head, rest].concat()).as_deref(), expected, "{rest}");
        }
    }

    #[test]
    fn the_answer_and_the_next_request_are_no_body() {
        let text = "POST / HTTP/1.1\nHost: h\n\n{}\n\
                    2023/11/14 a.go:1: [DEBUG] http response: HTTP/1.1 200 OK\nDate: d\n\
                    Date: e\n\n{}\n\
                    ###\nGET https://h.example\n";
        let found = requests(text);
        assert_eq!(found.len(), 2);
        assert_eq!(
            (found[0].body.as_deref(), found[0].answered.as_deref()),
            (Some("{}"), Some("d"))
        );
        assert_eq!(found[1].target(), (Some("h.example"), "/", ""));
    }

    #[test]
    fn an_answer_has_a_version_and_a_status_of_three_digits() {
        for line in ["HTTP/1.1 200 OK", "HTTP/2 200", "x.go:1: http response: HTTP/1.0 404\r\n"] {
            assert!(is_answer(line), "{line}");
        }
        for line in
            ["a 200 b", "HTTP/1.1 abc", "HTTP/1.1 2000", "POST / HTTP/1.1", "\"HTTP/1.1 200\""]
        {
            assert!(!is_answer(line), "{line}");
        }
    }

    // Made by Python's `repr`.
    #[test]
    fn literals_of_python_are_decoded() {
        for (text, expected) in [
            (r#"b'{"a": "\xe4\xb8\xad\\n\'"}'"#, "{\"a\": \"\u{4e2d}\\n'\"}"),
            (r#"b"it's\t\r\n""#, "it's\t\r\n"),
            (r"'\x4", "?"),
            ("b", ""),
            ("", ""),
        ] {
            assert_eq!(literal(text), expected);
        }
    }

    /// The form is that of `RequestInternal` of the SDK.
    #[test]
    fn the_sdk_for_python_logs_the_query_of_a_get_as_data() {
        let log = "DEBUG SendRequest: Host: h\nMethod: GET\nUri: /\nHeader: Host: h\nA: b\n\
                   Data: JobId=x\n\n";
        let request = only(log);
        assert_eq!((&*request.method, request.target()), ("GET", (None, "/", "JobId=x")));
        assert_eq!((request.header("a"), request.body.as_deref()), (Some("b"), Some("")));
    }

    #[test]
    fn a_target_is_a_path_or_a_url() {
        for (target, expected) in [
            ("/", (None, "/", "")),
            ("/a?b=c?d", (None, "/a", "b=c?d")),
            ("http://h:1/a/?b", (Some("h:1"), "/a/", "b")),
            ("https://h", (Some("h"), "/", "")),
            ("https://h?b", (Some("h"), "/", "b")),
        ] {
            assert_eq!(only(&["POST ", target, "\n"].concat()).target(), expected);
        }
    }

    #[test]
    fn an_authorization_that_is_masked_or_of_another_kind_has_no_parts() {
        let scope = "Credential=I/2023-11-14/tcss/tc3_request";
        for value in [
            "***",
            "SKIP",
            "TC3-HMAC-SHA256 ***",
            "TC3-HMAC-SHA256 Credential=***, SignedHeaders=host, Signature=0",
            "TC3-HMAC-SHA256 Credential=I/2023-11-14/tcss/tc4_request, SignedHeaders=host",
            &format!("TC2-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0"),
            &format!("TC3-HMAC-SHA256 {scope}, SignedHeaders={}", "a;".repeat(LONGEST_LIST)),
        ] {
            let request = only(&format!("POST /\nAuthorization: {value}\n"));
            assert!(request.authorization().is_none(), "{value}");
        }
        let request =
            only(&format!("POST /\nAuthorization: TC3-HMAC-SHA256 {scope},SignedHeaders=host\n"));
        let parts = request.authorization().expect("parts");
        assert_eq!((parts.date, parts.service, parts.signature), ("2023-11-14", "tcss", ""));
    }
}
