//! What the errors of hyper mean to a wait or a download.

use std::error::Error;

use hyper_util::client::legacy;
use tcss_export_core::SendFault;
use tcss_export_driver::{TransportError, tls};

/// Tells what the error of a request means that has no answer.
pub(crate) fn request_error(error: legacy::Error) -> TransportError {
    let is_before_sending = error.is_connect();
    let error = transport_error(error.into(), SendFault::Connection);
    if is_before_sending { error.before_sending() } else { error }
}

/// Tells what an error means; `broken` is what a broken connection means at this stage.
pub(crate) fn transport_error(
    error: Box<dyn Error + Send + Sync>,
    broken: SendFault,
) -> TransportError {
    TransportError::of_chain_with(error, broken, tls::is_permanent)
}
