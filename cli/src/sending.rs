//! A single exchange, made once more only when the service has refused it for the clock alone.

use tcss_export::{Action, Advice, Answer, ClockOffset, SendError, ureq::Client};

/// Sends an action. If the service finds the signed time off, it has done nothing, and its answer
/// has corrected the clock: that is told, and the action is sent once more, newly signed.
pub(crate) fn send<A: Action>(
    client: &Client,
    action: &A,
    corrected: impl FnOnce(ClockOffset),
) -> Result<Answer<A::Response>, SendError> {
    let before = client.clock_offset();
    let result = client.send(action);
    let offset = client.clock_offset();
    if offset == before || !is_of_the_clock(&result) {
        return result;
    }
    corrected(offset);
    client.send(action)
}

fn is_of_the_clock<T>(result: &Result<T, SendError>) -> bool {
    matches!(result, Err(SendError::Answer(error)) if error.advice() == Advice::CorrectClock)
}
