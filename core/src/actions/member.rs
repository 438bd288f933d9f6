//! Members of answers, each of any JSON type: what is not readable is none, and hides no other.

use alloc::string::String;
use core::str::FromStr;

use serde_json::value::RawValue;

use crate::text::json_text;

/// Reads a text that is not empty.
pub(super) fn text(json: Option<&RawValue>) -> Option<String> {
    json_text(json?).filter(|text| !text.is_empty())
}

/// Reads a number or a text that holds one.
///
/// The number is read as a text is, because serde_json may miss the nearest one.
fn number<T: FromStr>(json: Option<&RawValue>) -> Option<T> {
    let json = json?;
    match json_text(json) {
        Some(text) => text.parse().ok(),
        None => json.get().parse().ok(),
    }
}

/// Reads how many there are.
pub(super) fn count(json: Option<&RawValue>) -> Option<u64> {
    number(json)
}

/// Reads a progress; infinities and NaN are none.
pub(super) fn progress(json: Option<&RawValue>) -> Option<f64> {
    number(json).filter(|number: &f64| number.is_finite())
}
