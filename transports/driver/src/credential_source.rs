use std::{error::Error, fmt, sync::Arc};

use tcss_export_core::{Credentials, SendFault};

use crate::error::TransportError;

type Give = dyn Fn(bool) -> Result<Credentials, TransportError> + Send + Sync;

/// Where a client gets its credentials from: a fixed set, or a function that is asked at each
/// request.
#[derive(Clone)]
pub struct CredentialSource(Arc<Give>);

impl CredentialSource {
    /// Creates a source from a function; with `true` the last credentials were refused.
    ///
    /// An error of the function ends a wait. One that may pass is a [`TransportError`] with
    /// another fault than [`SendFault::Permanent`]; see [`CredentialSource::from_fallible_fn`].
    pub fn from_fn<E>(give: impl Fn(bool) -> Result<Credentials, E> + Send + Sync + 'static) -> Self
    where
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        Self::from_fallible_fn(move |fresh| {
            give(fresh).map_err(|error| TransportError::new(SendFault::Permanent, error))
        })
    }

    /// Creates a source from a function that says by the fault of its error whether asking again
    /// may help.
    pub fn from_fallible_fn(
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
        Self::from_fallible_fn(move |_| Ok(credentials.clone()))
    }
}

impl fmt::Debug for CredentialSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CredentialSource(..)")
    }
}
