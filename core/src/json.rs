//! Reads JSON members one by one, so that an unusable optional member does not affect the others.

use alloc::{borrow::Cow, string::String};
use core::{fmt, str::FromStr};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// Reads the members of an object that have these names.
///
/// # Errors
///
/// An error of the deserializer, also for JSON that is not an object.
pub(crate) fn members<'de, D: Deserializer<'de>, const N: usize>(
    json: D,
    names: [&'static str; N],
) -> Result<[Member<'de>; N], D::Error> {
    json.deserialize_map(Names(names))
}

/// A member of an object.
#[derive(Clone, Copy)]
pub(crate) enum Member<'a> {
    Absent,
    Once(&'a RawValue),
    /// The object has several values, and none has priority.
    Repeated,
}

impl<'a> Member<'a> {
    pub(crate) const fn add(&mut self, json: &'a RawValue) {
        *self = match self {
            Self::Absent => Self::Once(json),
            _ => Self::Repeated,
        };
    }

    /// Returns the value, unless it is absent, null or repeated.
    pub(crate) fn value(self) -> Option<&'a RawValue> {
        match self {
            Self::Once(json) if json.get() != "null" => Some(json),
            _ => None,
        }
    }

    /// Returns the value, unless it is absent or null.
    ///
    /// # Errors
    ///
    /// The error for a repeated member.
    pub(crate) fn sole<E: Error>(self, name: &'static str) -> Result<Option<&'a RawValue>, E> {
        match self {
            Self::Repeated => Err(E::duplicate_field(name)),
            member => Ok(member.value()),
        }
    }
}

/// Reads the values of these names. As a seed, reads a name as its position in the list.
#[derive(Clone, Copy)]
struct Names<const N: usize>([&'static str; N]);

impl<'de, const N: usize> Visitor<'de> for Names<N> {
    type Value = [Member<'de>; N];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = [Member::Absent; N];
        while let Some(at) = map.next_key_seed(Position(&self.0))? {
            match at.and_then(|at| members.get_mut(at)) {
                Some(member) => member.add(map.next_value()?),
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(members)
    }
}

/// Reads a name as its position in this list.
struct Position<'n>(&'n [&'static str]);

impl<'de> DeserializeSeed<'de> for Position<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, key: D) -> Result<Option<usize>, D::Error> {
        key.deserialize_str(self)
    }
}

impl Visitor<'_> for Position<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Option<usize>, E> {
        Ok(self.0.iter().position(|name| *name == key))
    }
}

/// Reads a string that is not empty. Other JSON is `None`, here and in the functions below.
pub(crate) fn text(json: &RawValue) -> Option<String> {
    json_text(json).filter(|text| !text.is_empty()).map(Cow::into_owned)
}

/// Reads a string that a program uses, such as an id. Undecodable bytes, here or at the service,
/// make it unusable.
pub(crate) fn exact_text(json: &RawValue) -> Option<String> {
    text(json).filter(|text| !has_lost_bytes(text))
}

/// Returns whether a text has U+FFFD, which replaces undecodable bytes.
pub(crate) fn has_lost_bytes(text: &str) -> bool {
    // The first byte of U+FFFD is rare, and this search is fast.
    has_byte(text, 0xef) && text.contains(char::REPLACEMENT_CHARACTER)
}

/// Searches without an early exit, so that the compiler can vectorize the loop.
fn has_byte(text: &str, byte: u8) -> bool {
    text.bytes().fold(false, |found, b| found | (b == byte))
}

/// Reads a number, or a string that contains one.
///
/// It does not use serde_json, which may round the last digit.
pub(crate) fn number<T: FromStr>(json: &RawValue) -> Option<T> {
    text_or_json(json).parse().ok()
}

/// Reads a progress, which must be finite.
pub(crate) fn progress(json: &RawValue) -> Option<f64> {
    number(json).filter(|progress: &f64| progress.is_finite())
}

/// Returns the text of a JSON string, or the JSON of another type.
pub(crate) fn text_or_json(json: &RawValue) -> Cow<'_, str> {
    json_text(json).unwrap_or_else(|| json.get().into())
}

/// Decodes a JSON string. Half of a surrogate pair becomes U+FFFD.
fn json_text(json: &RawValue) -> Option<Cow<'_, str>> {
    #[derive(Deserialize)]
    struct Bytes<'a>(#[serde(borrow)] Cow<'a, [u8]>);

    let inner = json.get().strip_prefix('"')?.strip_suffix('"')?;
    // serde_json has checked the syntax, so text without escapes needs no decoding.
    if !has_byte(inner, b'\\') {
        return Some(inner.into());
    }
    let Bytes(bytes) = serde_json::from_str(json.get()).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned().into())
}

/// Replaces with U+FFFD everything that JSON forbids in a string: bytes that are not UTF-8, control
/// characters, and backslashes that begin no escape. Outside strings, replaces `NaN` and infinities
/// with empty strings.
///
/// In GBK and Big5 the second byte of a character may be a backslash. With `is_double_byte`, such a
/// backslash begins no escape. Other second bytes have no meaning in JSON.
pub(crate) fn repaired(body: &[u8], is_double_byte: bool) -> String {
    const NOT_UTF8: u8 = 0xff;
    let mut bytes = body.to_vec();
    let (mut in_string, mut at) = (false, 0);
    while let Some([byte, rest @ ..]) = bytes.get_mut(at..) {
        at += 1;
        match *byte {
            b'"' => in_string = !in_string,
            b'\\' if in_string && is_escape(rest) => at += 1,
            b'\\' | ..0x20 if in_string => *byte = NOT_UTF8,
            b'N' | b'I' | b'-' if !in_string => {
                at += blank_no_number(byte, rest).unwrap_or_default();
            }
            0x81.. if is_double_byte => match rest.first_mut() {
                Some(second @ b'\\') => (*second, at) = (NOT_UTF8, at + 1),
                Some(second) if !second.is_ascii() => at += 1,
                _ => {}
            },
            _ => {}
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Replaces `NaN` or an infinity by an empty string. Returns the length of what follows its first
/// byte.
fn blank_no_number(first: &mut u8, rest: &mut [u8]) -> Option<usize> {
    const NO_NUMBERS: [&[u8]; 3] = [b"NaN", b"Infinity", b"-Infinity"];
    let is_here = |text: &&[u8]| text.first() == Some(first) && rest.starts_with(&text[1..]);
    let length = NO_NUMBERS.into_iter().find(is_here)?.len() - 1;
    *first = b'"';
    let rest = rest.get_mut(..length)?;
    rest.fill(b' ');
    *rest.first_mut()? = b'"';
    Some(length)
}

/// Returns whether these bytes after a backslash complete an escape.
fn is_escape(rest: &[u8]) -> bool {
    match rest {
        [b'u', digits @ ..] => {
            digits.get(..4).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
        }
        [byte, ..] => b"\"\\/bfnrt".contains(byte),
        [] => false,
    }
}
