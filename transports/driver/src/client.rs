use std::{fmt, pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{io::AsyncWrite, stream::Stream};
use http::{Request, Response};
use tcss_export_core::{
    Action, Answer, BuildError, ClockOffset, Credentials, Finished, JobId, Now, Policy, Session,
};
#[cfg(feature = "serde")]
use tcss_export_core::{ResumeError, SavedWait};

use crate::{
    asynchronous::{self, Download, Wait, begin},
    budget::Budget,
    credential_source::CredentialSource,
    download::{Output, Source, Target},
    error::{SendError, TransportError, WaitFailure},
    shared::Shared,
    transport::{Transport, read_whole},
};

/// An async client of the service over a transport. Clones share session, budget and connections.
pub struct Client<T> {
    pub(crate) shared: Shared,
    credentials: CredentialSource,
    transport: Arc<T>,
}

impl<T: Transport + Default> Client<T> {
    /// Creates a client that works at once, over the transport as it is by default.
    pub fn new(session: Session, credentials: impl Into<CredentialSource>) -> Self {
        Self::with_transport(session, credentials, T::default())
    }
}

impl<T: Transport> Client<T> {
    /// Creates a client over a transport that was set up; instead of a session it can be given the
    /// [`Shared`] of another client.
    pub fn with_transport(
        session: impl Into<Shared>,
        credentials: impl Into<CredentialSource>,
        transport: T,
    ) -> Self {
        let (shared, credentials) = (session.into(), credentials.into());
        Self { shared, credentials, transport: Arc::new(transport) }
    }

    /// Sets the policy of waits; its exchange limit holds for single exchanges, too.
    #[must_use]
    pub fn with_policy(mut self, policy: Policy) -> Self {
        self.shared = self.shared.with_policy(policy);
        self
    }

    /// Sets the budget, to share one with other clients.
    #[must_use]
    pub fn with_budget(mut self, budget: Budget) -> Self {
        self.shared = self.shared.with_budget(budget);
        self
    }

    /// Returns the budget, to be shared.
    #[must_use]
    pub const fn budget(&self) -> &Budget {
        self.shared.budget()
    }

    /// Returns what is added to local wall time before it is signed, as the answers so far have
    /// corrected it.
    #[must_use]
    pub fn clock_offset(&self) -> ClockOffset {
        self.shared.clock_offset()
    }

    /// Makes exactly one exchange, when the budget grants it, and returns the typed answer.
    ///
    /// # Errors
    ///
    /// A [`SendError`] that says where it arose.
    pub async fn send<A: Action>(&self, action: &A) -> Result<Answer<A::Response>, SendError> {
        asynchronous::send(self, action).await
    }

    /// Follows a job to its end; the deadline of the policy counts from now.
    ///
    /// # Errors
    ///
    /// A [`WaitFailure`] whose `kind` says why there is no file.
    pub async fn wait(&self, job: JobId) -> Result<Finished, WaitFailure> {
        self.follow(job).outcome().await
    }

    /// Follows a job event by event; its `outcome` is what [`wait`](Self::wait) returns.
    pub fn follow(&self, job: JobId) -> Wait<T> {
        Wait::new(self, job)
    }

    /// Goes on with a wait that was saved; the time away counts against its deadline.
    ///
    /// # Errors
    ///
    /// A [`ResumeError`] for a wait of another endpoint, kind or version.
    #[cfg(feature = "serde")]
    pub fn resume(&self, saved: SavedWait) -> Result<Wait<T>, ResumeError> {
        Wait::resume(self, saved)
    }

    /// Follows many jobs, any number of exchanges under way at once, all in one task: a stream of
    /// their outcomes as they come. Jobs may come in later; a list of them is a
    /// `futures_util::stream::iter`.
    pub fn wait_all<J: Stream<Item = JobId>>(
        &self,
        jobs: J,
    ) -> Pin<Box<impl Stream<Item = (JobId, Result<Finished, WaitFailure>)> + use<J, T>>> {
        asynchronous::wait_all(self, jobs)
    }

    /// Downloads a file, whose events come one by one; `outcome` says how it ended.
    ///
    /// # Errors
    ///
    /// For [`Field::DownloadUrl`](tcss_export_core::Field::DownloadUrl): a URL that cannot be
    /// used. Nothing was sent.
    pub fn download(
        &self,
        source: impl Into<Source>,
        target: impl Into<Target>,
    ) -> Result<Download<T>, BuildError> {
        begin(self, source.into(), Output::Target(target.into()), false)
    }

    /// Downloads into a writer, which has no way back: see
    /// `download_into`.
    ///
    /// # Errors
    ///
    /// As for [`download`](Self::download).
    pub fn download_into<W: AsyncWrite + Unpin>(
        &self,
        source: impl Into<Source>,
        writer: W,
    ) -> Result<Download<T, W>, BuildError> {
        begin(self, source.into(), Output::Writer(writer), false)
    }
}

/// What the loops run on.
impl<T: Transport> Client<T> {
    pub(crate) fn sharing(&self, shared: Shared) -> Self {
        Self { shared, ..self.clone() }
    }

    pub(crate) fn now(&self) -> Now {
        self.transport.now()
    }

    pub(crate) async fn sleep(&self, duration: Duration) {
        self.transport.sleep(duration).await;
    }

    pub(crate) async fn credentials(&self, fresh: bool) -> Result<Credentials, TransportError> {
        self.credentials.credentials(fresh).await
    }

    /// Sends a request of the API and reads its whole answer.
    pub(crate) async fn exchange(
        &self,
        request: Request<Bytes>,
    ) -> Result<Response<Bytes>, TransportError> {
        let (head, body) = self.transport.send(request).await?.into_parts();
        Ok(Response::from_parts(head, read_whole(body).await?))
    }

    pub(crate) async fn fetch(
        &self,
        request: Request<()>,
    ) -> Result<Response<T::Body>, TransportError> {
        self.transport.send(request.map(|()| Bytes::new())).await
    }
}

impl<T> Clone for Client<T> {
    fn clone(&self) -> Self {
        let Self { shared, credentials, transport } = self;
        let (shared, credentials) = (shared.clone(), credentials.clone());
        Self { shared, credentials, transport: Arc::clone(transport) }
    }
}

impl<T> fmt::Debug for Client<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("shared", &self.shared).finish_non_exhaustive()
    }
}
