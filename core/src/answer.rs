//! Parses the bytes of a response into a typed answer or a typed error.

use alloc::string::{String, ToString};
use core::str;

use http::{HeaderMap, HeaderValue, Response, StatusCode, header::CONTENT_TYPE};
use serde::de::DeserializeOwned;

use crate::{
    actions::{Action, FromResponse, ResponseObject},
    header::{X_TC_REQUEST_ID, foreign_coding, redirect_host, retry_after},
    json::{Json, Member, Reader, add_member, repaired},
    response_error::{ApiError, ErrorCode, ResponseError, ResponseErrorKind as Kind},
    text::snippet,
};

/// The size limit of an answer in bytes; real ones have a few thousand.
pub const ANSWER_LIMIT: usize = 1 << 20;

/// A good answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer<T> {
    /// The response of the action.
    pub response: T,
    /// The id to quote to the service's support.
    pub request_id: Option<String>,
}

/// Parses the answer to an action.
///
/// ```
/// use http::Response;
/// use tcss_export_core::{actions::{DescribeExportJobResult, ExportStatus}, read_answer};
///
/// let body = r#"{"Response":{"ExportStatus":"RUNNING","RequestId":"r-1"}}"#;
/// let answer = read_answer::<DescribeExportJobResult>(&Response::new(body))?;
/// assert_eq!(answer.response.status, ExportStatus::Running);
/// assert_eq!(answer.request_id.as_deref(), Some("r-1"));
/// # Ok::<(), tcss_export_core::ResponseError>(())
/// ```
///
/// In strings, U+FFFD replaces bytes and characters that JSON forbids, such as GBK or control
/// characters. A URL, an id, a status or a code with U+FFFD counts as absent. A new action must
/// check such values for U+FFFD, too.
///
/// # Errors
///
/// A [`ResponseError`] whose kind is [`Api`](Kind::Api) if the service refused, with any HTTP
/// status. Otherwise the first of these that applies: [`Redirect`](Kind::Redirect) for a status of
/// 300 to 399, [`Encoding`](Kind::Encoding) for a compressed body, [`TooLarge`](Kind::TooLarge),
/// [`Empty`](Kind::Empty), [`Page`](Kind::Page) for a body that does not start like a JSON object,
/// [`Truncated`](Kind::Truncated) for JSON that ends too early, even within a character,
/// [`NotJson`](Kind::NotJson), [`Unexpected`](Kind::Unexpected) without a `Response` object of this
/// action, [`Status`](Kind::Status) for a good answer with a status outside 200 to 299.
pub fn read_answer<A: Action>(
    response: &Response<impl AsRef<[u8]>>,
) -> Result<Answer<A::Response>, ResponseError> {
    let (status, headers) = (response.status(), response.headers());
    let (result, request_id) = match object_bytes(response.body().as_ref(), headers) {
        Ok(json) => parse(json),
        Err(kind) => (Err(kind), None),
    };
    finish(result, request_id, status, headers)
}

/// Parses an answer that is one JSON object without a `Response` around it, such as that of a
/// metadata service.
///
/// ```
/// use http::Response;
/// use serde::Deserialize;
/// use tcss_export_core::read_object;
///
/// #[derive(Deserialize)]
/// struct Role {
///     code: String,
/// }
///
/// let answer = read_object::<Role>(&Response::new(r#"{"code":"Success"}"#))?;
/// assert_eq!(answer.response.code, "Success");
/// # Ok::<(), tcss_export_core::ResponseError>(())
/// ```
///
/// # Errors
///
/// As for [`read_answer`], without [`Api`](Kind::Api).
pub fn read_object<T: DeserializeOwned>(
    response: &Response<impl AsRef<[u8]>>,
) -> Result<Answer<T>, ResponseError> {
    let (status, headers) = (response.status(), response.headers());
    let object = object_bytes(response.body().as_ref(), headers).and_then(|json| {
        let text = str::from_utf8(json).map_err(|error| bad_json(json, error.valid_up_to()))?;
        let mut reader = Reader::new(json);
        let value = reader.value().filter(|_| reader.end().is_some());
        value.ok_or_else(|| bad_json(json, reader.at()))?;
        serde_json::from_str(text).map_err(|_| Kind::Unexpected)
    });
    finish(object, None, status, headers)
}

/// Adds what the head of the answer says to the result of its body.
fn finish<T>(
    result: Result<T, Kind>,
    request_id: Option<String>,
    status: StatusCode,
    headers: &HeaderMap,
) -> Result<Answer<T>, ResponseError> {
    let request_id = request_id.or_else(|| header_text(headers.get(X_TC_REQUEST_ID)));
    let kind = match result {
        Ok(response) if status.is_success() => return Ok(Answer { response, request_id }),
        Err(Kind::Api(error)) => Kind::Api(error),
        _ if status.is_redirection() => Kind::Redirect { host: redirect_host(headers) },
        Ok(_) => Kind::Status,
        Err(kind) => kind,
    };
    Err(ResponseError { kind, status, request_id, retry_after: retry_after(headers) })
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Returns the bytes of a body that starts like a JSON object.
fn object_bytes<'b>(body: &'b [u8], headers: &HeaderMap) -> Result<&'b [u8], Kind> {
    if let Some(coding) = foreign_coding(headers) {
        return Err(Kind::Encoding(coding));
    }
    if body.len() > ANSWER_LIMIT {
        return Err(Kind::TooLarge);
    }
    let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body).trim_ascii();
    if body.is_empty() {
        return Err(Kind::Empty);
    }
    if BYTE_ORDER_MARK.starts_with(body) {
        return Err(Kind::Truncated);
    }
    if body[0] != b'{' {
        let content_type = header_text(headers.get(CONTENT_TYPE));
        let snippet = snippet(&String::from_utf8_lossy(&body[..body.len().min(1_024)]));
        return Err(Kind::Page { content_type, snippet });
    }
    Ok(body)
}

/// The result of an action and the request id.
type Parsed<T> = (Result<T, Kind>, Option<String>);

/// Parses JSON, and again with repaired strings if it is invalid.
fn parse<R: FromResponse>(body: &[u8]) -> Parsed<R> {
    let parsed = parse_json(body);
    if is_readable(&parsed) { parsed } else { parse_repaired(body, parsed) }
}

/// Parses JSON that is invalid, with strings repaired in two ways.
// Inlined, it would slow every answer down by a tenth.
#[inline(never)]
fn parse_repaired<R: FromResponse>(body: &[u8], plain: Parsed<R>) -> Parsed<R> {
    // In cut UTF-8, a backslash could count as half of a character and the quote after it as an
    // end.
    let not_utf8 = str::from_utf8(body).err();
    if is_cut(&plain) && not_utf8.is_none() {
        return plain;
    }
    let repairs = [false, true].map(|is_double_byte| repaired(body, is_double_byte));
    let [first, second] = repairs.map(|text| parse_json(text.as_bytes()));
    match (first, second, not_utf8) {
        (first, ..) if is_readable(&first) => first,
        (_, second, _) if is_readable(&second) => second,
        (first, ..) if is_cut(&first) => first,
        (_, second, Some(_)) if is_cut(&second) => second,
        (.., Some(error)) => (Err(bad_json(body, error.valid_up_to())), None),
        _ => plain,
    }
}

fn is_cut<T>((result, _): &Parsed<T>) -> bool {
    matches!(result, Err(Kind::Truncated))
}

fn is_readable<T>((result, _): &Parsed<T>) -> bool {
    !matches!(result, Err(Kind::Truncated | Kind::NotJson { .. }))
}

fn parse_json<R: FromResponse>(json: &[u8]) -> Parsed<R> {
    let mut reader = Reader::new(json);
    let mut parsed = (Err(Kind::Unexpected), None);
    if parse_envelope(&mut reader, &mut parsed).is_none() {
        parsed = (Err(bad_json(json, reader.at())), None);
    }
    parsed
}

/// Parses a `Response` object, or a flat error of the older kind.
fn parse_envelope<R: FromResponse>(reader: &mut Reader<'_>, parsed: &mut Parsed<R>) -> Option<()> {
    let mut values = [Member::Absent; 3];
    let mut is_first = true;
    reader.members(|reader, name| {
        if !name.is("Response") {
            add_member(&mut values, ["code", "message", "codeDesc"], name, reader.value()?);
        } else if is_first {
            *parsed = parse_response(reader)?;
            is_first = false;
        } else {
            reader.value()?;
            *parsed = (Err(Kind::Unexpected), None);
        }
        Some(())
    })?;
    reader.end()?;
    if matches!(parsed.0, Err(Kind::Unexpected)) {
        let error = flat_error(values);
        parsed.0 = Err(error.map_or(Kind::Unexpected, Kind::Api));
    }
    Some(())
}

fn parse_response<R: FromResponse>(reader: &mut Reader<'_>) -> Option<Parsed<R>> {
    if reader.peek()? != b'{' {
        reader.value()?;
        return Some((Err(Kind::Unexpected), None));
    }
    let mut response = ResponseObject::new(reader);
    let of_action = R::read(&mut response);
    response.is_complete.then_some(())?;
    let request_id = response.request_id.value().and_then(Json::exact_text);
    let error = match response.error {
        Member::Absent => None,
        Member::Once(error) => error.api_error().map(Kind::Api),
        // The second `Error` could be null and hide the first.
        Member::Repeated => Some(Kind::Unexpected),
    };
    Some((error.map_or(of_action, Err), request_id))
}

/// Returns the error for text that is not JSON from an offset on.
fn bad_json(text: &[u8], at: usize) -> Kind {
    let Some((valid, [_, ..])) = text.split_at_checked(at) else { return Kind::Truncated };
    let line = 1 + valid.iter().filter(|b| **b == b'\n').count();
    let column = 1 + valid.iter().rev().take_while(|b| **b != b'\n').count();
    Kind::NotJson { line, column }
}

fn header_text(value: Option<&HeaderValue>) -> Option<String> {
    let text = value?.to_str().ok()?;
    (!text.is_empty()).then(|| text.to_string())
}

/// Parses `{"code":4100,"message":"m","codeDesc":"AuthFailure"}`; the code 0 is no error.
fn flat_error(members: [Member<Json<'_>>; 3]) -> Option<ApiError> {
    let [code, message, code_desc] = members.map(Member::value);
    let number = number_or_text(code?)?;
    if number == "0" {
        return None;
    }
    let code = ErrorCode(code_desc.and_then(Json::exact_text).unwrap_or(number));
    Some(ApiError { code, message: message.and_then(Json::text).unwrap_or_default() })
}

fn number_or_text(json: Json<'_>) -> Option<String> {
    match json {
        Json::Other(number @ [b'-' | b'0'..=b'9', ..]) => String::from_utf8(number.to_vec()).ok(),
        _ => json.exact_text(),
    }
}
