use std::{error::Error, fmt, ops::Deref};

use tcss_export_core::{WaitError, WaitErrorKind};

use super::TransportError;

/// A wait ended without a file: core's error, and the transport's own if that was the last fault.
#[derive(Debug)]
pub struct WaitFailure {
    error: WaitError,
    transport: Option<Box<TransportError>>,
}

impl WaitFailure {
    /// Takes the transport's last error, which counts only if it is what the wait ended by.
    pub(crate) fn new(error: WaitError, transport: Option<TransportError>) -> Self {
        let counts = matches!(error.kind, WaitErrorKind::Fault(_) | WaitErrorKind::TimedOut);
        let transport = transport.filter(|_| counts);
        Self { error, transport: transport.map(Box::new) }
    }

    /// Returns what the transport said, if the last exchange gave no answer.
    #[must_use]
    pub fn transport(&self) -> Option<&TransportError> {
        self.transport.as_deref()
    }
}

impl Deref for WaitFailure {
    type Target = WaitError;

    fn deref(&self) -> &WaitError {
        &self.error
    }
}

impl fmt::Display for WaitFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl Error for WaitFailure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.transport {
            Some(transport) => Some(&**transport),
            None => self.error.source(),
        }
    }
}
