use std::{error::Error, fmt};

use http::StatusCode;
use tcss_export_core::SendFault;

use super::Proxy;

/// A connection through a proxy did not come about, or it broke; holds nothing of the proxy's URL
/// but host and port.
#[derive(Debug)]
#[non_exhaustive]
pub enum TunnelError {
    /// The proxy answered, and did not connect.
    Refused {
        /// The proxy's host and port.
        proxy: String,
        /// The status of its answer.
        status: StatusCode,
    },
    /// The proxy was not reached, gave no whole answer, or what went through it broke.
    Failed {
        /// The proxy's host and port.
        proxy: String,
        /// What happened.
        source: Box<dyn Error + Send + Sync>,
    },
}

impl TunnelError {
    /// The proxy answered with this status, and did not connect.
    #[must_use]
    pub fn refused(proxy: &Proxy, status: StatusCode) -> Self {
        Self::Refused { proxy: proxy.to_string(), status }
    }

    /// This happened on the way to the proxy or through it.
    pub fn failed(proxy: &Proxy, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Failed { proxy: proxy.to_string(), source: source.into() }
    }

    /// Returns what it means to a wait, if that does not depend on where it came from: refusals
    /// are final, except those that tell of a passing state.
    pub(crate) fn fault(&self) -> Option<SendFault> {
        let Self::Refused { status, .. } = self else { return None };
        let passes = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS];
        Some(match status.is_server_error() || passes.contains(status) {
            true => SendFault::Connection,
            false => SendFault::Permanent,
        })
    }
}

impl fmt::Display for TunnelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { proxy, status } => {
                write!(f, "the proxy at {proxy} refused to connect with status {status}")
            }
            Self::Failed { proxy, .. } => {
                write!(f, "the connection through the proxy at {proxy} failed")
            }
        }
    }
}

impl Error for TunnelError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Refused { .. } => None,
            Self::Failed { source, .. } => Some(&**source),
        }
    }
}
