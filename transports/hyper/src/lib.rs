//! Binds tcss-export to [hyper](https://docs.rs/hyper): the async client, on any runtime.
//!
//! It holds no protocol decision: a request's bytes go out unchanged, status, headers and bytes
//! come back, and nothing is ever sent twice. HTTP/1.1 only. The proxy of [`Client::new`] is that
//! of the environment, as [`Proxies`] reads it.
//!
//! ```no_run
//! use tcss_export_core::{Credentials, Endpoint, JobId, Session};
//! use tcss_export_driver::Source;
//! use tcss_export_hyper::Client;
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let session = Session::new(Endpoint::international());
//! let client = Client::new(session, Credentials::new("AKIDEXAMPLE", "EXAMPLEKEY")?);
//! let job = JobId::new("4711")?;
//! let finished = client.wait(job.clone()).await?;
//! let source = Source::new(finished.download_url).of_job(job);
//! let downloaded = client.download(source, "report.csv")?.outcome().await?;
//! println!("{} bytes", downloaded.bytes);
//! # Ok(())
//! # }
//! ```
//!
//! [`Client::new`] needs tokio. Any other runtime brings its own connector, executor and timer to
//! [`Client::with_connector`], or its own pooled client to [`Client::with_client`].

mod connections;
mod connector;
mod dialer;
mod download;
mod errors;
mod resolver;

use std::{env, fmt, pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::Stream;
use http::{HeaderValue, Request, Response, header::ACCEPT_ENCODING};
use http_body_util::{BodyExt, Full, Limited};
use hyper::rt::{Executor, Timer};
use hyper_util::{
    client::legacy::{self, connect::Connect},
    rt::{TokioExecutor, TokioTimer},
};
use tcss_export_core::{
    ANSWER_LIMIT, Action, Answer, ClockOffset, Credentials, Finished, JobId, Policy, Session,
};
#[cfg(feature = "serde")]
use tcss_export_core::{ResumeError, SavedWait};
use tcss_export_driver::{
    Budget, CredentialSource, IDLE_LIMIT, Proxies, SendError, Shared, TransportError, WaitFailure,
    asynchronous,
};

use self::{
    connections::Connections,
    errors::{body_error, request_error},
};
pub use self::{connector::Connector, download::Body};

/// A pooled client of hyper-util, as this crate uses it.
pub type HttpClient<C> = legacy::Client<C, Full<Bytes>>;

/// An async client of the service. Clones share session, budget and connections.
#[derive(Clone)]
pub struct Client<C = Connector> {
    shared: Shared,
    credentials: CredentialSource,
    http: HttpClient<C>,
    timer: Arc<dyn Timer + Send + Sync>,
    /// The connections of downloads, unless those of the user serve for that, too.
    downloads: Option<Connections<C>>,
}

impl Client {
    /// Creates a client for tokio that works over HTTPS at once: TLS by rustls with ring and the
    /// operating system's roots, which are read when the first `https` request needs them.
    ///
    /// It goes through the proxy that the environment names now, if any: see [`Proxies`]. One
    /// that cannot be used is the error of each request, with a
    /// [`ProxyError`](tcss_export_driver::ProxyError) among its sources.
    pub fn new(session: Session, credentials: impl Into<CredentialSource>) -> Self {
        let proxies = Proxies::from_variables(|name| env::var_os(name));
        let connector = Connector::new(proxies.proxy_for(session.endpoint()));
        let (executor, timer) = (TokioExecutor::new(), TokioTimer::new());
        let client = Self::with_connector(session, credentials, connector, executor, timer);
        Self { downloads: Some(connections(proxies)), ..client }
    }

    /// Goes through no proxy, whatever the environment says.
    #[must_use]
    pub fn without_proxy(mut self) -> Self {
        let (executor, timer) = (TokioExecutor::new(), TokioTimer::new());
        self.http = pooled(Connector::new(Ok(None)), executor, timer);
        self.downloads = Some(connections(Proxies::default()));
        self
    }
}

impl<C: Connect + Clone + Send + Sync + 'static> Client<C> {
    /// Creates a client on a connector of yours, any `tower_service::Service` from `Uri` to a
    /// connection, and on the executor and timer of your runtime. A proxy is the connector's
    /// business.
    pub fn with_connector(
        session: Session,
        credentials: impl Into<CredentialSource>,
        connector: C,
        executor: impl Executor<BoxFuture> + Clone + Send + Sync + 'static,
        timer: impl Timer + Clone + Send + Sync + 'static,
    ) -> Self {
        let http = pooled(connector, executor, timer.clone());
        Self::with_client(session, credentials, http, timer)
    }

    /// Creates a client on a pooled client of yours.
    ///
    /// Build it with `retry_canceled_requests(false)`, or it may send a signed request a second
    /// time by itself, without asking the budget; and with a `pool_idle_timeout` below 60 s.
    /// Limits of time and size are set at each request.
    pub fn with_client(
        session: Session,
        credentials: impl Into<CredentialSource>,
        http: HttpClient<C>,
        timer: impl Timer + Send + Sync + 'static,
    ) -> Self {
        let (shared, credentials) = (Shared::new(session), credentials.into());
        Self { shared, credentials, http, timer: Arc::new(timer), downloads: None }
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
        asynchronous::send(&self.shared, action, self).await
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
    pub fn follow(&self, job: JobId) -> asynchronous::Wait<&Self> {
        asynchronous::wait(&self.shared, job, self)
    }

    /// Goes on with a wait that was saved; the time away counts against its deadline.
    ///
    /// # Errors
    ///
    /// A [`ResumeError`] for a wait of another endpoint, kind or version.
    #[cfg(feature = "serde")]
    pub fn resume(&self, saved: SavedWait) -> Result<asynchronous::Wait<&Self>, ResumeError> {
        asynchronous::resume(&self.shared, saved, self)
    }

    /// Follows many jobs, any number of exchanges under way at once, all in one task: a stream of
    /// their outcomes as they come. Jobs may come in later; a list of them is a
    /// `futures_util::stream::iter`.
    pub fn wait_all(
        &self,
        jobs: impl Stream<Item = JobId>,
    ) -> Pin<Box<impl Stream<Item = (JobId, Result<Finished, WaitFailure>)>>> {
        asynchronous::wait_all(&self.shared, jobs, self)
    }

    /// Sends one request, once, and reads its whole answer.
    async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let mut request = request.map(Full::new);
        request.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let answer = self.http.request(request).await.map_err(request_error)?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, ANSWER_LIMIT).collect().await.map_err(body_error)?;
        Ok(Response::from_parts(head, body.to_bytes()))
    }
}

impl<C: Connect + Clone + Send + Sync + 'static> asynchronous::Platform for &Client<C> {
    async fn sleep(&self, duration: Duration) {
        self.timer.sleep(duration).await;
    }

    async fn credentials(&self, fresh: bool) -> Result<Credentials, TransportError> {
        self.credentials.credentials(fresh)
    }

    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        self.exchange(request).await
    }
}

impl<C> fmt::Debug for Client<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("shared", &self.shared).finish_non_exhaustive()
    }
}

/// What an executor must be able to run.
pub type BoxFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

fn connections(proxies: Proxies) -> Connections<Connector> {
    Connections::new(move |url, reach| {
        let connector = Connector::for_download(proxies.proxy_for_url(url)?, reach);
        Ok(pooled(connector, TokioExecutor::new(), TokioTimer::new()))
    })
}

fn pooled<C: Connect + Clone>(
    connector: C,
    executor: impl Executor<BoxFuture> + Clone + Send + Sync + 'static,
    timer: impl Timer + Clone + Send + Sync + 'static,
) -> HttpClient<C> {
    legacy::Client::builder(executor)
        .pool_idle_timeout(IDLE_LIMIT)
        .pool_timer(timer)
        .retry_canceled_requests(false)
        .build(connector)
}
