use alloc::{borrow::ToOwned, boxed::Box, string::String, vec::Vec};
use core::{fmt, time::Duration};

use http::{HeaderMap, StatusCode};

use super::url::DownloadUrl;
use crate::{
    json::{Json, Member, Reader, has_lost_bytes, repaired},
    text::{brief, snippet},
};

/// The error page of a file server.
///
/// Code, message and request id come from the object store's XML, or from its JSON in some cases.
///
/// Source: [Error codes](https://www.tencentcloud.com/document/product/436/7730).
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Refusal {
    /// The HTTP status.
    #[cfg_attr(feature = "serde", serde(with = "crate::response_error::status_number"))]
    pub status: StatusCode,
    /// The error code, such as `AccessDenied`.
    pub code: Option<String>,
    /// The message, for people.
    pub message: Option<String>,
    /// The id to quote to the service's support.
    pub request_id: Option<String>,
    /// The start of the body, if it is not an error of the object store.
    pub snippet: Option<String>,
    /// The pause that `Retry-After` asks for.
    pub retry_after: Option<Duration>,
}

/// What to do after a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reaction {
    NewUrl,
    Retry,
    BackOff,
    /// The file may not exist yet.
    NotYet,
    Stop,
}

impl Refusal {
    /// Creates the part that is known from the head of the response.
    pub(super) fn new(status: StatusCode, headers: &HeaderMap, url: &DownloadUrl) -> Box<Self> {
        Box::new(Self {
            status,
            code: None,
            message: None,
            request_id: request_id(headers, url),
            snippet: None,
            retry_after: crate::header::retry_after(headers),
        })
    }

    /// Adds the contents of the body, without the values of the URL's query.
    pub(super) fn read(&mut self, body: &[u8], url: &DownloadUrl) {
        let text = String::from_utf8_lossy(body);
        let [code, message, request_id] = contents(body, &text);
        self.request_id = request_id.or_else(|| self.request_id.take());
        self.snippet = (code.is_none() && !text.trim().is_empty()).then(|| snippet(&text));
        (self.code, self.message) = (code, message);
        let Self { code, message, request_id, snippet, .. } = self;
        for text in [code, message, request_id, snippet].into_iter().flatten() {
            url.mask(text);
        }
    }

    /// Returns whether the URL has expired or has times that contradict the server's clock.
    pub fn is_expired(&self) -> bool {
        let says_so = |message: &String| message.to_ascii_lowercase().contains("expired");
        match self.code.as_deref() {
            Some("ExpiredToken" | "RequestTimeTooSkewed") => true,
            Some("AccessDenied") => self.message.as_ref().is_some_and(says_so),
            _ => false,
        }
    }

    pub(super) fn reaction(&self) -> Reaction {
        match (self.status, self.code.as_deref()) {
            // The documentation has both spellings.
            (_, Some("RequestTimeOut" | "RequestTimeout")) => Reaction::Retry,
            (_, Some("SlowDown" | "ServiceUnavailable"))
            | (StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE, _) => {
                Reaction::BackOff
            }
            // An archived file must be restored first.
            (_, Some("InvalidObjectState")) => Reaction::Stop,
            (StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED, _) => Reaction::NewUrl,
            (StatusCode::REQUEST_TIMEOUT, _) => Reaction::Retry,
            (StatusCode::NOT_FOUND, Some("NoSuchKey") | None) => Reaction::NotYet,
            (status, _) if status.is_server_error() => Reaction::Retry,
            _ => Reaction::Stop,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the file server answered ")?;
        match (&self.code, &self.snippet) {
            (Some(code), _) => brief(code).fmt(f)?,
            (None, Some(snippet)) => write!(f, "\"{}\"", brief(snippet))?,
            (None, None) => f.write_str("nothing more than its status")?,
        }
        if let Some(message) = &self.message {
            write!(f, ": {}", brief(message))?;
        }
        write!(f, " (HTTP status {}, ", self.status.as_u16())?;
        match &self.request_id {
            Some(id) => write!(f, "request id {})", brief(id)),
            None => f.write_str("no request id)"),
        }
    }
}

/// Ids of the object store are much shorter.
const LONGEST_REQUEST_ID: usize = 128;

/// Returns the request id, which every response of the object store has, without the values of the
/// URL's query.
pub(super) fn request_id(headers: &HeaderMap, url: &DownloadUrl) -> Option<String> {
    let id = headers.get("x-cos-request-id")?.to_str().ok()?;
    let mut id = (id.len() <= LONGEST_REQUEST_ID).then(|| id.to_owned())?;
    url.mask(&mut id);
    Some(id)
}

/// The length of the start of an error page that is read.
const EXCERPT: usize = 16 * 1024;

/// Appends bytes to the start of an error page; returns whether more are welcome.
pub(super) fn extend_excerpt(excerpt: &mut Vec<u8>, bytes: &[u8]) -> bool {
    let room = EXCERPT.saturating_sub(excerpt.len());
    excerpt.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
    excerpt.len() < EXCERPT
}

/// Returns code, message and request id of an error page, without words that may be secrets.
///
/// A code or an id with undecodable bytes counts as absent.
fn contents(body: &[u8], text: &str) -> [Option<String>; 3] {
    let text = text.trim_start_matches('\u{feff}');
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let contents = match text.trim_start().starts_with('{') {
        true => [false, true]
            .into_iter()
            .find_map(|is_double_byte| json_contents(&repaired(body, is_double_byte)))
            .unwrap_or_default(),
        false => ["Code", "Message", "RequestId"].map(|name| element(text, name)),
    };
    let [code, message, request_id] =
        contents.map(|text| text.map(|text| snippet(&text)).filter(|text| !text.is_empty()));
    let is_exact = |text: &String| !has_lost_bytes(text);
    [code.filter(is_exact), message, request_id.filter(is_exact)]
}

fn json_contents(text: &str) -> Option<[Option<String>; 3]> {
    const NAMES: [&str; 8] =
        ["code", "Code", "message", "Message", "RequestId", "requestId", "requestid", "request_id"];
    let values = Reader::new(text.as_bytes()).value()?.values_of(NAMES).map(Member::value);
    let [code, upper_code, message, upper_message, ids @ ..] = values;
    // The code may be a number.
    let code =
        code.or(upper_code).map(|code| String::from_utf8_lossy(&code.text_or_json()).into_owned());
    let message = message.or(upper_message).and_then(Json::text);
    Some([code, message, ids.into_iter().flatten().next().and_then(Json::text)])
}

/// Returns the text of the first element with this name inside `<Error>`, unless it is empty.
fn element(xml: &str, name: &str) -> Option<String> {
    let (_, rest) = xml.split_once("<Error")?;
    let (attributes, inside) = rest.split_once('>')?;
    if !(attributes.is_empty() || attributes.starts_with(char::is_whitespace)) {
        return None;
    }
    let (_, rest) = inside.split_once(&*["<", name, ">"].concat())?;
    let text = match rest.trim_start().strip_prefix("<![CDATA[") {
        Some(rest) => rest.split("]]>").next().unwrap_or_default().to_owned(),
        None => unescaped(rest.split('<').next().unwrap_or_default()),
    };
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        plain.push_str(before);
        let known = after.split_once(';').and_then(|(name, rest)| Some((character(name)?, rest)));
        let (character, after) = known.unwrap_or(('&', after));
        plain.push(character);
        rest = after;
    }
    plain.push_str(rest);
    plain
}

fn character(name: &str) -> Option<char> {
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)?
        }
    })
}

#[cfg(test)]
mod tests {
    use alloc::{format, string::ToString};

    use super::*;

    fn url() -> DownloadUrl {
        let url = "https://h.example/a?sign=0123EXAMPLE%2FEXAMPLE&id=Access&x=AccessDenied";
        DownloadUrl::new(url).unwrap()
    }

    fn refusal(status: u16, body: &str) -> Box<Refusal> {
        let status = StatusCode::from_u16(status).unwrap();
        let mut refusal = Refusal::new(status, &HeaderMap::new(), &url());
        refusal.read(body.as_bytes(), &url());
        refusal
    }

    const EXPIRED: &str = "<Error><Code>AccessDenied</Code><Message>Request has \
        expired</Message><RequestId>x-1</RequestId></Error>";

    #[test]
    fn code_message_and_request_id_are_read() {
        let refusal = refusal(403, EXPIRED);
        assert!(refusal.is_expired());
        assert_eq!(
            refusal.to_string(),
            "the file server answered AccessDenied: Request has expired (HTTP status 403, \
             request id x-1)"
        );
    }

    #[test]
    fn a_byte_order_mark_and_attributes_hide_nothing() {
        for body in [
            "\u{feff}<Error><Code>NoSuchKey</Code></Error>",
            "<?xml version='1.0'?><Error xmlns=\"http://h.example/\"><Code>NoSuchKey</Code></Error>",
            "\u{feff}{\"code\":\"NoSuchKey\"}",
        ] {
            assert_eq!(refusal(404, body).code.as_deref(), Some("NoSuchKey"), "{body}");
        }
        let data = "<Error><Code>AccessDenied</Code><Message> <![CDATA[Request has \
            expired &]]></Message></Error>";
        assert!(refusal(403, data).is_expired());
        assert_eq!(refusal(403, data).message.as_deref(), Some("Request has expired &"));
        assert_eq!(refusal(404, "<Errors><Code>NoSuchKey</Code></Errors>").code, None);
    }

    #[test]
    fn an_echoed_query_value_is_masked_unless_it_is_short() {
        for secret in ["0123EXAMPLE/EXAMPLE", "0123EXAMPLE%2FEXAMPLE"] {
            let html = format!("<p> no access with {secret}. </p>");
            let xml =
                format!("<Error><Code>AccessDenied</Code><Message>{secret}</Message></Error>");
            let json = format!(r#"{{"code":"{secret}","requestid":"{secret}","message":"m"}}"#);
            for body in [html, xml, json] {
                let shown = refusal(403, &body).to_string();
                assert!(!shown.contains(secret) && shown.contains("..."), "{shown}");
            }
        }
        assert_eq!(refusal(403, EXPIRED).code.as_deref(), Some("AccessDenied"));
    }

    fn id_of_header(id: &str) -> Option<String> {
        let header = ("x-cos-request-id".parse().unwrap(), id.parse().unwrap());
        request_id(&HeaderMap::from_iter([header]), &url())
    }

    #[test]
    fn a_header_with_a_query_value_or_a_long_text_shows_neither() {
        assert_eq!(id_of_header("x-0123EXAMPLE%2FEXAMPLE").as_deref(), Some("x-..."));
        assert_eq!(id_of_header("x-0123EXAMPLE/EXAMPLE-1").as_deref(), Some("x-...-1"));
        assert_eq!(id_of_header(&"x".repeat(128)), Some("x".repeat(128)));
        assert_eq!(id_of_header(&"x".repeat(129)), None);
    }

    #[test]
    fn the_start_of_a_body_that_is_not_xml_is_quoted() {
        assert_eq!(
            refusal(502, "<html> <b>Bad Gateway</b>").to_string(),
            "the file server answered \"<html> <b>Bad Gateway</b>\" (HTTP status 502, no request \
             id)"
        );
        assert_eq!(
            refusal(404, "").to_string(),
            "the file server answered nothing more than its status (HTTP status 404, no request id)"
        );
    }

    #[test]
    fn each_refusal_has_its_reaction() {
        let xml = |code: &str| ["<Error><Code>", code, "</Code></Error>"].concat();
        for (status, code, remedy) in [
            (403, "AccessDenied", Reaction::NewUrl),
            (403, "ExpiredToken", Reaction::NewUrl),
            (403, "RequestTimeTooSkewed", Reaction::NewUrl),
            (403, "SignatureDoesNotMatch", Reaction::NewUrl),
            (403, "InvalidObjectState", Reaction::Stop),
            (404, "NoSuchKey", Reaction::NotYet),
            (404, "NoSuchBucket", Reaction::Stop),
            (404, "NoSuchUpload", Reaction::Stop),
            (410, "NoSuchKey", Reaction::Stop),
            (405, "MethodNotAllowed", Reaction::Stop),
            (400, "RequestTimeOut", Reaction::Retry),
            (400, "InvalidArgument", Reaction::Stop),
            (500, "InternalError", Reaction::Retry),
            (503, "ServiceUnavailable", Reaction::BackOff),
            (503, "SlowDown", Reaction::BackOff),
        ] {
            assert_eq!(refusal(status, &xml(code)).reaction(), remedy, "{code}");
        }
        assert_eq!(refusal(404, "").reaction(), Reaction::NotYet);
        assert_eq!(refusal(404, "<html>").reaction(), Reaction::NotYet);
        assert_eq!(refusal(410, "").reaction(), Reaction::Stop);
        assert_eq!(refusal(502, "").reaction(), Reaction::Retry);
        assert_eq!(refusal(429, "").reaction(), Reaction::BackOff);
        assert_eq!(refusal(401, "").reaction(), Reaction::NewUrl);
    }

    #[test]
    fn the_codes_of_expired_urls_are_known() {
        let is_expired = |code: &str, message: &str| {
            let body = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
            refusal(403, &body).is_expired()
        };
        assert!(is_expired("ExpiredToken", "m") && is_expired("RequestTimeTooSkewed", "m"));
        assert!(is_expired("AccessDenied", "Request has expired"));
        assert!(!is_expired("AccessDenied", "m") && !is_expired("NoSuchKey", "expired"));
    }

    #[test]
    fn an_excerpt_ends_at_its_limit() {
        let mut excerpt = Vec::new();
        assert!(extend_excerpt(&mut excerpt, &[b'x'; 10_000]));
        assert!(!extend_excerpt(&mut excerpt, &[b'x'; 10_000]));
        assert!(!extend_excerpt(&mut excerpt, b"x"));
        assert_eq!(excerpt.len(), 16 * 1024);
    }

    fn some<const N: usize>(texts: [&str; N]) -> [Option<String>; N] {
        texts.map(|text| Some(text.into()))
    }

    fn contents_of(text: &str) -> [Option<String>; 3] {
        contents(text.as_bytes(), text)
    }

    #[test]
    fn xml_is_read() {
        let xml = "<Error><Code>AccessDenied</Code><Message>Request has expired</Message>\
            <RequestId>x-1</RequestId></Error>";
        assert_eq!(contents_of(xml), some(["AccessDenied", "Request has expired", "x-1"]));
    }

    #[test]
    fn json_is_read_in_any_spelling_of_its_members() {
        for id in ["requestid", "requestId", "request_id", "RequestId"] {
            let json = r#" {"code":"AccessDenied","message":"Request has expired","ID":"x-1"}"#;
            let json = json.replace("ID", id);
            assert_eq!(contents_of(&json), some(["AccessDenied", "Request has expired", "x-1"]));
        }
        let json = r#"{"Code":403,"Message":"a \u0026 b","RequestId":"x-1","TraceId":[1]}"#;
        assert_eq!(contents_of(json), some(["403", "a & b", "x-1"]));
        let json = r#"{"code":"AccessDenied","request_id":"x-1","message":null}"#;
        assert_eq!(contents_of(json), [Some("AccessDenied".into()), None, Some("x-1".into())]);
    }

    fn contents_of_bytes(body: &[u8]) -> [Option<String>; 3] {
        contents(body, &String::from_utf8_lossy(body))
    }

    // The message is in GBK, and the second byte of its last character is a backslash.
    #[test]
    fn an_undecodable_message_does_not_hide_code_and_request_id() {
        let xml = [
            &b"<Error><Code>AccessDenied</Code><Message>"[..],
            b"\xb5\xbc\x81\x5c</Message><RequestId>x-1</RequestId></Error>",
        ];
        let json = [
            &br#"{"message":""#[..],
            b"\xb5\xbc\x81\x5c\",\"code\":\"AccessDenied\",\"requestid\":\"x-1\"}",
        ];
        for body in [xml.concat(), json.concat()] {
            let [code, message, id] = contents_of_bytes(&body);
            assert_eq!((code.as_deref(), id.as_deref()), (Some("AccessDenied"), Some("x-1")));
            assert!(message.is_some_and(|message| message.contains('\u{fffd}')));
        }
    }

    #[test]
    fn an_undecodable_code_or_request_id_is_none() {
        let xml = b"<Error><Code>Access\xb5</Code><Message>m</Message><RequestId>\xe5\xaf\
            </RequestId></Error>";
        let json = b"{\"code\":\"Access\xb5\",\"message\":\"m\",\"RequestId\":\"\xe5\xaf\"}";
        for body in [&xml[..], json] {
            assert_eq!(contents_of_bytes(body), [None, Some("m".into()), None]);
        }
    }

    #[test]
    fn a_repeated_member_does_not_hide_others() {
        let json = r#"{"message":"a","code":"AccessDenied","message":"b","Message":"c"}"#;
        assert_eq!(contents_of(json), [Some("AccessDenied".into()), Some("c".into()), None]);
        let json = r#"{"requestid":"x-1","Code":"A","code":"B","RequestId":"x-2"}"#;
        assert_eq!(contents_of(json), [Some("B".into()), None, Some("x-2".into())]);
    }

    #[test]
    fn a_text_that_is_neither_has_no_contents() {
        for text in ["", "<html>", "{", r#"{"code":"Acc"#, "[]", "null", r#"{"other":1}"#] {
            assert_eq!(contents_of(text), [None, None, None], "{text}");
        }
    }

    #[test]
    fn elements_are_found_and_read() {
        let xml = "<?xml version='1.0' encoding='utf-8' ?>\n<Error>\n\t<Code>Access&#68;enied\
            </Code>\n\t<Message>a &lt;b&gt; &amp;amp; &quot;&apos; &unknown; &#x5bfc; &#65; &\
            </Message>\n<Empty/><Resource></Resource></Error>";
        let read = |name| element(xml, name);
        assert_eq!(read("Code").as_deref(), Some("AccessDenied"));
        assert_eq!(read("Message").as_deref(), Some("a <b> &amp; \"' &unknown; \u{5bfc} A &"));
        assert_eq!(read("Resource"), None);
        assert_eq!(read("Co"), None);
        assert_eq!(read("RequestId"), None);
        assert_eq!(element("<html><Code>x</Code></html>", "Code"), None);
        assert_eq!(element("<Error><Code>cut", "Code").as_deref(), Some("cut"));
    }
}
