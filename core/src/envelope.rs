//! The JSON around every answer, read in one pass and without a buffer: members of the action go
//! straight to its type, `Error` and `RequestId` are taken out on the way.

use alloc::{borrow::ToOwned, string::String};
use core::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{
        DeserializeOwned, DeserializeSeed, Error, IntoDeserializer, MapAccess, Visitor,
        value::{BorrowedStrDeserializer, MapAccessDeserializer, StringDeserializer},
    },
};
use serde_json::value::RawValue;

use crate::{
    response_error::{ApiError, ErrorCode, ResponseErrorKind as Kind},
    text::{json_text, snippet},
};

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
        let code = text(self.code_desc).unwrap_or(number);
        let message = text(self.message).unwrap_or_default();
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
        Ok(Members { of_action, error, request_id: text(request_id) })
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
    let code = members.as_ref().and_then(|members| text(members.code)).unwrap_or_default();
    let message = members.and_then(|members| text(members.message));
    let message = message.unwrap_or_else(|| snippet(json.get()));
    ApiError { code: ErrorCode::new(code), message }
}

/// Reads a text that is not empty.
fn text(json: Option<&RawValue>) -> Option<String> {
    json_text(json?).filter(|text| !text.is_empty())
}

fn number_or_text(json: &RawValue) -> Option<String> {
    let is_number = json.get().starts_with(|c: char| c == '-' || c.is_ascii_digit());
    if is_number { Some(json.get().to_owned()) } else { text(Some(json)) }
}
