//! Any answer is read without a panic, and is a result exactly if a second reading of its JSON
//! agrees.
//!
//! The input is a status, header lines, an empty line and the body.
#![no_main]

use http::{HeaderName, HeaderValue, Response};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use tcss_export_core::{
    ANSWER_LIMIT, Answer, DownloadUrl, ResponseError, ResponseErrorKind,
    actions::{DescribeExportJobResult, DescribeExportJobResultResponse},
    read_answer,
};

fuzz_target!(|input: &[u8]| {
    let Some(response) = response(input) else { return };
    let result = read_answer::<DescribeExportJobResult>(&response);
    let value = generic_json(&response);
    match &result {
        Ok(answer) => check_result(&response, answer, value.as_ref()),
        Err(error) => check_error(&response, error, value.as_ref()),
    }
});

fn response(input: &[u8]) -> Option<Response<&[u8]>> {
    let end = input.windows(2).position(|pair| pair == b"\n\n")?;
    let (head, body) = (&input[..end], &input[end + 2..]);
    let mut lines = head.split(|byte| *byte == b'\n');
    let status: u16 = str::from_utf8(lines.next()?).ok()?.parse().ok()?;
    let mut response = Response::new(body);
    *response.status_mut() = status.try_into().ok()?;
    for line in lines.take(8) {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(&line[..colon]).ok()?;
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?;
        response.headers_mut().append(name, value);
    }
    Some(response)
}

/// Reads the body as generic JSON, unless its status, encoding or size rules out a result.
///
/// It is also `None` for JSON that only this reading refuses: nesting of 128 levels, numbers out of
/// range, and half a surrogate pair in a member that is ignored.
fn generic_json(response: &Response<&[u8]>) -> Option<Value> {
    let encodings = response.headers().get_all("content-encoding");
    let is_encoded = encodings.iter().any(|encoding| {
        !encoding.is_empty() && !encoding.as_bytes().eq_ignore_ascii_case(b"identity")
    });
    let body = response.body();
    if is_encoded || !response.status().is_success() || body.len() > ANSWER_LIMIT {
        return None;
    }
    serde_json::from_slice(body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)).ok()
}

fn is_good(value: &Value) -> bool {
    value["Response"].is_object() && value["Response"]["Error"].is_null()
}

fn text(value: &Value) -> Option<&str> {
    value.as_str().filter(|text| !text.is_empty())
}

/// Returns a text that a program uses. It must not contain U+FFFD for undecodable bytes.
fn exact_text(value: &Value) -> Option<&str> {
    text(value).filter(|text| !text.contains(char::REPLACEMENT_CHARACTER))
}

/// Returns whether a body may have several members of this name: generic JSON keeps the last one.
fn may_repeat(body: &[u8], name: &str) -> bool {
    let body = String::from_utf8_lossy(body);
    body.matches(name).count() > 1 || body.contains("\\u00")
}

fn check_result(
    response: &Response<&[u8]>,
    answer: &Answer<DescribeExportJobResultResponse>,
    value: Option<&Value>,
) {
    assert!(response.status().is_success());
    let Some(value) = value else { return };
    assert!(is_good(value), "{answer:?} of {value}");
    let (members, read) = (&value["Response"], &answer.response);
    match &members["ExportStatus"] {
        status @ Value::String(_) => {
            assert_eq!(read.status.as_str(), exact_text(status).unwrap_or_default());
        }
        Value::Null => assert_eq!(read.status.as_str(), ""),
        _ => assert!(matches!(read.status, tcss_export_core::actions::ExportStatus::Unknown(_))),
    }
    let is_sole = |name| !may_repeat(response.body(), name);
    let url = read.download_url.as_ref().map(DownloadUrl::as_str);
    assert!(url == exact_text(&members["DownloadURL"]) || !is_sole("DownloadURL"));
    let message = read.failure_message.as_deref();
    assert!(message == text(&members["FailureMsg"]) || !is_sole("FailureMsg"));
    if let Some(number) = members["ExportProgress"].as_f64().filter(|_| is_sole("ExportProgress")) {
        let read = read.progress.expect("a progress");
        assert!((read - number).abs() <= number.abs() * 1e-9, "{read} of {number}");
    }
    if let Some(id) = exact_text(&members["RequestId"]).filter(|_| is_sole("RequestId")) {
        assert_eq!(answer.request_id.as_deref(), Some(id));
    }
}

fn check_error(response: &Response<&[u8]>, error: &ResponseError, value: Option<&Value>) {
    assert_eq!(error.status(), response.status());
    assert!(!error.to_string().contains(char::is_control));
    if value.is_some_and(is_good) {
        // Repeated members are the only reason to refuse an otherwise good answer.
        assert_eq!(*error.kind(), ResponseErrorKind::Unexpected);
    }
}
