//! The client: credentials from the environment, and single exchanges.

use std::fmt;

use tcss_export::{
    Credentials,
    actions::{Action, Answer},
    error::{Advice, Field, SendError},
    hyper::Client,
};

use crate::{
    args::Common,
    error::{Error, ErrorKind, Result},
    output::Output,
    secrets::{SECRET_ID, SECRET_KEY, token_variable, variable},
};

/// Creates the client for the options and the environment.
pub(crate) fn client(common: &Common) -> Result<Client> {
    Ok(Client::new(common.session()?, credentials()?))
}

/// Sends an action. If the service refuses it only because the clock is wrong, its answer corrects
/// the clock, and the action is signed and sent once more.
pub(crate) async fn send<A: Action>(
    client: &Client,
    action: &A,
    output: &Output,
) -> Result<Answer<A::Response>, SendError> {
    let before = client.clock_offset();
    let result = client.send(action).await;
    let offset = client.clock_offset();
    match &result {
        Err(SendError::Answer(error))
            if offset != before && error.advice() == Advice::CorrectClock =>
        {
            output.progress(&format!(
                "AuthFailure.SignatureExpire; clock corrected by {offset}; retrying at once"
            ));
            client.send(action).await
        }
        _ => result,
    }
}

pub(crate) fn credentials() -> Result<Credentials> {
    let pair = key_pair()?.ok_or_else(|| missing(&format!("{SECRET_ID} and {SECRET_KEY}")))?;
    let credentials = of_pair(&pair)?;
    let Some(name) = token_variable() else { return Ok(credentials) };
    let token = checked_variable(name)?.unwrap_or_default();
    credentials.with_token(token).map_err(|error| refused(name, error.reason()))
}

/// Returns the id and the secret key of the environment, or `None` if neither is set.
pub(crate) fn key_pair() -> Result<Option<(String, String)>> {
    match (checked_variable(SECRET_ID)?, checked_variable(SECRET_KEY)?) {
        (Some(secret_id), Some(secret_key)) => {
            let pair = (secret_id, secret_key);
            of_pair(&pair).map(|_| Some(pair))
        }
        (None, None) => Ok(None),
        (None, Some(_)) => Err(missing(SECRET_ID)),
        (Some(_), None) => Err(missing(SECRET_KEY)),
    }
}

fn of_pair((secret_id, secret_key): &(String, String)) -> Result<Credentials> {
    Credentials::new(&**secret_id, &**secret_key).map_err(|error| {
        let is_id = error.field() == Field::SecretId;
        refused(if is_id { SECRET_ID } else { SECRET_KEY }, error.reason())
    })
}

pub(crate) fn checked_variable(name: &str) -> Result<Option<String>> {
    let value = variable(name).map_err(|_| refused(name, "is not valid UTF-8"))?;
    match value.as_deref().and_then(remnant) {
        Some(reason) => Err(refused(name, reason)),
        None => Ok(value),
    }
}

/// Returns the problem of a value that no shell or template has expanded, as in an env file. Keys
/// and tokens of the service have no such characters.
fn remnant(value: &str) -> Option<&'static str> {
    const QUOTES: [char; 3] = ['"', '\'', '`'];
    if value.starts_with(QUOTES) || value.ends_with(QUOTES) {
        return Some("has quotes around it");
    }
    let is_reference = value.starts_with('$') || ["${", "$("].iter().any(|at| value.contains(at));
    if is_reference {
        return Some("names another variable or a command instead of its value");
    }
    let is_between = |first, last| value.starts_with(first) && value.ends_with(last);
    let is_placeholder = [("<", ">"), ("{", "}"), ("[", "]"), ("%", "%")];
    is_placeholder
        .iter()
        .any(|(first, last)| is_between(*first, *last))
        .then_some("is a placeholder")
}

fn missing(names: &str) -> Error {
    Error::new(ErrorKind::Usage, format!("{names} must be set"))
        .with_hint("set both parts of the key pair in the environment; the demo command needs none")
}

fn refused(name: &str, reason: impl fmt::Display) -> Error {
    Error::new(ErrorKind::Usage, format!("{name} {reason}"))
        .with_hint("set it to the value itself, without quotes, spaces or line breaks")
}
