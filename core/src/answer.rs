//! From raw bytes to a typed answer or a typed error.

use alloc::{
    borrow::ToOwned,
    string::{String, ToString},
};
use core::{fmt, marker::PhantomData, str, time::Duration};

use http::{
    HeaderMap, HeaderValue, Response, Uri,
    header::{CONTENT_ENCODING, CONTENT_TYPE, DATE, LOCATION, RETRY_AFTER},
};
use serde::{
    Deserialize, Deserializer,
    de::{
        DeserializeOwned, DeserializeSeed, Error, IgnoredAny, IntoDeserializer, MapAccess, Visitor,
        value::{BorrowedStrDeserializer, MapAccessDeserializer, StringDeserializer},
    },
};
use serde_json::value::RawValue;

use crate::{
    actions::Action,
    header::X_TC_REQUEST_ID,
    response_error::{ApiError, ErrorCode, ResponseError, ResponseErrorKind as Kind},
    text::{nonempty_text, snippet},
    time::{PLAUSIBLE, http_date},
};

/// The largest answer that is read, in bytes; real ones stay below a few thousand.
pub const ANSWER_LIMIT: usize = 1 << 20;

/// A good answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer<T> {
    /// What the action gives.
    pub response: T,
    /// The id to quote to the service's support.
    pub request_id: Option<String>,
}

/// Reads the answer to an action from status, headers and bytes.
///
/// ```
/// use http::Response;
/// use tcss_export_core::{DescribeExportJobResult, ExportStatus, read_answer};
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
/// A [`ResponseError`] whose kind is [`Api`](Kind::Api) if the service refused, whatever the HTTP
/// status. Else the first of these that is the case: [`Redirect`](Kind::Redirect) for a status of
/// 300 to 399, [`Encoding`](Kind::Encoding) for a compressed body, [`TooLarge`](Kind::TooLarge),
/// [`Empty`](Kind::Empty), [`Page`](Kind::Page) for a body that does not begin like a JSON object,
/// [`Truncated`](Kind::Truncated) for JSON that ends too early, in the middle of a character too,
/// [`NotJson`](Kind::NotJson), [`Unexpected`](Kind::Unexpected) without a `Response` object of
/// this action, [`Status`](Kind::Status) for a good answer with a status outside 200 to 299.
pub fn read_answer<A: Action>(
    response: &Response<impl AsRef<[u8]>>,
) -> Result<Answer<A::Response>, ResponseError> {
    let (status, headers) = (response.status(), response.headers());
    let json = match foreign_coding(headers) {
        Some(coding) => Err(Kind::Encoding(coding)),
        None => object_text(response.body().as_ref(), headers),
    };
    let (result, request_id) = match json {
        Ok(json) => members::<A>(json),
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

/// Returns the host that a redirect points to, if it names one.
pub(crate) fn redirect_host(headers: &HeaderMap) -> Option<String> {
    let location = headers.get(LOCATION).and_then(|value| value.to_str().ok());
    let target = location.and_then(|location| location.parse::<Uri>().ok())?;
    // A relative target may be taken for a host.
    target.scheme().and_then(|_| target.host()).map(ToString::to_string)
}

/// Returns the coding of a body that is not as it was asked for.
pub(crate) fn foreign_coding(headers: &HeaderMap) -> Option<String> {
    let is_coded = |value: &&HeaderValue| !value.as_bytes().eq_ignore_ascii_case(b"identity");
    let coding = headers.get_all(CONTENT_ENCODING).iter().filter(|v| !v.is_empty()).find(is_coded);
    coding.map(|coding| String::from_utf8_lossy(coding.as_bytes()).into())
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Returns the text of a body that begins like a JSON object.
fn object_text<'b>(body: &'b [u8], headers: &HeaderMap) -> Result<&'b str, Kind> {
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
        Some(_) => not_json(&body[..error.valid_up_to()]),
    })
}

/// Names the place after `valid` as the first that is not JSON.
fn not_json(valid: &[u8]) -> Kind {
    let line = 1 + valid.iter().filter(|b| **b == b'\n').count();
    let column = 1 + valid.iter().rev().take_while(|b| **b != b'\n').count();
    Kind::NotJson { line, column }
}

/// Reads the text in one pass; in a second one if the members do not fit the action, because an
/// error of the service says so in other members.
fn members<A: Action>(json: &str) -> (Result<A::Response, Kind>, Option<String>) {
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

/// Tells a number that is cut after its sign, point or exponent, which serde_json takes for bad
/// syntax: with one more digit it is whole, and only the end of the text comes too early.
fn cut_number_or_not_json(json: &str, error: &serde_json::Error) -> Kind {
    let is_cut = json.ends_with(['-', '+', '.', 'e', 'E'])
        && serde_json::from_str::<IgnoredAny>(&[json, "0"].concat()).is_err_and(|e| e.is_eof());
    if is_cut {
        return Kind::Truncated;
    }
    Kind::NotJson { line: error.line(), column: error.column() }
}

/// Parses `Retry-After`: seconds, or a date relative to the answer's own.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?;
    if let Some(seconds) = value.to_str().ok().and_then(|text| text.trim().parse().ok()) {
        return Some(Duration::from_secs(seconds));
    }
    let sent = http_date(headers.get(DATE)?, PLAUSIBLE.start)?;
    let until = http_date(value, sent)?;
    let millis = until.unix_millis().saturating_sub(sent.unix_millis());
    Some(Duration::from_millis(millis.try_into().unwrap_or_default()))
}

fn header_text(value: Option<&HeaderValue>) -> Option<String> {
    let text = value?.to_str().ok()?;
    (!text.is_empty()).then(|| text.to_string())
}

// MODDOC The JSON around every answer, read in one pass and without a buffer: members of the action go straight to its type, `Error` and `RequestId` are taken out on the way.
/// The whole answer: a `Response` object, or a flat error of the older kind.
#[derive(Deserialize)]
pub(crate) struct Envelope<'a, T> {
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
    /// Splits into the action's members or the service's error, and the request id.
    pub(crate) fn into_result(self) -> (Result<T, Kind>, Option<String>) {
        let flat_error = self.flat_error();
        match self.response {
            Some(Members { error: Some(error), request_id, .. }) => {
                (Err(Kind::Api(error)), request_id)
            }
            Some(Members { of_action, error: None, request_id }) => (Ok(of_action), request_id),
            None => (Err(flat_error.map_or(Kind::Unexpected, Kind::Api)), None),
        }
    }

    /// Reads `{"code":4100,"message":"m","codeDesc":"AuthFailure"}`; a code of 0 is no error.
    fn flat_error(&self) -> Option<ApiError> {
        let number = number_or_text(self.code?)?;
        if number == "0" {
            return None;
        }
        let code = nonempty_text(self.code_desc).unwrap_or(number);
        let message = nonempty_text(self.message).unwrap_or_default();
        Some(ApiError { code: ErrorCode::new(code), message })
    }
}

/// The members of the `Response` object.
struct Members<T> {
    of_action: T,
    error: Option<ApiError>,
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
        let (mut error, mut request_id) = (None, None);
        let others = Others { map, error: &mut error, request_id: &mut request_id };
        let of_action = T::deserialize(MapAccessDeserializer::new(others))?;
        let error = error.filter(|json| json.get() != "null").map(api_error);
        Ok(Members { of_action, error, request_id: nonempty_text(request_id) })
    }
}

/// Gives all members but `Error` and `RequestId`, and puts these two aside.
struct Others<'s, 'de, A> {
    map: A,
    error: &'s mut Option<&'de RawValue>,
    request_id: &'s mut Option<&'de RawValue>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Others<'_, 'de, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        while let Some(key) = self.map.next_key::<Key<'de>>()? {
            let (name, place) = match key.as_str() {
                "Error" => ("Error", &mut *self.error),
                "RequestId" => ("RequestId", &mut *self.request_id),
                _ => return key.pass_on(seed).map(Some),
            };
            // Of two errors, the second could be a null that hides the first.
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

/// The name of a member; only one with escapes is not borrowed.
enum Key<'de> {
    Borrowed(&'de str),
    Owned(String),
}

impl<'de> Key<'de> {
    fn as_str(&self) -> &str {
        match self {
            Self::Borrowed(key) => key,
            Self::Owned(key) => key,
        }
    }

    fn pass_on<K: DeserializeSeed<'de>, E: Error>(self, seed: K) -> Result<K::Value, E> {
        match self {
            Self::Borrowed(key) => seed.deserialize(BorrowedStrDeserializer::new(key)),
            Self::Owned(key) => {
                let key: StringDeserializer<E> = key.into_deserializer();
                seed.deserialize(key)
            }
        }
    }
}

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(KeyVisitor)
    }
}

struct KeyVisitor;

impl<'de> Visitor<'de> for KeyVisitor {
    type Value = Key<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a member")
    }

    fn visit_borrowed_str<E>(self, key: &'de str) -> Result<Key<'de>, E> {
        Ok(Key::Borrowed(key))
    }

    fn visit_str<E>(self, key: &str) -> Result<Key<'de>, E> {
        Ok(Key::Owned(key.to_owned()))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ErrorMembers<'a> {
    #[serde(borrow)]
    code: Option<&'a RawValue>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
}

/// Reads `{"Code":..,"Message":..}`. Whatever else stands there is an error all the same, without
/// a code and with the beginning of its JSON as the message.
fn api_error(json: &RawValue) -> ApiError {
    // An array would be read as members in their order.
    let object = Some(json.get()).filter(|json| json.starts_with('{'));
    let members = object.and_then(|json| serde_json::from_str::<ErrorMembers<'_>>(json).ok());
    let code = members.as_ref().and_then(|members| nonempty_text(members.code)).unwrap_or_default();
    let message = members.and_then(|members| nonempty_text(members.message));
    let message = message.unwrap_or_else(|| snippet(json.get()));
    ApiError { code: ErrorCode::new(code), message }
}

fn number_or_text(json: &RawValue) -> Option<String> {
    let is_number = json.get().starts_with(|c: char| c == '-' || c.is_ascii_digit());
    if is_number { Some(json.get().to_owned()) } else { nonempty_text(Some(json)) }
}
