//! The parts of a request, each compared with what would be signed for it.

use std::time::Duration;

use http::{HeaderMap, header::DATE};
use indicatif::HumanDuration;
use tcss_export::{
    Credentials,
    actions::{Action, DescribeExportJobResult},
    core::{ClockOffset, Mono, Now, Wall},
    driver::clock,
    signing::{CanonicalHeaders, CanonicalRequest, CredentialScope, HexDigest, Timestamp},
};

use super::{
    Finding, Part,
    guess::{Guess, Signing, guesses},
    mistake::*,
};
use crate::captured::{Authorization, Captured};

/// The service refuses a time that is further from its own.
const WINDOW: u64 = 300;
/// The text that is hashed in place of a payload that is not signed.
pub(super) const UNSIGNED: &str = "UNSIGNED-PAYLOAD";
/// Names that are always signed.
const REQUIRED: [&str; 2] = ["content-type", "host"];
/// As seconds, this is in the year 5138.
const FIRST_MILLISECONDS: i64 = 100_000_000_000;

/// A request and what of it is signed.
pub(super) struct Subject<'a> {
    pub(super) request: &'a Captured,
    pub(super) authorization: Option<Authorization<'a>>,
    pub(super) path: &'a str,
    pub(super) query: &'a str,
    pub(super) host: &'a str,
    pub(super) content_type: &'a str,
    pub(super) timestamp: &'a str,
}

impl<'a> Subject<'a> {
    pub(super) fn new(request: &'a Captured) -> Self {
        let (host, path, query) = request.target();
        let header = |name| request.header(name);
        Self {
            request,
            authorization: request.authorization(),
            path,
            query,
            host: header("host").or(host).unwrap_or_default(),
            content_type: header("content-type").unwrap_or_default(),
            timestamp: header("x-tc-timestamp").unwrap_or_default(),
        }
    }

    pub(super) fn parts(
        &self,
        key: &Result<Credentials, String>,
        now: Option<Timestamp>,
    ) -> Vec<Part> {
        let of = |stage| move |(part, finding)| Part::new(stage, part, finding);
        let canonical_request = self.canonical_request().into_iter();
        let mut parts: Vec<_> = canonical_request.map(of("canonical request")).collect();
        parts.extend(self.scope().map(of("scope")));
        parts.push(Part::new("string to sign", "timestamp", self.sent_timestamp()));
        let (signature, guess) = self.signature(key);
        if let Some(Guess { part, detail, mistake, .. }) = guess
            && let Some(found) = parts.iter_mut().find(|found| found.part == part)
            && found.mistake.is_none()
        {
            *found = Part::new(found.stage, part, Finding::Differs(detail, mistake));
        }
        parts.push(Part::new("signature", "signature", signature));
        parts.push(Part::new("time", "clock", self.clock(now)));
        parts
    }

    /// Compares with the rules of the service, which needs no key.
    fn canonical_request(&self) -> Vec<(&str, Finding)> {
        let Self { request, content_type, host, .. } = *self;
        let method = &*request.method;
        let count = |name| request.values(name).len();
        let is_json = request.body.as_deref().is_some_and(|body| body.starts_with('{'));
        let is_of_body = content_type.contains("json") || !is_json;
        let bare = |host: &'a str| host.trim_end_matches(":443").trim_end_matches(":80");
        let is_of_url =
            request.target().0.is_none_or(|url| bare(url).eq_ignore_ascii_case(bare(host)));
        let mut findings = vec![
            ("method", check(matches!(method, "POST" | "GET"), method, METHOD)),
            ("path", check(self.path == "/", self.path, PATH)),
            ("query", check(method == "GET" || self.query.is_empty(), "", QUERY)),
            (
                "content-type",
                check(count("content-type") == 1 && is_of_body, content_type, CONTENT_TYPE),
            ),
            ("host", check(count("host") < 2 && !host.is_empty() && is_of_url, host, HOST)),
        ];
        if let Some(Authorization { signed_headers: list, .. }) = self.authorization {
            let names: Vec<_> = list.split(';').collect();
            // No program signs more headers, and a long list shall not slow this down.
            let others = names.iter().filter(|name| !REQUIRED.contains(name)).take(20);
            findings.extend(others.map(|name| (*name, check(count(name) == 1, "", NOT_SENT))));
            let has_required = REQUIRED.iter().all(|name| names.contains(name));
            let is_lower = !list.contains(char::is_uppercase);
            let list = check(has_required && is_lower && names.is_sorted(), list, LIST);
            findings.push(("signed headers", list));
        } else {
            findings.push(("signed headers", hidden()));
        }
        findings.push(("payload hash", self.payload_hash()));
        findings
    }

    fn payload_hash(&self) -> Finding {
        let shown = self.request.body.as_ref().map(String::len);
        match (self.payload(), shown, self.request.content_length()) {
            (None, ..) => unknown("the body is not shown; add it after the headers"),
            (_, Some(shown), Some(length)) if shown != length => {
                let detail = format!("{shown} bytes, Content-Length is {length}");
                Finding::Differs(detail, BODY)
            }
            _ => Finding::Same,
        }
    }

    /// Returns the list of signed headers, empty if it is not shown.
    pub(super) fn signed_headers(&self) -> &'a str {
        self.authorization.as_ref().map_or("", |authorization| authorization.signed_headers)
    }

    /// Returns the text whose hash is signed.
    pub(super) fn payload(&self) -> Option<&'a str> {
        match self.request.header("x-tc-content-sha256") {
            Some(UNSIGNED) => Some(UNSIGNED),
            _ => self.request.body.as_deref(),
        }
    }

    fn scope(&self) -> [(&'static str, Finding); 2] {
        let Some(Authorization { date, service, .. }) = self.authorization else {
            return [("date", hidden()), ("service", hidden())];
        };
        let is_of_host = self.first_label() == service;
        let mistake = if is_of_host { SERVICE_OF_HOST } else { SERVICE };
        let service = check_is(service, self.service(), mistake);
        let date = match self.dates() {
            None => unknown("the timestamp is not a time"),
            Some([before, expected, after]) => {
                let is_near = date == before || date == after;
                check_is(date, &expected, if is_near { LOCAL_DATE } else { SCOPE_DATE })
            }
        };
        [("date", date), ("service", service)]
    }

    fn first_label(&self) -> &'a str {
        self.host.split(['.', ':']).next().unwrap_or_default()
    }

    /// Returns the service of the host; other hosts, such as a proxy, stand for this API.
    fn service(&self) -> &'a str {
        let is_public = self.host.ends_with(".tencentcloudapi.com");
        if is_public { self.first_label() } else { DescribeExportJobResult::SERVICE }
    }

    /// Returns the UTC date of the timestamp, between those of the day before and the day after.
    fn dates(&self) -> Option<[String; 3]> {
        let seconds = self.seconds()?;
        let date = |days: i64| {
            let timestamp = Timestamp::new(seconds.checked_add(days * 86_400)?).ok()?;
            Some(CredentialScope::new(timestamp, "").date().to_owned())
        };
        Some([date(-1)?, date(0)?, date(1)?])
    }

    /// Returns the time of the request, which may have been sent in milliseconds.
    fn seconds(&self) -> Option<i64> {
        let number: i64 = self.timestamp.parse().ok()?;
        Some(if number < FIRST_MILLISECONDS { number } else { number / 1_000 })
    }

    fn sent_timestamp(&self) -> Finding {
        let is_seconds = self.timestamp.parse().is_ok_and(|number| Timestamp::new(number).is_ok());
        match self.timestamp.parse() {
            Ok(FIRST_MILLISECONDS..) => Finding::Differs(self.timestamp.to_owned(), MILLISECONDS),
            _ => check(is_seconds, self.timestamp, TIMESTAMP),
        }
    }

    /// Signs with the key at hand. If the signature differs, tries the usual mistakes.
    fn signature(&self, key: &Result<Credentials, String>) -> (Finding, Option<Guess>) {
        let Some(authorization) = &self.authorization else { return (hidden(), None) };
        let (id, sent) = (authorization.secret_id, authorization.signature);
        if sent.len() != 64 || !sent.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return (unknown("it is missing or masked"), None);
        }
        let key = match key {
            Ok(key) => key,
            Err(why) => return (unknown(why), None),
        };
        let Some(signing) = self.signing(authorization, key.secret_key()) else {
            return (unknown("a signed part of the request is not shown"), None);
        };
        let (signature, sent) = (signing.signature(), sent.to_lowercase());
        let is_at_hand = id == key.secret_id() || id.contains('*');
        if signature == sent {
            // The service looks up the key by the id, which is not signed.
            let is_right = is_at_hand && authorization.signature == sent;
            let mistake = if is_at_hand { UPPER_CASE } else { OTHER_ID };
            return (check(is_right, "", mistake), None);
        }
        let mut guesses = guesses(self, &signing, key.secret_id()).into_iter();
        let guess = guesses.find(|guess| guess.signing.signature() == sent);
        let mistake = match &guess {
            Some(guess) => guess.mistake,
            None if is_at_hand => KEY,
            None => OTHER_PAIR,
        };
        let detail = guess.as_ref().map_or_else(String::new, |guess| guess.detail.clone());
        (Finding::Differs(detail, mistake), guess)
    }

    /// Returns what is signed for the request as it was sent, in the scope that was sent.
    fn signing(&self, authorization: &Authorization<'a>, secret_key: &str) -> Option<Signing> {
        let value = |name| if name == "host" { Some(self.host) } else { self.request.header(name) };
        let names = authorization.signed_headers.split(';');
        let headers: Option<Vec<_>> = names.map(|name| Some((name, value(name)?))).collect();
        let headers = CanonicalHeaders::new(headers?).ok()?;
        let (method, hash) = (&self.request.method, HexDigest::of(self.payload()?.as_bytes()));
        let request = CanonicalRequest::new(method, self.path, self.query, &headers, hash);
        Some(Signing {
            canonical_request: request.to_string(),
            has_upper_case_hash: false,
            timestamp: self.timestamp.to_owned(),
            date: authorization.date.to_owned(),
            service: authorization.service.to_owned(),
            first_key: ["TC3", secret_key].concat(),
        })
    }

    /// Compares the time with a given one, the answer's, or this machine's.
    fn clock(&self, now: Option<Timestamp>) -> Finding {
        let Some(seconds) = self.seconds() else {
            return unknown("the timestamp is not a time");
        };
        let given = now.map(|now| now.as_seconds().cast_signed().saturating_sub(seconds));
        let (reference, ahead) = match (given, self.answer_ahead(seconds)) {
            (Some(ahead), _) => ("--timestamp", ahead),
            (None, Some(ahead)) => ("the date of the answer", ahead),
            (None, None) => {
                let now = clock::now().wall.unix_seconds();
                ("the clock of this machine", now.saturating_sub(seconds))
            }
        };
        let off = ahead.unsigned_abs();
        let from_half_hour = (off % 1_800).min(1_800 - off % 1_800);
        // The largest difference to UTC is 14 hours.
        let is_zone = from_half_hour <= 60 && off <= 14 * 3_600 + 60;
        let side = if ahead < 0 { "after" } else { "before" };
        let detail = format!("{} {side} {reference}", HumanDuration(Duration::from_secs(off)));
        check(off <= WINDOW, &detail, if is_zone { TIME_ZONE } else { CLOCK })
    }

    /// Returns how many seconds the answer's `Date` is ahead of the timestamp.
    fn answer_ahead(&self, seconds: i64) -> Option<i64> {
        let date = self.request.answered.as_deref()?.parse().ok()?;
        let started = Now { wall: Wall::from_unix_seconds(seconds), mono: Mono::default() };
        let headers = HeaderMap::from_iter([(DATE, date)]);
        let offset = ClockOffset::measure(started, started.mono, &headers)?;
        Some(offset.as_millis() / 1_000)
    }
}

fn check(is_right: bool, sent: &str, mistake: Mistake) -> Finding {
    if is_right { Finding::Same } else { Finding::Differs(sent.to_owned(), mistake) }
}

fn check_is(sent: &str, expected: &str, mistake: Mistake) -> Finding {
    check(sent == expected, &format!("sent {sent}, expected {expected}"), mistake)
}

fn unknown(reason: &str) -> Finding {
    Finding::NotCompared(reason.to_owned())
}

fn hidden() -> Finding {
    unknown("Authorization is missing, masked or of another kind")
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, thread};

    use base64::{Engine, engine::general_purpose::STANDARD};
    use serde_json::Value;

    use super::*;
    use crate::captured::requests;

    const CAPTURED: [&str; 6] = [
        include_str!("../../../tests/captured/curl-v.txt"),
        include_str!("../../../tests/captured/go-sdk.log"),
        include_str!("../../../tests/captured/node-sdk.http"),
        include_str!("../../../tests/captured/python-http-client.txt"),
        include_str!("../../../tests/captured/python-sdk.log"),
        "INFO: send request, request url: https://h/. request headers information: \
         Content-Type: application/json; charset=utf-8;X-TC-Timestamp: 1699979400;\n",
    ];

    fn key(id: &str, secret_key: &str) -> Result<Credentials, String> {
        Ok(Credentials::new(id, secret_key).unwrap())
    }

    fn parts_of(text: &str, key: &Result<Credentials, String>) -> Vec<Vec<Part>> {
        let now = Timestamp::new(1_699_979_400).unwrap();
        requests(text).iter().map(|request| Subject::new(request).parts(key, Some(now))).collect()
    }

    /// Those with a payload that is text; some are for another service than their host.
    #[test]
    fn the_signatures_of_the_vectors_are_the_same() {
        let mut count = 0;
        for line in include_str!("../../../../tests/vectors/tc3-vectors.jsonl").lines() {
            let row: Value = serde_json::from_str(line).unwrap();
            let text = |name: &str| row[name].as_str().unwrap();
            let payload = STANDARD.decode(text("payload_base64")).unwrap();
            let Ok(payload) = String::from_utf8(payload) else { continue };
            let headers = row["headers"].as_array().unwrap().iter();
            let header = |pair: &Value| {
                format!("{}: {}\n", pair[0].as_str().unwrap(), pair[1].as_str().unwrap())
            };
            let headers: String = headers.map(header).collect();
            let unsigned = match row["unsigned_payload"].as_bool() {
                Some(true) => "X-TC-Content-SHA256: UNSIGNED-PAYLOAD\n",
                _ => "",
            };
            let captured = format!(
                "{} {}?{} HTTP/1.1\n{headers}{unsigned}X-TC-Timestamp: {}\nAuthorization: {}\n\
                 Content-Length: {}\n\n{payload}",
                text("method"),
                text("path"),
                text("query"),
                row["timestamp"],
                text("authorization"),
                payload.len()
            );
            let parts = parts_of(&captured, &key(text("secret_id"), text("secret_key")));
            let signature = parts[0].iter().find(|part| part.part == "signature").unwrap();
            assert_eq!(signature.result, "same", "{}", text("id"));
            count += 1;
        }
        assert!(count > 400, "{count}");
    }

    #[test]
    fn no_prefix_of_a_text_causes_a_panic() {
        let absent = Err(String::new());
        for text in CAPTURED {
            for at in (0..text.len()).filter(|at| text.is_char_boundary(*at)) {
                parts_of(&text[..at], &absent);
                parts_of(&text[at..], &absent);
            }
        }
    }

    #[test]
    fn no_change_of_a_text_causes_a_panic() {
        let key = key("AKIDFIELDCASES0001", "FieldCasesSecretKey0001");
        let mut runs = 0;
        for text in CAPTURED {
            for at in (0..text.len()).step_by(23) {
                for new in [
                    "",
                    "\n",
                    "\r\n\r\n",
                    ":",
                    "/",
                    ";",
                    "=",
                    ",",
                    "'",
                    "\\",
                    "\u{4e2d}",
                    "9999999999999",
                ] {
                    let (before, after) = (&text[..at], &text[at + 1..]);
                    runs += parts_of(&[before, new, after].concat(), &key).len();
                }
            }
        }
        assert!(runs > 500, "{runs}");
    }

    /// With each header replaced in the long text, this took more than a minute.
    #[test]
    fn many_headers_that_are_not_signed_take_no_time() {
        let text = format!(
            "POST /\nHost: h\nContent-Type: c\nX-Long: {}\nAuthorization: TC3-HMAC-SHA256 \
             Credential=I/2023-11-14/tcss/tc3_request, SignedHeaders=content-type;host;x-long, \
             Signature={}\n{}\n{{}}",
            "x".repeat(500_000),
            "0".repeat(64),
            "a:\n".repeat(150_000)
        );
        let (sender, result) = mpsc::channel();
        let key = key("I", "EXAMPLEKEY");
        thread::spawn(move || sender.send(parts_of(&text, &key).len()));
        result.recv_timeout(Duration::from_secs(20)).expect("it has ended");
    }
}
