//! Values of options, read from their text.

use std::{
    num::{IntErrorKind, ParseIntError},
    ops::RangeInclusive,
    time::Duration,
};

use tcss_export::{AssetType, BuildError, Language, signing::Timestamp};

/// What the known asset types begin with.
const ASSET: &str = "ASSET_";
/// How many jobs the service lists at a time.
const PAGE: RangeInclusive<u64> = 1..=100;

pub(super) fn language(text: &str) -> Result<Language, &'static str> {
    text.parse().map_err(|_| "expected zh-CN or en-US")
}

pub(super) fn seconds(text: &str) -> Result<Duration, &'static str> {
    let seconds: f64 = text.parse().map_err(|_| "expected a number of seconds like 90 or 0.5")?;
    Duration::try_from_secs_f64(seconds)
        .map_err(|_| "expected a finite number of seconds that is not negative")
}

/// Reads seconds of which there must be some: nothing could ever be done within none.
pub(super) fn some_seconds(text: &str) -> Result<Duration, &'static str> {
    let limit = seconds(text)?;
    if limit.is_zero() { Err("expected more than no time") } else { Ok(limit) }
}

pub(super) fn whole(text: &str) -> Result<u64, &'static str> {
    text.parse().map_err(|error: ParseIntError| match error.kind() {
        IntErrorKind::PosOverflow => "the number is too large",
        _ => "expected a whole number that is not negative",
    })
}

pub(super) fn page(text: &str) -> Result<u64, String> {
    let limit = whole(text)?;
    match PAGE.contains(&limit) {
        true => Ok(limit),
        false => Err(format!("expected {} to {}", PAGE.start(), PAGE.end())),
    }
}

/// Reads a number of bytes of which there must be some: no file would ever be small enough.
pub(super) fn some_bytes(text: &str) -> Result<u64, &'static str> {
    let bytes = whole(text)?;
    if bytes == 0 { Err("expected 1 or more") } else { Ok(bytes) }
}

pub(super) fn port(text: &str) -> Result<u16, String> {
    u16::try_from(whole(text)?).map_err(|_| format!("expected 0 to {}", u16::MAX))
}

pub(super) fn timestamp(text: &str) -> Result<Timestamp, String> {
    let seconds = text.parse().map_err(|_| "expected whole seconds since 1970")?;
    Timestamp::new(seconds).map_err(|error| error.to_string())
}

/// Reads a known type in any case of letters and with or without its `ASSET_`; any other text is
/// taken as it is.
pub(super) fn asset_type(text: &str) -> Result<AssetType, BuildError> {
    let upper = text.to_ascii_uppercase();
    let bare = upper.strip_prefix(ASSET).unwrap_or(&upper);
    let is_meant = |known: &AssetType| known.as_str().strip_prefix(ASSET) == Some(bare);
    match AssetType::KNOWN.into_iter().find(is_meant) {
        Some(known) => Ok(known),
        None => AssetType::new(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_asset_types_are_understood_in_each_spelling() {
        for (text, expected) in [
            ("host", "ASSET_HOST"),
            ("Asset_Host", "ASSET_HOST"),
            ("ASSET_K8S", "ASSET_K8S"),
            ("containerd_container", "ASSET_CONTAINERD_CONTAINER"),
        ] {
            assert_eq!(asset_type(text).unwrap().as_str(), expected);
        }
    }

    #[test]
    fn an_asset_type_that_nobody_knows_stays_as_it_is() {
        for text in ["Asset_new", "newer", "ASSET_"] {
            assert_eq!(asset_type(text).unwrap().as_str(), text);
        }
        assert!(asset_type("").is_err());
    }
}
