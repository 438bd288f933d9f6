use std::{fmt, pin::Pin, sync::Arc};

use tcss_export_core::Credentials;

use crate::transport_error::TransportError;

type Given = Result<Credentials, TransportError>;
type Give = dyn Fn(bool) -> Given + Send + Sync;
type GiveLater = dyn Fn(bool) -> Pin<Box<dyn Future<Output = Given> + Send>> + Send + Sync;

/// Where a client gets its credentials from: a fixed set, or a function that is asked at each
/// request.
#[derive(Clone)]
pub struct CredentialSource(Source);

#[derive(Clone)]
enum Source {
    Now(Arc<Give>),
    Later(Arc<GiveLater>),
}

impl CredentialSource {
    /// Creates a source from a function; with `true` the last credentials were refused.
    ///
    /// An error whose fault is [`SendFault::Permanent`](tcss_export_core::SendFault::Permanent)
    /// ends a wait; after any other it is asked again. The async client calls it within its task,
    /// so there it must not block.
    pub fn from_fn(
        give: impl Fn(bool) -> Result<Credentials, TransportError> + Send + Sync + 'static,
    ) -> Self {
        Self(Source::Now(Arc::new(give)))
    }

    /// Creates a source from an async function, for an async client: a fetch that takes longer than
    /// an exchange may is given up.
    pub fn from_async_fn<F>(give: impl Fn(bool) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Credentials, TransportError>> + Send + 'static,
    {
        Self(Source::Later(Arc::new(move |fresh| Box::pin(give(fresh)))))
    }

    /// Asks for credentials.
    ///
    /// # Errors
    ///
    /// Whatever the function gives; a fixed set never fails.
    pub async fn credentials(&self, fresh: bool) -> Result<Credentials, TransportError> {
        match &self.0 {
            Source::Now(give) => give(fresh),
            Source::Later(give) => give(fresh).await,
        }
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
