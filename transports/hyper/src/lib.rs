//! Binds tcss-export to [hyper](https://docs.rs/hyper): the async client, on any runtime.
//!
//! It holds no protocol decision: a request's bytes go out unchanged, status, headers and bytes
//! come back, and nothing is ever sent twice. HTTP/1.1 only. The proxy of [`Client::new`](tcss_export_driver::Client::new) is that
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
//! [`Client::new`](tcss_export_driver::Client::new) needs tokio. Any other runtime brings its own connector, executor and timer to
//! [`Hyper::with_connector`], or its own pooled client to [`Hyper::with_client`].

#![cfg_attr(docsrs, feature(doc_cfg))]

mod connector;
mod dialer;
mod errors;
mod resolver;

use std::{env, fmt, pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header::ACCEPT_ENCODING};
use http_body_util::Full;
use hyper::{
    body::Incoming,
    rt::{Executor, Timer},
};
use hyper_util::{
    client::legacy::{self, connect::Connect},
    rt::{TokioExecutor, TokioTimer},
};
use tcss_export_core::download::{Limits, Reach};
use tcss_export_driver::{BodyStream, IDLE_LIMIT, Proxies, Transport, TransportError};

pub use self::connector::Connector;
use self::errors::{request_error, transport_error};

/// A pooled client of hyper-util, as this crate uses it.
pub type HttpClient<C> = legacy::Client<C, Full<Bytes>>;

/// An async client of the service over hyper.
pub type Client<C = Connector> = tcss_export_driver::Client<Hyper<C>>;

/// A transport over hyper. Clones share connections.
#[derive(Clone)]
pub struct Hyper<C = Connector> {
    http: HttpClient<C>,
    timer: Arc<dyn Timer + Send + Sync>,
    /// The connections of downloads that must not reach everything, unless those of the user serve
    /// for that, too.
    public: Option<HttpClient<C>>,
    loopback: Option<HttpClient<C>>,
}

/// Works on tokio over HTTPS at once: TLS by rustls with ring and the operating system's roots,
/// which are read when the first `https` request needs them.
///
/// It goes through the proxy that the environment names now, if any: see [`Proxies`]. One that
/// cannot be used is the error of each request, with a
/// [`ProxyError`](tcss_export_driver::ProxyError) among its sources.
impl Default for Hyper {
    fn default() -> Self {
        Self::with_proxies(Proxies::from_variables(|name| env::var_os(name)))
    }
}

impl Hyper {
    /// Goes through no proxy, whatever the environment says.
    #[must_use]
    pub fn without_proxy() -> Self {
        Self::with_proxies(Proxies::default())
    }

    fn with_proxies(proxies: Proxies) -> Self {
        let by_reach = |reach| {
            let connector = Connector::new(proxies.clone(), reach);
            pooled(connector, TokioExecutor::new(), TokioTimer::new())
        };
        let (public, loopback) = (by_reach(Reach::Public), by_reach(Reach::Loopback));
        let hyper = Self::with_client(by_reach(Reach::Any), TokioTimer::new());
        Self { public: Some(public), loopback: Some(loopback), ..hyper }
    }
}

impl<C: Connect + Clone + Send + Sync + 'static> Hyper<C> {
    /// Creates a transport on a connector of yours, any `tower_service::Service` from `Uri` to a
    /// connection, and on the executor and timer of your runtime. A proxy is the connector's
    /// business, and which addresses a download connects to.
    pub fn with_connector(
        connector: C,
        executor: impl Executor<BoxFuture> + Clone + Send + Sync + 'static,
        timer: impl Timer + Clone + Send + Sync + 'static,
    ) -> Self {
        Self::with_client(pooled(connector, executor, timer.clone()), timer)
    }

    /// Creates a transport on a pooled client of yours.
    ///
    /// Build it with `retry_canceled_requests(false)`, or it may send a signed request a second
    /// time by itself, without asking the budget; and with a `pool_idle_timeout` below 60 s.
    /// Limits of time and size are set at each request.
    pub fn with_client(http: HttpClient<C>, timer: impl Timer + Send + Sync + 'static) -> Self {
        Self { http, timer: Arc::new(timer), public: None, loopback: None }
    }

    fn by(&self, limits: Option<&Limits>) -> &HttpClient<C> {
        let checked = match limits.map(|limits| limits.reach) {
            Some(Reach::Public) => &self.public,
            Some(Reach::Loopback) => &self.loopback,
            _ => &None,
        };
        checked.as_ref().unwrap_or(&self.http)
    }
}

impl<C: Connect + Clone + Send + Sync + 'static> Transport for Hyper<C> {
    type Body = BodyStream<Incoming>;

    async fn send(&self, request: Request<Bytes>) -> Result<Response<Self::Body>, TransportError> {
        let mut request = request.map(Full::new);
        request.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let http = self.by(request.extensions().get());
        let answer = http.request(request).await.map_err(request_error)?;
        Ok(answer.map(|body| BodyStream::new(body, transport_error)))
    }

    async fn sleep(&self, duration: Duration) {
        self.timer.sleep(duration).await;
    }
}

impl<C> fmt::Debug for Hyper<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hyper(..)")
    }
}

/// What an executor must be able to run.
pub type BoxFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

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
