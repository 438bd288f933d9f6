//! The async client of tcss-export over [hyper](https://docs.rs/hyper), on any runtime.
//!
//! It makes no protocol decision: it sends each request unchanged and once, and returns status,
//! headers and bytes as they are. HTTP/1.1 only.
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
//! [`Client::new`](tcss_export_driver::Client::new) needs tokio. For another runtime, give its
//! connector, executor and timer to [`Hyper::with_connector`], or a pooled client to
//! [`Hyper::with_client`].
//!
//! The feature `serde` adds saving, resuming and recording a wait. Tested with Rust 1.95.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod connector;
mod dialer;
mod heads;
mod resolver;

use std::{env, error::Error, fmt, pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header::ACCEPT_ENCODING};
use http_body_util::Full;
use hyper::rt::{Executor, Timer};
use hyper_util::{
    client::legacy::{self, connect::Connect},
    rt::{TokioExecutor, TokioTimer},
};
use tcss_export_core::{Limits, TransportErrorKind};
use tcss_export_driver::{
    Body, ClientsByPolicy, HEAD_LIMIT, HEADERS_LIMIT, IDLE_LIMIT, OwnedSend, Proxies, Transport,
    TransportError, from_http_body, tls,
};

pub use self::connector::Connector;
use self::heads::Heads;

/// hyper-util's pooled client.
type HttpClient<C> = legacy::Client<C, Full<Bytes>>;

/// An async client of the service over hyper.
pub type Client<C = Connector> = tcss_export_driver::Client<Hyper<C>>;

/// A transport over hyper. Clones share connections.
#[derive(Clone)]
pub struct Hyper<C = Connector> {
    clients: Clients<C>,
    timer: Arc<dyn Timer + Send + Sync>,
}

#[derive(Clone)]
enum Clients<C> {
    Own(ClientsByPolicy<HttpClient<C>>),
    /// The user's client, which connects to any address.
    Given(HttpClient<C>),
}

/// Works on tokio, over TLS by rustls with ring and the operating system's roots, which are read at
/// the first `https` request.
///
/// It uses the proxy that the environment names now: see [`Proxies`]. If that proxy cannot be used,
/// each request fails with a [`ProxyError`](tcss_export_driver::ProxyError) among its sources.
impl Default for Hyper {
    fn default() -> Self {
        Self::with_proxies(Proxies::from_variables(|name| env::var_os(name)))
    }
}

impl Hyper {
    /// Creates a transport that ignores the proxy of the environment.
    pub fn without_proxy() -> Self {
        Self::with_proxies(Proxies::default())
    }

    fn with_proxies(proxies: Proxies) -> Self {
        let clients = ClientsByPolicy::new(move |policy| {
            let connector = Connector::new(proxies.clone(), policy.clone());
            pooled(connector, TokioExecutor::new(), TokioTimer::new())
        });
        Self { clients: Clients::Own(clients), timer: Arc::new(TokioTimer::new()) }
    }
}

impl<C: Connect + Clone + Send + Sync + 'static> Hyper<C> {
    /// Creates a transport from your own connector, a `tower_service::Service` from `Uri` to a
    /// connection, and the executor and timer of your runtime.
    ///
    /// The connector must handle proxies, check the addresses that a download connects to, and
    /// limit the time so that a silent address leaves time for the next one. For the last, use
    /// `HttpConnector::set_connect_timeout` with
    /// [`CONNECT_LIMIT`](tcss_export_driver::CONNECT_LIMIT).
    ///
    /// The connector's streams must return `Pending` from time to time while bytes keep arriving,
    /// as tokio's do. Otherwise the exchange ends, but hyper keeps reading interim responses
    /// (status 1xx) and occupies its thread until the server stops.
    pub fn with_connector(
        connector: C,
        executor: impl Executor<BoxFuture> + Clone + Send + Sync + 'static,
        timer: impl Timer + Clone + Send + Sync + 'static,
    ) -> Self {
        Self::with_client(pooled(connector, executor, timer.clone()), timer)
    }

    /// Creates a transport from your own pooled client.
    ///
    /// Build it with `retry_canceled_requests(false)`, or it may send a signed request twice. Use a
    /// `pool_idle_timeout` below 60 s, `http1_max_headers` with [`HEADERS_LIMIT`] and
    /// `http1_max_buf_size` with [`HEAD_LIMIT`]. For its connector see
    /// [`with_connector`](Self::with_connector). The client over it enforces the other limits of
    /// time and size.
    ///
    /// # Examples
    ///
    /// A client on tokio for plain HTTP to this machine, as in a test:
    ///
    /// ```
    /// use hyper_util::client::legacy::{Client, connect::HttpConnector};
    /// use hyper_util::rt::{TokioExecutor, TokioTimer};
    /// use tcss_export_driver::{HEAD_LIMIT, HEADERS_LIMIT, IDLE_LIMIT};
    /// use tcss_export_hyper::Hyper;
    ///
    /// let client = Client::builder(TokioExecutor::new())
    ///     .pool_idle_timeout(IDLE_LIMIT)
    ///     .pool_timer(TokioTimer::new())
    ///     .retry_canceled_requests(false)
    ///     .http1_max_headers(HEADERS_LIMIT)
    ///     .http1_max_buf_size(HEAD_LIMIT)
    ///     .build(HttpConnector::new());
    /// let transport = Hyper::with_client(client, TokioTimer::new());
    /// # drop(transport);
    /// ```
    pub fn with_client(http: HttpClient<C>, timer: impl Timer + Send + Sync + 'static) -> Self {
        Self { clients: Clients::Given(http), timer: Arc::new(timer) }
    }
}

impl<C: Connect + Clone + Send + Sync + 'static> Transport for Hyper<C> {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        let mut request = request.map(Full::new);
        request.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let heads = Heads::of(&mut request);
        let client = match &self.clients {
            Clients::Own(clients) => clients.get(&Limits::of(&request).address_policy),
            Clients::Given(client) => client.clone(),
        };
        let response = async { client.request(request).await.map_err(request_error) };
        let response = heads.limit(response).await?;
        Ok(response.map(|body| from_http_body(body, explain)))
    }

    fn send_owned(&self, request: Request<Bytes>) -> Option<OwnedSend> {
        let hyper = self.clone();
        Some(Box::pin(async move { hyper.send(request).await }))
    }

    async fn sleep(&self, duration: Duration) {
        self.timer.sleep(duration).await;
    }
}

/// Maps an error that was raised instead of a response.
fn request_error(error: legacy::Error) -> TransportError {
    let is_before_sending = error.is_connect();
    let error = explain(error.into(), TransportErrorKind::Connection);
    if is_before_sending { error.before_sending() } else { error }
}

/// Maps an error. `broken` is the meaning of a broken connection at this stage.
fn explain(error: Box<dyn Error + Send + Sync>, broken: TransportErrorKind) -> TransportError {
    // hyper reports a head that is too large as a parse error. Only the text differs.
    let is_too_large = |error: &hyper::Error| error.to_string().ends_with("head is too large");
    let is_not_http = |error: &hyper::Error| error.is_parse() && !is_too_large(error);
    TransportError::of_chain_with(error, broken, tls::is_permanent)
        .not_http_if(|error| error.downcast_ref().is_some_and(is_not_http))
}

impl<C> fmt::Debug for Hyper<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hyper(..)")
    }
}

/// The future type that the executor runs.
type BoxFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

fn pooled<C: Connect + Clone>(
    connector: C,
    executor: impl Executor<BoxFuture> + Clone + Send + Sync + 'static,
    timer: impl Timer + Clone + Send + Sync + 'static,
) -> HttpClient<C> {
    legacy::Client::builder(executor)
        .pool_idle_timeout(IDLE_LIMIT)
        .pool_timer(timer)
        .retry_canceled_requests(false)
        .http1_max_headers(HEADERS_LIMIT)
        // A head must fit into the buffer.
        .http1_max_buf_size(HEAD_LIMIT)
        .build(connector)
}
