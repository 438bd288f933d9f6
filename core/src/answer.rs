//! Parses the bytes of a response into a typed answer or a typed error.

use alloc::{
    borrow::{Cow, ToOwned},
    string::{String, ToString},
};
use core::{fmt, marker::PhantomData, str};

use http::{HeaderMap, HeaderValue, Response, StatusCode, header::CONTENT_TYPE};
use serde::{
    Deserialize, Deserializer,
    de::{
        DeserializeOwned, DeserializeSeed, IgnoredAny, MapAccess, Visitor,
        value::{CowStrDeserializer, MapAccessDeserializer},
    },
};
use serde_json::{error::Category, value::RawValue};

use crate::{
    actions::Action,
    header::{X_TC_REQUEST_ID, foreign_coding, redirect_host, retry_after},
    json::{Member, exact_text, members, repaired, text},
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
        Ok(json) => parse::<A>(json),
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
        let text = str::from_utf8(json).map_err(|_| not_utf8(json))?;
        serde_json::from_str(text).map_err(|error| match error.classify() {
            Category::Eof => Kind::Truncated,
            Category::Data => Kind::Unexpected,
            _ => cut_number_or_not_json(text, &error),
        })
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
    let result = match result {
        Err(Kind::Api(error)) => Err(Kind::Api(error)),
        _ if status.is_redirection() => Err(Kind::Redirect { host: redirect_host(headers) }),
        Ok(_) if !status.is_success() => Err(Kind::Status),
        result => result,
    };
    let request_id = request_id.or_else(|| header_text(headers.get(X_TC_REQUEST_ID)));
    match result {
        Ok(response) => Ok(Answer { response, request_id }),
        Err(kind) => {
            Err(ResponseError { kind, status, request_id, retry_after: retry_after(headers) })
        }
    }
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

/// Parses JSON, and a second time with repaired strings if it is invalid.
fn parse<A: Action>(body: &[u8]) -> Parsed<A::Response> {
    let text = str::from_utf8(body).ok();
    let plain = match text {
        Some(text) => parse_text::<A>(text),
        None => (Err(not_utf8(body)), None),
    };
    // In cut UTF-8, a backslash could count as half of a character and the quote after it as an
    // end.
    if !matches!(plain.0, Err(Kind::NotJson { .. })) {
        return plain;
    }
    let repairs = [false, true].map(|is_double_byte| repaired(body, is_double_byte));
    let [first, second] = repairs.map(|text| parse_text::<A>(&text));
    let is_cut = |parsed: &Parsed<A::Response>| matches!(parsed.0, Err(Kind::Truncated));
    let is_readable = |parsed: &Parsed<A::Response>| {
        !is_cut(parsed) && !matches!(parsed.0, Err(Kind::NotJson { .. }))
    };
    match (first, second) {
        (first, _) if is_readable(&first) => first,
        (_, second) if is_readable(&second) => second,
        (first, _) if is_cut(&first) => first,
        (_, second) if is_cut(&second) && text.is_none() => second,
        _ => plain,
    }
}

/// Returns the error at the first byte that is not UTF-8.
fn not_utf8(body: &[u8]) -> Kind {
    let valid = body.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    let line = 1 + valid.matches('\n').count();
    let column = 1 + valid.bytes().rev().take_while(|b| *b != b'\n').count();
    Kind::NotJson { line, column }
}

/// Parses the text, and a second time without the action if its members do not fit.
fn parse_text<A: Action>(json: &str) -> Parsed<A::Response> {
    match serde_json::from_str::<Envelope<'_, A::Response>>(json) {
        Ok(envelope) => envelope.into_result(),
        Err(error) if error.is_eof() => (Err(Kind::Truncated), None),
        Err(error) if !error.is_data() => (Err(cut_number_or_not_json(json, &error)), None),
        Err(_) => match serde_json::from_str::<Envelope<'_, IgnoredAny>>(json) {
            Ok(envelope) => {
                let (result, request_id) = envelope.into_result();
                (result.and(Err(Kind::Unexpected)), request_id)
            }
            Err(_) => (Err(Kind::Unexpected), None),
        },
    }
}

/// Detects a number that is cut after its sign, point or exponent, which serde_json reports as bad
/// syntax: with one more digit, the error is that the text ends too early.
fn cut_number_or_not_json(json: &str, error: &serde_json::Error) -> Kind {
    let is_cut = json.ends_with(['-', '+', '.', 'e', 'E'])
        && serde_json::from_str::<IgnoredAny>(&[json, "0"].concat()).is_err_and(|e| e.is_eof());
    if is_cut {
        return Kind::Truncated;
    }
    Kind::NotJson { line: error.line(), column: error.column() }
}

fn header_text(value: Option<&HeaderValue>) -> Option<String> {
    let text = value?.to_str().ok()?;
    (!text.is_empty()).then(|| text.to_string())
}

/// The whole answer: a `Response` object, or a flat error of the older kind.
#[derive(Deserialize)]
struct Envelope<'a, T> {
    #[serde(rename = "Response", bound(deserialize = "T: DeserializeOwned"))]
    response: Option<Members<T>>,
    #[serde(borrow)]
    code: Option<&'a RawValue>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
    #[serde(borrow, rename = "codeDesc")]
    code_desc: Option<&'a RawValue>,
}

impl<T> Envelope<'_, T> {
    /// Returns the action's response or the service's error, and the request id.
    fn into_result(self) -> (Result<T, Kind>, Option<String>) {
        match self.response {
            Some(Members { result, request_id }) => (result, request_id),
            None => (Err(self.flat_error().map_or(Kind::Unexpected, Kind::Api)), None),
        }
    }

    /// Parses `{"code":4100,"message":"m","codeDesc":"AuthFailure"}`; the code 0 is no error.
    fn flat_error(self) -> Option<ApiError> {
        let number = number_or_text(self.code?)?;
        if number == "0" {
            return None;
        }
        let code = ErrorCode(self.code_desc.and_then(exact_text).unwrap_or(number));
        Some(ApiError { code, message: self.message.and_then(text).unwrap_or_default() })
    }
}

/// The members of the `Response` object.
///
/// One pass without a buffer parses those of the action, and sets the other two aside.
struct Members<T> {
    result: Result<T, Kind>,
    request_id: Option<String>,
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Members<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor(PhantomData))
    }
}

struct MembersVisitor<T>(PhantomData<T>);

impl<'de, T: DeserializeOwned> Visitor<'de> for MembersVisitor<T> {
    type Value = Members<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a Response object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Members<T>, A::Error> {
        let (error, request_id) = (Member::Absent, Member::Absent);
        let mut others = OtherMembers { map, error, request_id };
        let of_action = T::deserialize(MapAccessDeserializer::new(&mut others))?;
        // A repeated error fails: a null could hide the first one.
        let error = others.error.sole("Error")?;
        let result = error.map_or(Ok(of_action), |json| Err(Kind::Api(api_error(json))));
        Ok(Members { result, request_id: others.request_id.value().and_then(exact_text) })
    }
}

/// Yields all members but `Error` and `RequestId`, which it sets aside.
struct OtherMembers<'de, A> {
    map: A,
    error: Member<'de>,
    request_id: Member<'de>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for OtherMembers<'de, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        while let Some(Key(key)) = self.map.next_key()? {
            let member = match &*key {
                "Error" => &mut self.error,
                "RequestId" => &mut self.request_id,
                _ => return seed.deserialize(CowStrDeserializer::new(key)).map(Some),
            };
            member.add(self.map.next_value()?);
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
}

/// The name of a member, borrowed unless it has escapes.
#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

/// Parses `{"Code":..,"Message":..}`. Other JSON becomes a message without a code.
fn api_error(json: &RawValue) -> ApiError {
    let members = members(json, ["Code", "Message"]).unwrap_or([Member::Absent; 2]);
    let [code, message] = members.map(Member::value);
    let code = ErrorCode(code.and_then(exact_text).unwrap_or_default());
    ApiError { code, message: message.and_then(text).unwrap_or_else(|| snippet(json.get())) }
}

fn number_or_text(json: &RawValue) -> Option<String> {
    let is_number = json.get().starts_with(|c: char| c == '-' || c.is_ascii_digit());
    if is_number { Some(json.get().to_owned()) } else { exact_text(json) }
}
