//! Credentials from the environment, and from nowhere else.

use std::fmt;

use tcss_export::{Credentials, Field};

use crate::{
    failure::{Failure, Kind},
    variables::{self, NotUtf8, SECRET_ID, SECRET_KEY, TOKENS},
};

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

fn variable(name: &str) -> Result<Option<String>, Failure> {
    variables::read(name).map_err(|NotUtf8| refused(name, "is not valid UTF-8"))
}

fn missing(names: &str) -> Failure {
    Failure::new(Kind::Usage, format!("{names} must be set"))
        .with_hint("set both parts of the key pair in the environment; the demo command needs none")
}

fn refused(name: &str, reason: impl fmt::Display) -> Failure {
    Failure::new(Kind::Usage, format!("{name} {reason}"))
        .with_hint("set it again, without quotes, spaces or line breaks")
}
