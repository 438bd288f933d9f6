//! What transports keep to.

use std::time::Duration;

use http::Request;
use tcss_export_core::Policy;

/// How long making a connection may take, proxy and TLS included.
///
/// Over hyper this includes looking up the name. Over ureq the lookup has a limit of its own, of
/// the same length; and a proxy on the way to the service has this time for each piece of its
/// answer.
pub const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// Idle connections are dropped after this; the service closes them after 60 s.
pub const IDLE_LIMIT: Duration = Duration::from_secs(50);

/// How long an exchange with the service may take. Each request that `send` is given holds it among
/// its extensions: that of the policy, or less where a download has less time left.
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
