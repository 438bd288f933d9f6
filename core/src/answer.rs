//! Parses the bytes of a response into a typed answer or a typed error.

use alloc::{
    borrow::{Cow, ToOwned},
    string::{String, ToString},
};
use core::{fmt, marker::PhantomData, str};

use http::{HeaderMap, HeaderValue, Response, header::CONTENT_TYPE};
use serde::{
    Deserialize, Deserializer,
    de::{
        DeserializeOwned, DeserializeSeed, Error, IgnoredAny, MapAccess, Visitor,
        value::{CowStrDeserializer, MapAccessDeserializer},
    },
};
use serde_json::value::RawValue;

use crate::{
    actions::Action,
    header::{X_TC_REQUEST_ID, foreign_coding, redirect_host, retry_after},
    response_error::{ApiError, ErrorCode, ResponseError, ResponseErrorKind as Kind},
    text::{lenient_text, nonempty_text, snippet},
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
    let (result, request_id) = match object_text(response.body().as_ref(), headers) {
        Ok(json) => parse::<A>(json),
        Err(kind) => (Err(kind), None),
    };
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

/// Returns the text of a body that starts like a JSON object.
fn object_text<'b>(body: &'b [u8], headers: &HeaderMap) -> Result<&'b str, Kind> {
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
    str::from_utf8(body).map_err(|error| match error.error_len() {
        None => Kind::Truncated,
        Some(_) => {
            let valid = &body[..error.valid_up_to()];
            let line = 1 + valid.iter().filter(|b| **b == b'\n').count();
            let column = 1 + valid.iter().rev().take_while(|b| **b != b'\n').count();
            Kind::NotJson { line, column }
        }
    })
}

/// Parses the text, and a second time without the action if its members do not fit.
fn parse<A: Action>(json: &str) -> (Result<A::Response, Kind>, Option<String>) {
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
    #[serde(default, deserialize_with = "lenient_text")]
    message: Option<String>,
    #[serde(default, deserialize_with = "lenient_text", rename = "codeDesc")]
    code_desc: Option<String>,
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
        let code = ErrorCode(self.code_desc.unwrap_or(number));
        Some(ApiError { code, message: self.message.unwrap_or_default() })
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
        let mut others = OtherMembers { map, error: None, request_id: None };
        let of_action = T::deserialize(MapAccessDeserializer::new(&mut others))?;
        let error = others.error.filter(|json| json.get() != "null").map(api_error);
        let result = error.map_or(Ok(of_action), |error| Err(Kind::Api(error)));
        Ok(Members { result, request_id: others.request_id.and_then(nonempty_text) })
    }
}

/// Yields all members but `Error` and `RequestId`, which it sets aside.
struct OtherMembers<'de, A> {
    map: A,
    error: Option<&'de RawValue>,
    request_id: Option<&'de RawValue>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for OtherMembers<'de, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        while let Some(Key(key)) = self.map.next_key()? {
            let (name, place) = match &*key {
                "Error" => ("Error", &mut self.error),
                "RequestId" => ("RequestId", &mut self.request_id),
                _ => return seed.deserialize(CowStrDeserializer::new(key)).map(Some),
            };
            // A second error could be a null that hides the first.
            if place.replace(self.map.next_value()?).is_some() {
                return Err(A::Error::duplicate_field(name));
            }
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

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct ErrorMembers {
    #[serde(deserialize_with = "lenient_text")]
    code: Option<String>,
    #[serde(deserialize_with = "lenient_text")]
    message: Option<String>,
}

/// Parses `{"Code":..,"Message":..}`. Other JSON becomes a message without a code.
fn api_error(json: &RawValue) -> ApiError {
    // serde would read an array as members in order.
    let object = Some(json.get()).filter(|json| json.starts_with('{'));
    let members = object.and_then(|json| serde_json::from_str(json).ok());
    let ErrorMembers { code, message } = members.unwrap_or_default();
    let message = message.unwrap_or_else(|| snippet(json.get()));
    ApiError { code: ErrorCode(code.unwrap_or_default()), message }
}

fn number_or_text(json: &RawValue) -> Option<String> {
    let is_number = json.get().starts_with(|c: char| c == '-' || c.is_ascii_digit());
    if is_number { Some(json.get().to_owned()) } else { nonempty_text(json) }
}
