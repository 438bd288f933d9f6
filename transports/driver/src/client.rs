//! The client of the service, async on any runtime.

use std::{
    fmt,
    future::poll_fn,
    hash::{BuildHasher, Hasher, RandomState},
    pin::{Pin, pin},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::Poll,
    time::Duration,
};

use bytes::Bytes;
use futures_util::{io::AsyncWrite, stream::Stream};
use http::{Request, Response};
#[cfg(feature = "serde")]
use tcss_export_core::wait::{ResumeError, SavedWait};
use tcss_export_core::{
    AddressPolicy, Answer, BuildError, ClockOffset, Credentials, JobId, Limits, Mono, Now, Session,
    TransportErrorKind,
    actions::Action,
    read_answer,
    wait::{Finished, Policy},
};

use crate::{
    budget::Budget,
    credential_source::CredentialSource,
    download::{Download, Output, Source, Target},
    error::{SendError, WaitError},
    permit::Permit,
    transport::{self, Body, Transport},
    transport_error::TransportError,
    wait::Wait,
    wait_all::wait_all,
};

/// A client of the service over a transport, async on any runtime.
///
/// Clones share session, budget and connections. Every request starts when the [`Budget`] allows
/// it: credentials are fetched then, and the request is signed and sent at once.
pub struct Client<T> {
    session: Arc<Mutex<Session>>,
    budget: Budget,
    policy: Policy,
    credentials: CredentialSource,
    transport: Arc<T>,
    /// Deadline for every exchange, if any.
    deadline: Option<Mono>,
    /// The next seed, if the delays must be the same in each run.
    seeds: Option<Arc<AtomicU64>>,
    /// The futures of the transport block.
    pub(crate) blocks: bool,
}

impl<T: Transport + Default> Client<T> {
    /// Creates a client over the default transport.
    pub fn new(session: Session, credentials: impl Into<CredentialSource>) -> Self {
        Self::with_transport(session, credentials, T::default())
    }
}

impl<T: Transport> Client<T> {
    /// Creates a client over a transport that was set up.
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

    /// Returns a client over another transport, which shares session and budget with this one.
    pub fn over<U: Transport>(&self, transport: U) -> Client<U> {
        Client {
            session: Arc::clone(&self.session),
            budget: self.budget.clone(),
            policy: self.policy.clone(),
            credentials: self.credentials.clone(),
            transport: Arc::new(transport),
            deadline: self.deadline,
            seeds: self.seeds.clone(),
            blocks: self.blocks,
        }
    }

    /// Sets the policy of waits. Its exchange limit holds for single exchanges too.
    #[must_use]
    pub fn with_policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Sets the budget, to share one with other clients. By default each client has its own, which
    /// its clones share.
    #[must_use]
    pub fn with_budget(mut self, budget: Budget) -> Self {
        self.budget = budget;
        self
    }

    /// Sets the seed of all random delays, so that each run has the same ones. Without a seed,
    /// delays differ between waits and between runs.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.seeds = Some(Arc::new(AtomicU64::new(seed)));
        self
    }

    /// Returns the budget, to share it.
    pub const fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Returns the policy of waits.
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Returns the correction of the local clock that the service's answers have shown so far.
    pub fn clock_offset(&self) -> ClockOffset {
        self.session().clock_offset()
    }

    /// Sends one action exactly once, when the budget allows it, and returns the typed answer.
    ///
    /// # Errors
    ///
    /// A [`SendError`] that says where it arose. After an error of an action that creates
    /// something, [`SendError::may_have_arrived`] says whether the service may have done so.
    pub async fn send<A: Action>(&self, action: &A) -> Result<Answer<A::Response>, SendError> {
        let prepared = self.session().prepare(action).map_err(SendError::Build)?;
        let mut permit = Permit::default();
        let (started, credentials) = loop {
            let now = self.now();
            if let Some(credentials) = permit.start(now.mono, false) {
                break (now, credentials);
            }
            permit.prepare(self, false, None).await.map_err(SendError::Credentials)?;
        };
        let signed = self.session().sign(&prepared, &credentials, started.wall);
        let response = self.exchange(signed.map_err(SendError::Build)?, started.mono).await;
        let response = response.map_err(SendError::Transport)?;
        let answer = read_answer::<A>(&response);
        let answered = self.now().mono;
        self.session().note_date(started, answered, response.headers(), &answer);
        answer.map_err(SendError::Answer)
    }

    /// Follows a job to its end; the policy's deadline counts from now.
    ///
    /// # Errors
    ///
    /// A [`WaitError`] whose `kind` says why there is no file.
    pub async fn wait(&self, job: JobId) -> Result<Finished, WaitError> {
        self.follow(job).outcome().await
    }

    /// Follows a job event by event; [`Wait::outcome`] is the result of [`wait`](Self::wait).
    pub fn follow(&self, job: JobId) -> Wait<T> {
        Wait::new(self.clone(), job)
    }

    /// Continues a saved wait; the time since it was saved counts against its deadline.
    ///
    /// # Errors
    ///
    /// A [`ResumeError`] if the wait belongs to another endpoint, or was saved by an unknown
    /// version.
    #[cfg(feature = "serde")]
    pub fn resume(&self, saved: SavedWait) -> Result<Wait<T>, ResumeError> {
        Wait::resume(self.clone(), saved)
    }

    /// Follows many jobs and returns a stream of their outcomes, in the order in which they end.
    ///
    /// Any number of exchanges run at once, all in one task. The stream takes every job that
    /// `jobs` has ready, and a job's deadline counts from that moment: see
    /// [`WaitSet`](tcss_export_core::wait::WaitSet) for deadlines of very many jobs. For a list use
    /// `futures_util::stream::iter`. Dropping the stream stops all waits.
    pub fn wait_all<J: Stream<Item = JobId>>(
        &self,
        jobs: J,
    ) -> Pin<Box<impl Stream<Item = (JobId, Result<Finished, WaitError>)> + use<J, T>>> {
        Box::pin(wait_all(self.clone(), jobs))
    }

    /// Downloads a file to a [`Target`], event by event; [`Download::outcome`] says how it ended.
    ///
    /// # Errors
    ///
    /// A [`BuildError`] of [`Field::DownloadUrl`](tcss_export_core::Field::DownloadUrl) if the URL
    /// cannot be used. Nothing was sent.
    pub fn download(
        &self,
        source: impl Into<Source>,
        target: impl Into<Target>,
    ) -> Result<Download<T>, BuildError> {
        Download::new(self.clone(), source.into(), Output::Target(target.into()))
    }

    /// Downloads into a writer. A writer cannot be emptied, so a file that changes during the
    /// download is an error, and the checksum is known only after the last byte was written.
    ///
    /// # Errors
    ///
    /// As for [`download`](Self::download).
    pub fn download_into<W: AsyncWrite + Unpin>(
        &self,
        source: impl Into<Source>,
        writer: W,
    ) -> Result<Download<T, W>, BuildError> {
        Download::new(self.clone(), source.into(), Output::Writer(writer))
    }
}

/// What the loops use.
impl<T: Transport> Client<T> {
    pub(crate) fn now(&self) -> Now {
        self.transport.now()
    }

    pub(crate) async fn sleep(&self, duration: Duration) {
        self.transport.sleep(duration).await;
    }

    pub(crate) async fn credentials(&self, fresh: bool) -> Result<Credentials, TransportError> {
        self.credentials.credentials(fresh).await
    }

    /// Sends a request to the service and reads its answer, within the limit of an exchange.
    pub(crate) async fn exchange(
        &self,
        mut request: Request<Bytes>,
        now: Mono,
    ) -> Result<Response<Bytes>, TransportError> {
        let limit = self.exchange_limit(now);
        let mut limits = Limits::new(AddressPolicy::Any);
        limits.total = Some(limit);
        request.extensions_mut().insert(limits);
        within(self.sleep(limit), async {
            let (head, body) = self.transport.send(request).await?.into_parts();
            Ok(Response::from_parts(head, transport::read_answer(body).await?))
        })
        .await
    }

    /// Sends a request of a download, within this limit.
    pub(crate) async fn fetch(
        &self,
        request: Request<()>,
        limit: Duration,
    ) -> Result<Response<Body>, TransportError> {
        within(self.sleep(limit), self.transport.send(request.map(|()| Bytes::new()))).await
    }

    /// Locks the session, which is held only while a request is signed or an answer is read.
    pub(crate) fn session(&self) -> MutexGuard<'_, Session> {
        // A panic while the lock was held leaves a session that is whole.
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the seed of the next wait or download.
    pub(crate) fn seed(&self) -> u64 {
        match &self.seeds {
            Some(seeds) => seeds.fetch_add(1, Ordering::Relaxed),
            None => RandomState::new().build_hasher().finish(),
        }
    }

    /// Returns a client whose waits and exchanges end at this deadline, if not earlier.
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

impl<T> Clone for Client<T> {
    fn clone(&self) -> Self {
        Self {
            session: Arc::clone(&self.session),
            budget: self.budget.clone(),
            policy: self.policy.clone(),
            credentials: self.credentials.clone(),
            transport: Arc::clone(&self.transport),
            deadline: self.deadline,
            seeds: self.seeds.clone(),
            blocks: self.blocks,
        }
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

/// Gives a future up when the limit ends first.
pub(crate) async fn within<T>(
    limit: impl Future<Output = ()>,
    future: impl Future<Output = Result<T, TransportError>>,
) -> Result<T, TransportError> {
    let (mut limit, mut future) = (pin!(limit), pin!(future));
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Pending => limit.as_mut().poll(context).map(|()| {
            Err(TransportError::new(
                TransportErrorKind::Timeout,
                "nothing came within the time limit",
            ))
        }),
        done => done,
    })
    .await
}
