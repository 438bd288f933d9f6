//! The client for the options, and single exchanges.

use std::time::Duration;

use tcss_export::{
    actions::{Action, Answer},
    core::text::printable,
    credentials::Found,
    driver::clock,
    error::SendError,
    hyper::Client,
    wait::{Event, EventKind, Policy},
};

use crate::{
    args::Common,
    error::{Error, Result},
    keys::Keys,
    output::Output,
    progress::ExchangeProgress,
    wait::describe,
};

/// Finds the key and creates the client. It makes each request once.
pub(crate) async fn client(common: &Common, output: &Output) -> Result<Client> {
    common.session(None)?;
    let keys = Keys::new(common)?;
    let Found { region, warning, .. } =
        ExchangeProgress::new(output).shown(keys.find(false)).await?;
    if let Some(warning) = warning {
        output.progress(&format!("warning: {}", printable(&warning)));
    }
    let session = common.session(region.as_deref())?;
    Ok(keys.client(session))
}

/// Returns a policy that repeats single actions for this long. Without time, only a wrong clock and
/// refused credentials are corrected.
pub(crate) fn repeating(time: Option<Duration>) -> Policy {
    let mut policy = Policy::default();
    policy.max_wait = time.unwrap_or_default();
    policy
}

/// Sends an action, and repeats it as the policy of the client says while that is safe.
pub(crate) async fn send<A: Action>(
    client: &Client,
    action: &A,
    output: &Output,
) -> Result<Answer<A::Response>, Failure> {
    send_noting(client, action, output, |_| ()).await
}

/// Sends an action as [`send`] does. `note` gets each pause before it begins.
pub(crate) async fn send_noting<A: Action>(
    client: &Client,
    action: &A,
    output: &Output,
    mut note: impl FnMut(Duration),
) -> Result<Answer<A::Response>, Failure> {
    let (progress, started) = (ExchangeProgress::new(output), clock::now().mono);
    let mut retries = 0;
    let report = |event: &Event, error: &SendError| {
        retries = event.poll;
        if let EventKind::Retrying { delay, .. } = event.kind {
            note(delay);
        }
        let cause = match error {
            SendError::Transport(error) | SendError::Credentials(error) => Some(error),
            _ => None,
        };
        progress.line(&describe(event, cause).unwrap_or_default());
    };
    let answer = progress.shown(client.send_with_retries(action, report)).await;
    let elapsed = clock::now().mono.saturating_since(started);
    answer.map_err(|error| Failure { error, retries, elapsed })
}

/// The last error of an action, and the effort.
pub(crate) struct Failure {
    pub(crate) error: SendError,
    retries: u32,
    elapsed: Duration,
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        let Failure { error, retries, elapsed } = failure;
        match retries {
            0 => error.into(),
            _ => Self::from(error).with_effort(retries, elapsed),
        }
    }
}
