//! Reads JSON members one by one, so that an unusable optional member does not affect the others.

mod reader;

use alloc::{borrow::Cow, string::String};
use core::{iter, str::FromStr};

use serde::Deserialize;

pub(crate) use self::reader::Reader;
use crate::response_error::ResponseErrorKind;

/// One JSON value, whose syntax has been checked.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Json<'a> {
    /// The text of a string that is ASCII and has no escapes.
    Plain(&'a [u8]),
    /// Any other JSON.
    Other(&'a [u8]),
}

impl<'a> Json<'a> {
    /// Returns the values of these names in an object. Other JSON has none.
    pub(crate) fn values_of<const N: usize>(self, names: [&str; N]) -> [Member<Self>; N] {
        self.reader().values_of(names).unwrap_or([Member::Absent; N])
    }

    /// Returns the elements of an array. Other JSON is `None`.
    pub(crate) fn elements(self) -> Option<impl Iterator<Item = Self>> {
        let mut reader = self.reader();
        reader.begin(b'[')?;
        Some(iter::from_fn(move || {
            let element = reader.value()?;
            reader.more(b']')?;
            Some(element)
        }))
    }

    const fn reader(self) -> Reader<'a> {
        match self {
            Self::Plain(_) => Reader::new(b""),
            Self::Other(json) => Reader::new(json),
        }
    }

    /// Returns whether it is a string with this text.
    #[inline]
    pub(crate) fn is(self, text: &str) -> bool {
        match self {
            Self::Plain(plain) => plain == text.as_bytes(),
            Self::Other(json) => decodes_to(json, text),
        }
    }

    /// Reads a string that is not empty. Other JSON is `None`, here and in the functions below.
    pub(crate) fn text(self) -> Option<String> {
        let text = self.decoded().filter(|text| !text.is_empty())?;
        String::from_utf8(text.into_owned()).ok()
    }

    /// Reads a string that a program uses, such as an id. Undecodable bytes, here or at the
    /// service, make it unusable.
    pub(crate) fn exact_text(self) -> Option<String> {
        self.text().filter(|text| matches!(self, Self::Plain(_)) || !has_lost_bytes(text))
    }

    /// Reads a number, or a string that contains one.
    ///
    /// It does not use serde_json, which may round the last digit.
    pub(crate) fn number<T: FromStr>(self) -> Option<T> {
        str::from_utf8(&self.text_or_json()).ok()?.parse().ok()
    }

    /// Reads a progress, which must be finite.
    pub(crate) fn progress(self) -> Option<f64> {
        self.number().filter(|progress: &f64| progress.is_finite())
    }

    /// Returns the text of a string, or the JSON of another type.
    pub(crate) fn text_or_json(self) -> Cow<'a, [u8]> {
        match (self, self.decoded()) {
            (Self::Other(json), None) => json.into(),
            (_, text) => text.unwrap_or_default(),
        }
    }

    /// Decodes a string. Bytes that are not UTF-8, and half of a surrogate pair, become U+FFFD.
    #[inline]
    fn decoded(self) -> Option<Cow<'a, [u8]>> {
        match self {
            Self::Plain(text) => Some(text.into()),
            Self::Other(json @ [b'"', ..]) => Some(with_escapes(json)?.into_bytes().into()),
            Self::Other(_) => None,
        }
    }
}

fn decodes_to(json: &[u8], text: &str) -> bool {
    // JSON is longer than its text, by quotes and escapes. Shorter names need no decoding.
    json.len() > text.len() && with_escapes(json).is_some_and(|decoded| decoded == text)
}

fn with_escapes(json: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Bytes<'a>(#[serde(borrow)] Cow<'a, [u8]>);

    let Bytes(bytes) = serde_json::from_slice(json).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// A member of an object.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Member<T> {
    Absent,
    Once(T),
    /// The object has several values of this name, and none has priority.
    Repeated,
}

impl<T> Member<T> {
    pub(crate) fn add(&mut self, value: T) {
        *self = match self {
            Self::Absent => Self::Once(value),
            _ => Self::Repeated,
        };
    }
}

impl<'a> Member<Json<'a>> {
    /// Returns the value, unless it is absent, null or repeated.
    pub(crate) fn value(self) -> Option<Json<'a>> {
        match self {
            Self::Once(Json::Other(b"null")) | Self::Absent | Self::Repeated => None,
            Self::Once(json) => Some(json),
        }
    }

    /// Returns the value, unless it is absent or null.
    ///
    /// # Errors
    ///
    /// [`ResponseErrorKind::Unexpected`] for a repeated member.
    pub(crate) fn sole(self) -> Result<Option<Json<'a>>, ResponseErrorKind> {
        match self {
            Self::Repeated => Err(ResponseErrorKind::Unexpected),
            member => Ok(member.value()),
        }
    }
}

/// Adds a value to the member with its name, if the name is one of these.
pub(crate) fn add_member<'a, const N: usize>(
    values: &mut [Member<Json<'a>>; N],
    names: [&str; N],
    name: Json<'a>,
    value: Json<'a>,
) {
    let at = names.iter().position(|known| name.is(known));
    if let Some(member) = at.and_then(|at| values.get_mut(at)) {
        member.add(value);
    }
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
            b'\\' if in_string && Reader::new(rest).escape().is_some() => at += 1,
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
