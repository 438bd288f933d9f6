//! The client of the service, async on any runtime.

use std::{
    fmt,
    hash::{BuildHasher, Hasher, RandomState},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use tcss_export_core::{ClockOffset, Credentials, Mono, Now, Session, wait::Policy};

use crate::{
    budget::Budget,
    credential_source::CredentialSource,
    lock,
    transport::{self, Body, OwnedSend, Transport},
    transport_error::TransportError,
};

/// A client of the service over a transport, async on any runtime.
///
/// Clones share session, budget and connections. Every request starts once the [`Budget`] allows
/// it: only then are credentials fetched and the request signed and sent.
pub struct Client<T> {
    session: Arc<Mutex<Session>>,
    budget: Budget,
    policy: Policy,
    credentials: CredentialSource,
    transport: Arc<T>,
    /// Deadline for every exchange, if any.
    deadline: Option<Mono>,
    /// The next seed, if reproducible delays were requested.
    seeds: Option<Arc<AtomicU64>>,
    /// Whether the transport blocks the thread.
    pub(crate) blocks: bool,
}

impl<T: Transport + Default> Client<T> {
    /// Creates a client over the default transport.
    pub fn new(session: Session, credentials: impl Into<CredentialSource>) -> Self {
        Self::with_transport(session, credentials, T::default())
    }
}

impl<T: Transport> Client<T> {
    /// Creates a client over a configured transport.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::Cursor;
    ///
    /// use http::Response;
    /// use tcss_export_core::{Credentials, Endpoint, Session};
    /// use tcss_export_driver::{Client, blocking_fn};
    ///
    /// // Stands in for an HTTP client.
    /// let transport = blocking_fn(|_| Ok(Response::new(Cursor::new(r#"{"Response":{}}"#))));
    /// let session = Session::new(Endpoint::international());
    /// let credentials = Credentials::new("AKIDEXAMPLE", "EXAMPLEKEY")?;
    /// let client = Client::with_transport(session, credentials, transport);
    /// # drop(client);
    /// # Ok::<(), tcss_export_core::BuildError>(())
    /// ```
    pub fn with_transport(
        session: Session,
        credentials: impl Into<CredentialSource>,
        transport: T,
    ) -> Self {
        Self {
            session: Arc::new(Mutex::new(session)),
            budget: Budget::default(),
            policy: Policy::default(),
            credentials: credentials.into(),
            transport: Arc::new(transport),
            deadline: None,
            seeds: None,
            blocks: false,
        }
    }

    /// Returns a client over another transport that shares session and budget with this client.
    pub fn over<U: Transport>(&self, transport: U) -> Client<U> {
        self.over_shared(Arc::new(transport))
    }

    /// Sets the wait policy. Its exchange limit also applies to [`send`](Self::send).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use tcss_export_core::wait::Policy;
    /// use tcss_export_driver::{Client, Transport};
    ///
    /// fn patient<T: Transport>(client: Client<T>) -> Client<T> {
    ///     let mut policy = Policy::default();
    ///     policy.max_wait = Duration::from_secs(2 * 60 * 60);
    ///     client.with_policy(policy)
    /// }
    /// ```
    #[must_use]
    pub fn with_policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Uses this budget, which other clients may share. By default each client has its own, which
    /// its clones share.
    ///
    /// # Examples
    ///
    /// Two keys of one account share its quota:
    ///
    /// ```
    /// use tcss_export_driver::{Client, Transport};
    ///
    /// fn paced<T: Transport>(first: &Client<T>, second: Client<T>) -> Client<T> {
    ///     second.with_budget(first.budget().clone())
    /// }
    /// ```
    #[must_use]
    pub fn with_budget(mut self, budget: Budget) -> Self {
        self.budget = budget;
        self
    }

    /// Sets the seed of all random delays, to make runs reproducible. Without a seed, delays differ
    /// between waits and between runs.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.seeds = Some(Arc::new(AtomicU64::new(seed)));
        self
    }

    /// Returns the budget, to share it.
    pub const fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Returns the wait policy.
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Returns the offset of the local clock, as measured from the service's answers so far.
    pub fn clock_offset(&self) -> ClockOffset {
        self.session().clock_offset()
    }
}

/// Internals that waits, downloads and single exchanges share.
impl<T: Transport> Client<T> {
    pub(crate) fn now(&self) -> Now {
        self.transport.now()
    }

    pub(crate) fn transport(&self) -> Arc<T> {
        Arc::clone(&self.transport)
    }

    pub(crate) async fn sleep(&self, duration: Duration) {
        transport::sleep(&*self.transport, duration).await;
    }

    /// Gets credentials within the limit of an exchange, and until this moment at the latest.
    pub(crate) async fn credentials(
        &self,
        fresh: bool,
        until: Option<Mono>,
    ) -> Result<Credentials, TransportError> {
        let now = self.now().mono;
        let limit = now.saturating_add(self.exchange_limit(now));
        let end = until.map_or(limit, |until| until.min(limit));
        self.within(end, self.credentials.credentials(&*self.transport, fresh)).await
    }

    /// Sends a request to the service and reads its answer, within the limit of an exchange.
    pub(crate) async fn exchange(
        &self,
        request: Request<Bytes>,
        now: Mono,
    ) -> Result<Response<Bytes>, TransportError> {
        let (is_loopback, limit) = (self.has_loopback_endpoint(), self.exchange_limit(now));
        transport::exchange(&*self.transport, request, is_loopback, now, limit).await
    }

    /// Sends a download request, and waits until this moment for the head of the response.
    pub(crate) async fn fetch(
        &self,
        request: Request<()>,
        end: Mono,
    ) -> Result<Response<Body>, TransportError> {
        self.within(end, self.transport.send(request.map(|()| Bytes::new()))).await
    }

    /// Returns the exchange of a download request, if the transport can have several.
    pub(crate) fn fetch_owned(&self, request: Request<()>) -> Option<OwnedSend> {
        self.transport.send_owned(request.map(|()| Bytes::new()))
    }

    /// Drops the future if it is not ready by this moment.
    pub(crate) async fn within<O>(
        &self,
        end: Mono,
        future: impl Future<Output = Result<O, TransportError>>,
    ) -> Result<O, TransportError> {
        transport::within(&*self.transport, end, future).await
    }

    pub(crate) fn has_loopback_endpoint(&self) -> bool {
        self.session().endpoint().is_loopback()
    }

    /// Locks the session. The lock is held only while a request is signed or an answer is read.
    pub(crate) fn session(&self) -> MutexGuard<'_, Session> {
        lock(&self.session)
    }

    /// Returns the seed of the next wait or download.
    pub(crate) fn seed(&self) -> u64 {
        match &self.seeds {
            Some(seeds) => seeds.fetch_add(1, Ordering::Relaxed),
            None => RandomState::new().build_hasher().finish(),
        }
    }

    /// Returns a client whose waits and exchanges end no later than this deadline.
    pub(crate) fn until(&self, now: Mono, deadline: Mono) -> Self {
        let mut client = self.clone();
        let max_wait = deadline.saturating_since(now).min(client.policy.max_wait);
        client.policy.max_wait = max_wait;
        client.deadline = Some(deadline);
        client
    }

    /// Returns the limit of an exchange that starts now.
    pub(crate) fn exchange_limit(&self, now: Mono) -> Duration {
        let limit = self.policy.exchange_limit;
        self.deadline.map_or(limit, |deadline| deadline.saturating_since(now).min(limit))
    }
}

impl<T> Client<T> {
    fn over_shared<U>(&self, transport: Arc<U>) -> Client<U> {
        Client {
            session: Arc::clone(&self.session),
            budget: self.budget.clone(),
            policy: self.policy.clone(),
            credentials: self.credentials.clone(),
            transport,
            deadline: self.deadline,
            seeds: self.seeds.clone(),
            blocks: self.blocks,
        }
    }
}

impl<T> Clone for Client<T> {
    fn clone(&self) -> Self {
        self.over_shared(Arc::clone(&self.transport))
    }
}

impl<T> fmt::Debug for Client<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("session", &self.session)
            .field("budget", &self.budget)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}
