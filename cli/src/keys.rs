//! Credentials from the environment, and from nowhere else.

use std::{env, fmt};

use tcss_export::{Credentials, Field};

use crate::failure::{Failure, Kind};

pub(crate) const SECRET_ID: &str = "TENCENTCLOUD_SECRET_ID";
pub(crate) const SECRET_KEY: &str = "TENCENTCLOUD_SECRET_KEY";
/// The tools of the service do not agree on one name; the first that is not empty counts.
const TOKENS: [&str; 3] =
    ["TENCENTCLOUD_TOKEN", "TENCENTCLOUD_SESSION_TOKEN", "TENCENTCLOUD_SECURITY_TOKEN"];

/// A key pair as text, as the test service takes it.
pub(crate) struct Pair {
    pub(crate) secret_id: String,
    pub(crate) secret_key: String,
}

pub(crate) fn credentials() -> Result<Credentials, Failure> {
    let pair = pair()?.ok_or_else(|| missing(&format!("{SECRET_ID} and {SECRET_KEY}")))?;
    let credentials = pair.credentials()?;
    match token()? {
        Some((name, token)) => {
            credentials.with_token(token).map_err(|error| refused(name, error.reason()))
        }
        None => Ok(credentials),
    }
}

/// Returns the pair of the environment, or `None` if neither half is set.
pub(crate) fn pair() -> Result<Option<Pair>, Failure> {
    match (variable(SECRET_ID)?, variable(SECRET_KEY)?) {
        (Some(secret_id), Some(secret_key)) => {
            let pair = Pair { secret_id, secret_key };
            pair.credentials()?;
            Ok(Some(pair))
        }
        (None, None) => Ok(None),
        (None, Some(_)) => Err(missing(SECRET_ID)),
        (Some(_), None) => Err(missing(SECRET_KEY)),
    }
}

/// Returns the values that no output may hold.
pub(crate) fn secrets() -> impl Iterator<Item = String> {
    [SECRET_KEY].into_iter().chain(TOKENS).filter_map(|name| variable(name).ok().flatten())
}

impl Pair {
    fn credentials(&self) -> Result<Credentials, Failure> {
        Credentials::new(&*self.secret_id, &*self.secret_key).map_err(|error| {
            let is_id = error.field() == Field::SecretId;
            refused(if is_id { SECRET_ID } else { SECRET_KEY }, error.reason())
        })
    }
}

fn token() -> Result<Option<(&'static str, String)>, Failure> {
    for name in TOKENS {
        if let Some(token) = variable(name)? {
            return Ok(Some((name, token)));
        }
    }
    Ok(None)
}

/// Reads a variable; an empty one stands for none.
fn variable(name: &str) -> Result<Option<String>, Failure> {
    match env::var_os(name).map(|value| value.into_string()) {
        Some(Ok(value)) if !value.is_empty() => Ok(Some(value)),
        Some(Err(_)) => Err(refused(name, "is not valid UTF-8")),
        _ => Ok(None),
    }
}

fn missing(names: &str) -> Failure {
    Failure::new(Kind::Usage, format!("{names} must be set"))
        .with_hint("set both parts of the key pair in the environment; the demo command needs none")
}

fn refused(name: &str, reason: impl fmt::Display) -> Failure {
    Failure::new(Kind::Usage, format!("{name} {reason}"))
        .with_hint("set it again, without quotes, spaces or line breaks")
}
