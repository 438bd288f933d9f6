//! The test service reads any script, list of faults and request without a panic. A
//! second model of scripts and calls predicts its answer to each request.
//!
//! The first two lines of the input are a script and a list of faults. Each further line
//! is a request, its parts separated by tabs: `s` with an action and a body is signed, `r` with
//! header lines and a body is not.
#![no_main]

use std::{collections::BTreeMap, fmt::Display, str::FromStr, sync::LazyLock};

use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use http::{HeaderName, HeaderValue, Request, StatusCode};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use tcss_export_core::{
    Credentials, TransportErrorKind,
    signing::{
        CanonicalHeaders, CanonicalRequest, CredentialScope, HexDigest, SigningKey, StringToSign,
        Timestamp, authorization,
    },
};
use tcss_export_driver::Transport;
use tcss_export_testkit::{
    CreateFaults, DownloadFaults, EXAMPLE_SECRET_ID, EXAMPLE_SECRET_KEY, Script, ScriptError,
    Scripted, Step,
};

fuzz_target!(|text: &str| {
    let mut lines = text.split('\n');
    let (script, faults) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let script = parsed::<Script>(script);
    parsed::<DownloadFaults>(faults);
    parsed::<CreateFaults>(faults);
    let Some(script) = script else { return };
    let (scripted, mut model) = (Scripted::new(script.steps()), Model::new(script.steps()));
    for line in lines.take(20) {
        let Some(request) = request(line, scripted.now().wall.unix_seconds()) else { continue };
        let is_signed = line.starts_with('s');
        let expected = model.expect(&request, is_signed);
        expected.check(answer(&scripted, request));
    }
});

/// Parses a text, and its own text again.
fn parsed<T>(text: &str) -> Option<T>
where
    T: FromStr<Err = ScriptError> + Display + PartialEq + std::fmt::Debug,
{
    match text.parse::<T>() {
        Ok(value) => {
            assert_eq!(value.to_string().parse().as_ref(), Ok(&value), "{text:?}");
            Some(value)
        }
        Err(error) => {
            let count = text.split(',').count();
            assert!(error.position().is_none_or(|position| (1..=count).contains(&position)));
            assert!(text.contains(error.step()) || error.step().starts_with("SKEW"), "{error}");
            assert!(!error.to_string().contains(char::is_control), "{error}");
            None
        }
    }
}

fn request(line: &str, now: i64) -> Option<Request<Bytes>> {
    let (head, body) = line.rsplit_once('\t')?;
    let mut request = Request::new(Bytes::copy_from_slice(body.as_bytes()));
    *request.method_mut() = http::Method::POST;
    match head.split_at_checked(1)? {
        ("s", action) => sign(&mut request, action, now)?,
        ("r", headers) => {
            for header in headers.split('\t').take(12) {
                let (name, value) = header.split_once(':')?;
                let value = HeaderValue::from_str(value).ok()?;
                request.headers_mut().append(HeaderName::from_str(name).ok()?, value);
            }
        }
        _ => return None,
    }
    Some(request)
}

/// Signs the request; the action is not covered.
fn sign(request: &mut Request<Bytes>, action: &str, now: i64) -> Option<()> {
    let names = [("content-type", "application/json"), ("host", "tcss.example")];
    let headers = CanonicalHeaders::new(names).expect("valid");
    let hash = HexDigest::of(request.body());
    let hash = CanonicalRequest::new("POST", "/", "", &headers, hash).hash();
    let text = StringToSign::new(Timestamp::new(now).ok()?, "tcss", hash);
    let (credentials, key) = &*KEY;
    let value = authorization(credentials, &text.scope(), headers.names(), &key.sign(&text));
    let to = request.headers_mut();
    to.insert("authorization", value.expect("valid"));
    to.insert("x-tc-action", HeaderValue::from_str(action).ok()?);
    to.insert("x-tc-version", HeaderValue::from_static("2020-11-01"));
    to.insert("x-tc-timestamp", now.into());
    for (name, value) in names {
        to.insert(name, HeaderValue::from_static(value));
    }
    Some(())
}

/// The key of the day on which the clock starts. No input lets a day pass.
static KEY: LazyLock<(Credentials, SigningKey)> = LazyLock::new(|| {
    let credentials = Credentials::new(EXAMPLE_SECRET_ID, EXAMPLE_SECRET_KEY).expect("valid");
    let start = Timestamp::new(Scripted::START.unix_seconds()).expect("valid");
    let key = SigningKey::derive(&credentials, &CredentialScope::new(start, "tcss"));
    (credentials, key)
});

type Answer = Result<(StatusCode, String), TransportErrorKind>;

fn answer(scripted: &Scripted, request: Request<Bytes>) -> Answer {
    let sent = scripted.send(request).now_or_never().expect("it never waits");
    let (head, mut body) = sent.map_err(|error| error.kind())?.into_parts();
    let mut bytes = Vec::new();
    while let Some(piece) = body.next().now_or_never().expect("it never waits") {
        bytes.extend_from_slice(&piece.expect("a piece"));
    }
    Ok((head.status, String::from_utf8(bytes).expect("a text")))
}

/// The answer to expect.
enum Expected {
    Refused(&'static [&'static str]),
    Played(Step),
}

/// A second implementation of the positions of jobs, and of the checks of signed calls.
struct Model<'a> {
    steps: &'a [Step],
    positions: BTreeMap<String, usize>,
    skew: i64,
}

const UNSIGNED: &[&str] = &[
    "MissingParameter",
    "InvalidParameter",
    "AuthFailure.InvalidAuthorization",
    "AuthFailure.SignatureFailure",
    "AuthFailure.SecretIdNotFound",
    "AuthFailure.SignatureExpire",
];
const ACTIONS: [&str; 3] = [
    "CreateExportComplianceStatusListJob",
    "DescribeExportJobManageList",
    "DescribeExportJobDownloadURL",
];
/// A script has no answers to the other actions, even with the right parameters.
const OTHER_ACTION: &[&str] =
    &["InvalidAction", "InvalidParameter", "MissingParameter", "UnknownParameter"];

impl<'a> Model<'a> {
    const fn new(steps: &'a [Step]) -> Self {
        Self { steps, positions: BTreeMap::new(), skew: 0 }
    }

    fn expect(&mut self, request: &Request<Bytes>, is_signed: bool) -> Expected {
        let body = serde_json::from_slice::<Value>(request.body()).ok();
        let job = body.as_ref().and_then(|body| body["JobId"].as_str());
        job.inspect(|job| self.pass_skews(job));
        if !is_signed {
            return Expected::Refused(UNSIGNED);
        }
        if self.skew.unsigned_abs() > 300 {
            return Expected::Refused(&["AuthFailure.SignatureExpire"]);
        }
        let action = request.headers()["x-tc-action"].to_str().unwrap_or_default();
        match action.trim_matches([' ', '\t']) {
            "DescribeExportJobResult" => {}
            action if ACTIONS.contains(&action) => return Expected::Refused(OTHER_ACTION),
            _ => return Expected::Refused(&["InvalidAction"]),
        }
        let members = body.as_ref().and_then(Value::as_object);
        match (members, members.and_then(|members| members.get("JobId")), job) {
            (Some(_), None, _) => Expected::Refused(&["MissingParameter"]),
            (None, ..) | (_, _, None | Some("")) => Expected::Refused(&["InvalidParameter"]),
            (Some(members), ..) if members.len() > 1 => Expected::Refused(&["UnknownParameter"]),
            (.., Some(job)) => Expected::Played(self.next(job)),
        }
    }

    fn pass_skews(&mut self, job: &str) {
        let position = self.positions.entry(job.to_owned()).or_default();
        while let Some(Step::Skew(seconds)) = self.steps.get(*position) {
            (self.skew, *position) = (*seconds, *position + 1);
        }
    }

    fn next(&mut self, job: &str) -> Step {
        let position = self.positions.entry(job.to_owned()).or_default();
        *position += 1;
        self.steps[(*position - 1).min(self.steps.len() - 1)].clone()
    }
}

impl Expected {
    fn check(&self, answer: Answer) {
        let json = answer.as_ref().ok().and_then(|(_, body)| serde_json::from_str(body).ok());
        let response = json.map_or(Value::Null, |json: Value| json["Response"].clone());
        let has_status = |status: &str| response["ExportStatus"] == *status;
        let is_expected = match self {
            Self::Refused(codes) => {
                response["Error"]["Code"].as_str().is_some_and(|code| codes.contains(&code))
            }
            Self::Played(Step::Running(progress)) => {
                // Reading may round the last digit.
                let text = Value::from(progress.unwrap_or(0.0)).to_string();
                let read: Value = serde_json::from_str(&text).expect("a number");
                has_status("RUNNING") && response["ExportProgress"] == read
            }
            Self::Played(Step::Nulls) => has_status("RUNNING") && response["DownloadURL"].is_null(),
            Self::Played(Step::Success(url)) => {
                let url = url.as_deref().unwrap_or(Step::EXAMPLE_URL);
                has_status("SUCCESS") && response["DownloadURL"] == *url
            }
            Self::Played(Step::Failure(_)) => has_status("FAILURE"),
            Self::Played(Step::Status(status)) => has_status(status),
            Self::Played(Step::Error(code)) => response["Error"]["Code"] == **code,
            Self::Played(Step::Http(status)) => {
                answer.as_ref().is_ok_and(|answer| answer.0.as_u16() == *status)
            }
            Self::Played(Step::Empty) => answer.as_ref().is_ok_and(|answer| answer.1.is_empty()),
            Self::Played(Step::CutJson) => answer.is_ok() && response.is_null(),
            Self::Played(Step::Cut) => answer == Err(TransportErrorKind::Truncated),
            Self::Played(Step::Reset) => answer == Err(TransportErrorKind::Connection),
            _ => answer == Err(TransportErrorKind::Timeout),
        };
        assert!(is_expected, "{answer:?}");
    }
}
