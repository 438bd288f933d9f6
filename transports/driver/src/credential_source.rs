use std::{fmt, sync::Arc};

use tcss_export_core::Credentials;

use crate::error::TransportError;

type Give = dyn Fn(bool) -> Result<Credentials, TransportError> + Send + Sync;

/// Where a client gets its credentials from: a fixed set, or a function that is asked at each
/// request.
#[derive(Clone)]
pub struct CredentialSource(Arc<Give>);

impl CredentialSource {
    /// Creates a source from a function; with `true` the last credentials were refused.
    ///
    /// An error whose fault is [`SendFault::Permanent`](tcss_export_core::SendFault::Permanent)
    /// ends a wait; after any other it is asked again. The async client calls it within its task,
    /// so there it must not block.
    pub fn from_fn(
        give: impl Fn(bool) -> Result<Credentials, TransportError> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(give))
    }

    /// Asks for credentials.
    ///
    /// # Errors
    ///
    /// Whatever the function gives; a fixed set never fails.
    pub fn credentials(&self, fresh: bool) -> Result<Credentials, TransportError> {
        (self.0)(fresh)
    }
}

impl From<Credentials> for CredentialSource {
    fn from(credentials: Credentials) -> Self {
        Self::from_fn(move |_| Ok(credentials.clone()))
    }
}

impl fmt::Debug for CredentialSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CredentialSource(..)")
    }
}
