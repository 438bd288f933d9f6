//! `explain --compare`: the request of another program, signed again and compared part by part.

mod guess;
mod mistake;

use std::{io::Read, path::Path, time::Duration};

use http::{HeaderMap, header::DATE};
use indicatif::HumanDuration;
use serde::Serialize;
use tcss_export::{
    Credentials,
    actions::{Action, DescribeExportJobResult},
    core::{ClockOffset, Mono, Now, Wall, text::brief},
    driver::clock,
    signing::{CanonicalHeaders, CanonicalRequest, CredentialScope, HexDigest, Timestamp},
};

use self::{
    guess::{Guess, Signing, guesses},
    mistake::*,
};
use super::replay::{open, unreadable};
use crate::{
    args::Common,
    captured::{Authorization, Captured, is_answer, requests},
    error::{Error, ErrorKind, Result},
    keys::Keys,
    output::{Ending, Output},
    secrets::masked,
};

const SIZE_LIMIT: u64 = 1 << 20;
/// The service refuses a time that is further from its own.
const WINDOW: u64 = 300;
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";
/// Names that are always signed.
const REQUIRED: [&str; 2] = ["content-type", "host"];
/// As seconds, this is in the year 5138.
const FIRST_MILLISECONDS: i64 = 100_000_000_000;

pub(crate) async fn compare(
    file: &Path,
    now: Option<Timestamp>,
    common: &Common,
    output: &Output,
) -> Result<Ending> {
    let (name, text) = read(file)?;
    let found = requests(&text);
    let is_call = |request: &Captured| {
        request.header("x-tc-action").is_some() || request.authorization().is_some()
    };
    let Some(at) = found.iter().position(is_call) else {
        return Err(no_request(&name, &text, found.len()));
    };
    let key = Keys::new(common)?.find(false).await;
    let key = key.map(|found| found.credentials).map_err(|error| {
        // The lines after the first one list the sources.
        error.to_string().lines().next().unwrap_or_default().to_owned()
    });
    let parts = Subject::new(&found[at]).parts(&key, now);
    let first = parts.iter().find(|part| part.mistake.is_some());
    let comparison = Comparison {
        request: at + 1,
        requests: found.len(),
        same: first.is_none(),
        first_difference: first.map(|part| &*part.part),
        likely_cause: first.and_then(|part| Some(part.mistake?.0)),
        remedy: first.and_then(|part| Some(part.mistake?.1)),
        parts: &parts,
    };
    output.result(&comparison, || comparison.text())?;
    Ok(if comparison.same { Ending::Done } else { Ending::RequestDiffers })
}

/// Reads the file and returns its name for messages, and its text.
fn read(path: &Path) -> Result<(String, String)> {
    let (reader, name) = open(path)?;
    let mut bytes = Vec::new();
    let read = reader.take(SIZE_LIMIT + 1).read_to_end(&mut bytes);
    if read.map_err(|error| unreadable(&name, &error))? as u64 > SIZE_LIMIT {
        return Err(refused(&name, "is larger than 1 MiB"));
    }
    let text = String::from_utf8(bytes).map_err(|_| refused(&name, "is not UTF-8 text"))?;
    Ok((name, text))
}

fn no_request(name: &str, text: &str, requests: usize) -> Error {
    refused(
        name,
        match requests {
            0 if text.trim().is_empty() => "is empty",
            0 if text.lines().any(is_answer) => "holds an answer, but no request",
            0 => "holds no request",
            _ => "holds no request with X-TC-Action or a signature",
        },
    )
}

fn refused(name: &str, problem: &str) -> Error {
    Error::new(ErrorKind::Usage, format!("{name} {problem}")).with_path(name.to_owned()).with_hint(
        "use HTTP text, the output of curl -v or the debug log of an SDK, with the request line and \
         all headers",
    )
}

/// The result of a comparison.
#[derive(Serialize)]
struct Comparison<'a> {
    request: usize,
    requests: usize,
    same: bool,
    first_difference: Option<&'a str>,
    likely_cause: Option<&'static str>,
    remedy: Option<&'static str>,
    parts: &'a [Part],
}

/// A part of a stage.
#[derive(Serialize)]
struct Part {
    stage: &'static str,
    part: String,
    /// `same`, `differs` or `not_compared`.
    result: &'static str,
    detail: Option<String>,
    #[serde(skip)]
    mistake: Option<Mistake>,
}

/// What was found out about a part.
enum Finding {
    Same,
    Differs(String, Mistake),
    NotCompared(String),
}

impl Comparison<'_> {
    fn text(&self) -> String {
        let mut text = format!("Request {} of {}\n", self.request, self.requests);
        let mut stage = "";
        for part in self.parts {
            if part.stage != stage {
                stage = part.stage;
                text += &format!("\n{stage}\n");
            }
            let detail = part.detail.iter().map(|detail| format!(": {detail}")).collect::<String>();
            text += &format!("  {:14}  {}{detail}\n", part.part, part.result.replace('_', " "));
        }
        if let (Some(part), Some(cause), Some(remedy)) =
            (self.first_difference, self.likely_cause, self.remedy)
        {
            return text
                + &format!(
                    "\nfirst difference: {part}\nlikely cause: {cause}\nwhat to do: {remedy}\n"
                );
        }
        let open = self.parts.iter().filter(|part| part.result != "same").map(|part| &*part.part);
        let open = open.collect::<Vec<_>>().join(", ");
        let but = if open.is_empty() { String::new() } else { format!("; not compared: {open}") };
        text + &format!("\nNo difference{but}\n")
    }
}

impl Part {
    fn new(stage: &'static str, part: &str, finding: Finding) -> Self {
        let (result, detail, mistake) = match finding {
            Finding::Same => ("same", String::new(), None),
            Finding::Differs(detail, mistake) => ("differs", detail, Some(mistake)),
            Finding::NotCompared(reason) => ("not_compared", reason, None),
        };
        let detail = (!detail.is_empty()).then(|| shown(&detail));
        Self { stage, part: shown(part), result, detail, mistake }
    }
}

/// Returns a text from outside without secrets, at most a few lines long.
fn shown(text: &str) -> String {
    brief(&masked(text)).to_string()
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

/// A request and what of it is signed.
struct Subject<'a> {
    request: &'a Captured,
    authorization: Option<Authorization<'a>>,
    path: &'a str,
    query: &'a str,
    host: &'a str,
    content_type: &'a str,
    timestamp: &'a str,
}

impl<'a> Subject<'a> {
    fn new(request: &'a Captured) -> Self {
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

    fn parts(&self, key: &Result<Credentials, String>, now: Option<Timestamp>) -> Vec<Part> {
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
        let is_of_url = request.target().0.is_none_or(|url| bare(url) == bare(host));
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

    /// Returns the text whose hash is signed.
    fn payload(&self) -> Option<&'a str> {
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

    /// Returns the UTC dates of the day before the timestamp, of the timestamp, and of the day after.
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
        let sent = authorization.signature;
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
        if signature == sent {
            return (check(authorization.signature == sent, "", UPPER_CASE), None);
        }
        let mut guesses = guesses(self, &signing, key.secret_id()).into_iter();
        let guess = guesses.find(|guess| guess.signing.signature() == sent);
        let mistake = match &guess {
            Some(guess) => guess.mistake,
            None if authorization.secret_id == key.secret_id() => KEY,
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
