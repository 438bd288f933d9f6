//! The client for the options, and single exchanges.

use tcss_export::{
    actions::{Action, Answer},
    credentials::Found,
    error::{Advice, SendError},
    hyper::Client,
};

use crate::{args::Common, error::Result, keys::Keys, output::Output, progress::shown};

/// Finds the key and creates the client.
pub(crate) async fn client(common: &Common, output: &Output) -> Result<Client> {
    common.session(None)?;
    let keys = Keys::new(common)?;
    let Found { region, warning, .. } = shown(output, keys.find(false)).await?;
    if let Some(warning) = warning {
        output.progress(&format!("warning: {warning}"));
    }
    let session = common.session(region.as_deref())?;
    Ok(Client::with_transport(session, keys.source(), keys.transport))
}

/// Sends an action. If the service refuses it only because the clock is wrong, its answer corrects
/// the clock, and the action is signed and sent once more.
pub(crate) async fn send<A: Action>(
    client: &Client,
    action: &A,
    output: &Output,
) -> Result<Answer<A::Response>, SendError> {
    let before = client.clock_offset();
    let result = shown(output, client.send(action)).await;
    let offset = client.clock_offset();
    match &result {
        Err(SendError::Answer(error))
            if offset != before && error.advice() == Advice::CorrectClock =>
        {
            output.progress(&format!(
                "AuthFailure.SignatureExpire; clock corrected by {offset}; retrying at once"
            ));
            shown(output, client.send(action)).await
        }
        _ => result,
    }
}
