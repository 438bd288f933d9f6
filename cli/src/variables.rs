//! The variables of the environment that hold keys.

use std::env;

pub(crate) const SECRET_ID: &str = "TENCENTCLOUD_SECRET_ID";
pub(crate) const SECRET_KEY: &str = "TENCENTCLOUD_SECRET_KEY";
/// The tools of the service do not agree on one name; the first that is not empty counts.
pub(crate) const TOKENS: [&str; 3] =
    ["TENCENTCLOUD_TOKEN", "TENCENTCLOUD_SESSION_TOKEN", "TENCENTCLOUD_SECURITY_TOKEN"];

/// The value of a variable is no text.
pub(crate) struct NotUtf8;

/// Reads a variable; an empty one stands for none.
pub(crate) fn read(name: &str) -> Result<Option<String>, NotUtf8> {
    match env::var_os(name).map(|value| value.into_string()) {
        Some(Ok(value)) if !value.is_empty() => Ok(Some(value)),
        Some(Err(_)) => Err(NotUtf8),
        _ => Ok(None),
    }
}

/// Returns the values that no output may hold.
pub(crate) fn secrets() -> impl Iterator<Item = String> {
    [SECRET_KEY].into_iter().chain(TOKENS).filter_map(|name| read(name).ok().flatten())
}
