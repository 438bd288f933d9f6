//! The limits of requests and connections.

use std::time::Duration;

use http::Request;
use tcss_export_core::Policy;

/// The limit for making a connection, including proxy and TLS.
///
/// Over hyper it includes the look-up of the name. Over ureq the look-up has a second limit of the
/// same length.
pub const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// Idle connections are closed after this time. The service closes them after 60 s.
pub const IDLE_LIMIT: Duration = Duration::from_secs(50);

/// The limit of an exchange with the service, an extension of each request: the policy's, or less
/// if a download has less time left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExchangeLimit(Duration);

impl ExchangeLimit {
    /// Returns the limit of a request: [`Policy::EXCHANGE_LIMIT`] if it has none.
    #[must_use]
    pub fn of<B>(request: &Request<B>) -> Duration {
        request.extensions().get().map_or(Policy::EXCHANGE_LIMIT, |Self(limit)| *limit)
    }

    pub(crate) fn add<B>(limit: Duration, request: &mut Request<B>) {
        request.extensions_mut().insert(Self(limit));
    }
}
