//! Where a client gets its credentials.

use std::{fmt, future::ready, pin::Pin, sync::Arc};

use tcss_export_core::Credentials;

#[cfg(feature = "credentials")]
use crate::credentials::Chain;
use crate::{transport::Transport, transport_error::TransportError};

type CredentialsFuture = Pin<Box<dyn Future<Output = Result<Credentials, TransportError>> + Send>>;

/// The source of a client's credentials: a fixed set, a function that is called for each request,
/// or a chain of the usual places (feature `credentials`).
#[derive(Clone)]
pub struct CredentialSource(Source);

#[derive(Clone)]
enum Source {
    Function(Arc<dyn Fn(bool) -> CredentialsFuture + Send + Sync>),
    #[cfg(feature = "credentials")]
    Chain(Arc<Chain>),
}

impl CredentialSource {
    /// Creates a source from a function. Its argument is true if the service refused the last
    /// credentials.
    ///
    /// A [`TransportErrorKind::Permanent`](tcss_export_core::TransportErrorKind::Permanent) error
    /// ends a wait; any other error is retried. An async client calls it in its own task, so it
    /// must not block.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::{Arc, Mutex};
    ///
    /// use tcss_export_core::Credentials;
    /// use tcss_export_driver::CredentialSource;
    ///
    /// // Another part of the program replaces the keys when they are rotated.
    /// let current = Arc::new(Mutex::new(Credentials::new("AKIDEXAMPLE", "EXAMPLEKEY")?));
    /// let shared = Arc::clone(&current);
    /// let source = CredentialSource::from_fn(move |_| Ok(shared.lock().unwrap().clone()));
    /// # drop(source);
    /// # Ok::<(), tcss_export_core::BuildError>(())
    /// ```
    pub fn from_fn(
        give: impl Fn(bool) -> Result<Credentials, TransportError> + Send + Sync + 'static,
    ) -> Self {
        Self::from_async_fn(move |fresh| ready(give(fresh)))
    }

    /// Creates a source from an async function, for an async client; a blocking one waits for
    /// it on its thread. A fetch that takes longer than the limit of an exchange fails.
    ///
    /// # Examples
    ///
    /// ```
    /// # use tcss_export_core::Credentials;
    /// use tcss_export_driver::{CredentialSource, TransportError};
    /// # async fn vault() -> Result<Credentials, std::fmt::Error> { Err(std::fmt::Error) }
    ///
    /// let source = CredentialSource::from_async_fn(|_| async {
    ///     vault().await.map_err(TransportError::connection)
    /// });
    /// # drop(source);
    /// ```
    pub fn from_async_fn<F>(give: impl Fn(bool) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Credentials, TransportError>> + Send + 'static,
    {
        Self(Source::Function(Arc::new(move |fresh| Box::pin(give(fresh)))))
    }

    /// Returns credentials, over this transport if the source sends requests. With `fresh`, the
    /// service has refused the last ones.
    #[cfg_attr(
        not(feature = "credentials"),
        expect(unused_variables, reason = "only a chain sends requests")
    )]
    pub(crate) async fn credentials<T: Transport>(
        &self,
        transport: &T,
        fresh: bool,
    ) -> Result<Credentials, TransportError> {
        match &self.0 {
            Source::Function(give) => give(fresh).await,
            #[cfg(feature = "credentials")]
            Source::Chain(chain) => Ok(chain.find(transport, fresh).await?.credentials),
        }
    }
}

impl From<Credentials> for CredentialSource {
    fn from(credentials: Credentials) -> Self {
        Self::from_fn(move |_| Ok(credentials.clone()))
    }
}

/// Asks the chain over the transport of the client.
#[cfg(feature = "credentials")]
impl From<Chain> for CredentialSource {
    fn from(chain: Chain) -> Self {
        Self::from(Arc::new(chain))
    }
}

/// Shares the chain: other clients may use it too.
#[cfg(feature = "credentials")]
impl From<Arc<Chain>> for CredentialSource {
    fn from(chain: Arc<Chain>) -> Self {
        Self(Source::Chain(chain))
    }
}

impl fmt::Debug for CredentialSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CredentialSource(..)")
    }
}
