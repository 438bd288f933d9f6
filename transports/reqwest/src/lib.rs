//! The async client of tcss-export over [reqwest](https://docs.rs/reqwest), on tokio.
//!
//! It makes no protocol decision: it sends each request unchanged and once, and returns status,
//! headers and bytes as they are. HTTP/1.1 only.
//!
//! ```no_run
//! use tcss_export_core::{Credentials, Endpoint, JobId, Session};
//! use tcss_export_reqwest::Client;
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let session = Session::new(Endpoint::international());
//! let client = Client::new(session, Credentials::new("AKIDEXAMPLE", "EXAMPLEKEY")?);
//! let finished = client.wait(JobId::new("4711")?).await?;
//! client.download(finished.download_url, "report.csv")?.outcome().await?;
//! # Ok(())
//! # }
//! ```
//!
//! reqwest normalizes URLs as browsers do. A URL that it would change is refused with a typed
//! error, because its signature would no longer match.
//!
//! reqwest skips interim responses (status 1xx) without a limit. A server that sends them without
//! end can block the other tasks of the thread until the exchange's time limit, or longer.
//!
//! The feature `serde` adds saving, resuming and recording a wait. Tested with Rust 1.95.

#![cfg_attr(docsrs, feature(doc_cfg))]

use std::{env, error::Error, fmt, iter, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header::ACCEPT_ENCODING, uri::Scheme};
use reqwest::{dns, redirect, retry};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use rustls_platform_verifier::BuilderVerifierExt;
use tcss_export_core::{AddressPolicy, Limits, TransportErrorKind};
use tcss_export_driver::{
    AddressError, Body, CONNECT_LIMIT, ClientsByPolicy, HEADERS_LIMIT, IDLE_LIMIT, OwnedSend,
    Proxies, Proxy, Transport, TransportError, TunnelError, Worker, check_head_size,
    from_http_body, head_size, tls,
};

type BoxError = Box<dyn Error + Send + Sync>;

/// An async client of the service over reqwest.
pub type Client = tcss_export_driver::Client<Reqwest>;

/// A transport over reqwest. Clones share connections.
#[derive(Clone)]
pub struct Reqwest(Clients);

#[derive(Clone)]
enum Clients {
    /// The clients of this crate. One that cannot be built keeps its error as text.
    Own(Proxies, ClientsByPolicy<Result<reqwest::Client, String>>),
    /// The user's client.
    Given(reqwest::Client),
    /// The user's client, whose downloads need no check of addresses.
    Unchecked(reqwest::Client),
}

/// Uses TLS by rustls with ring and the operating system's roots. A machine without roots reaches
/// plain HTTP services only.
///
/// It uses the proxy that the environment names now: see [`Proxies`]. If that proxy cannot be used,
/// each request fails with a [`ProxyError`](tcss_export_driver::ProxyError) as its source.
impl Default for Reqwest {
    fn default() -> Self {
        Self::with_proxies(Proxies::from_variables(|name| env::var_os(name)))
    }
}

impl Reqwest {
    /// Creates a transport that ignores the proxy of the environment.
    pub fn without_proxy() -> Self {
        Self::with_proxies(Proxies::default())
    }

    fn with_proxies(proxies: Proxies) -> Self {
        let of_clients = proxies.clone();
        let clients = ClientsByPolicy::new(move |policy| {
            build(of_clients.clone(), policy.clone()).map_err(|error| error.to_string())
        });
        Self(Clients::Own(proxies, clients))
    }

    /// Creates a transport from your own client, with its proxy and TLS.
    ///
    /// This crate cannot check the client's settings. Build it with `redirect::Policy::none()`,
    /// `retry::never()`, `no_gzip()`, `no_brotli()`, `no_zstd()`, `no_deflate()`, `http1_only()`,
    /// `http1_max_headers` with [`HEADERS_LIMIT`], a `connect_timeout` (the addresses of a name
    /// share it), and a `pool_idle_timeout` below 60 s. reqwest's builder panics unless the program
    /// has installed a default provider of rustls or enables one in reqwest.
    ///
    /// Downloads check the addresses that the name of a file server resolves to, which is
    /// impossible here. They therefore end with a permanent error unless you call
    /// [`skipping_address_check`](Self::skipping_address_check).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use reqwest::{Client, redirect, retry};
    /// use tcss_export_driver::{CONNECT_LIMIT, HEADERS_LIMIT, IDLE_LIMIT};
    /// use tcss_export_reqwest::Reqwest;
    ///
    /// let client = Client::builder()
    ///     .redirect(redirect::Policy::none())
    ///     .retry(retry::never())
    ///     .no_gzip()
    ///     .no_brotli()
    ///     .no_zstd()
    ///     .no_deflate()
    ///     .http1_only()
    ///     .http1_max_headers(HEADERS_LIMIT)
    ///     .connect_timeout(CONNECT_LIMIT)
    ///     .pool_idle_timeout(IDLE_LIMIT)
    ///     .build()?;
    /// let transport = Reqwest::from_client(client);
    /// # drop(transport);
    /// # Ok::<(), reqwest::Error>(())
    /// ```
    pub const fn from_client(client: reqwest::Client) -> Self {
        Self(Clients::Given(client))
    }

    /// Accepts that downloads over your own client may connect to private addresses.
    #[must_use]
    pub fn skipping_address_check(self) -> Self {
        match self.0 {
            Clients::Given(client) => Self(Clients::Unchecked(client)),
            clients => Self(clients),
        }
    }
}

impl Transport for Reqwest {
    async fn send(&self, mut request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        let (client, proxy) = self.client(&request)?;
        request.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        // The target must survive unchanged.
        let target = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
        let request = reqwest::Request::try_from(request).map_err(permanent)?;
        if !request.url().as_str().ends_with(&target) {
            return Err(permanent("reqwest would change the URL"));
        }
        let response = client.execute(request).await.map_err(|error| {
            let is_before_sending = error.is_connect();
            let error: BoxError = match &proxy {
                Some(proxy) => tunnel_error(proxy, error).into(),
                None => error.into(),
            };
            let error = explain(error, TransportErrorKind::Connection);
            if is_before_sending { error.before_sending() } else { error }
        })?;
        check_head_size(head_size(response.headers()))?;
        Ok(Response::from(response).map(|body| from_http_body(body, explain)))
    }

    fn send_owned(&self, request: Request<Bytes>) -> Option<OwnedSend> {
        let reqwest = self.clone();
        Some(Box::pin(async move { reqwest.send(request).await }))
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

impl Reqwest {
    /// Returns the client for a request, and the proxy on its way.
    fn client<B>(
        &self,
        request: &Request<B>,
    ) -> Result<(reqwest::Client, Option<Proxy>), TransportError> {
        let Limits { address_policy: mut policy, stall, .. } = Limits::of(request);
        let is_download = stall.is_some();
        let (proxies, clients) = match &self.0 {
            Clients::Own(proxies, clients) => (proxies, clients),
            Clients::Given(_) if is_download => {
                return Err(permanent("the addresses of the file server cannot be checked"));
            }
            Clients::Given(client) | Clients::Unchecked(client) => {
                return Ok((client.clone(), None));
            }
        };
        let proxy = proxies.proxy_for_url(request.uri())?;
        if proxy.is_some() && request.uri().scheme() == Some(&Scheme::HTTP) {
            return Err(permanent("reqwest cannot tunnel plain http through a proxy"));
        }
        if proxy.is_some() {
            // The proxy resolves the target; only its own name is resolved here.
            policy = AddressPolicy::Any;
        }
        Ok((clients.get(&policy).map_err(permanent)?, proxy))
    }
}

impl fmt::Debug for Reqwest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reqwest(..)")
    }
}

fn build(proxies: Proxies, policy: AddressPolicy) -> Result<reqwest::Client, BoxError> {
    let builder = settings(proxies).dns_resolver(Resolver(policy));
    Ok(builder.tls_backend_preconfigured(tls_config()?).build()?)
}

fn tls_config() -> Result<ClientConfig, rustls::Error> {
    let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?;
    Ok(match tls.clone().with_platform_verifier() {
        Ok(tls) => tls.with_no_client_auth(),
        // No roots: no server is trusted, but plain HTTP works.
        Err(_) => tls.with_root_certificates(RootCertStore::empty()).with_no_client_auth(),
    })
}

/// Returns the settings of every client of this crate.
fn settings(proxies: Proxies) -> reqwest::ClientBuilder {
    let proxy = reqwest::Proxy::custom(move |url| {
        Some(proxies.proxy_for_url(&url.as_str().parse().ok()?).ok()??.url())
    });
    let builder = reqwest::Client::builder().redirect(redirect::Policy::none());
    let builder = builder.retry(retry::never()).http1_only().no_proxy().proxy(proxy);
    let builder = builder.no_gzip().no_brotli().no_zstd().no_deflate();
    let builder = builder.http1_max_headers(HEADERS_LIMIT);
    // reqwest shares the limit among the addresses of a name.
    builder.connect_timeout(CONNECT_LIMIT).pool_idle_timeout(IDLE_LIMIT)
}

fn permanent(problem: impl Into<BoxError>) -> TransportError {
    TransportError::new(TransportErrorKind::Permanent, problem)
}

/// Maps an error of a request through a proxy. reqwest reports a missing login only in its message.
fn tunnel_error(proxy: &Proxy, error: reqwest::Error) -> TunnelError {
    let mut causes = iter::successors(error.source(), |&cause| cause.source());
    match causes.any(|cause| cause.to_string().contains("proxy authorization required")) {
        true => TunnelError::refused(proxy, StatusCode::PROXY_AUTHENTICATION_REQUIRED),
        false => TunnelError::failed(proxy, error.without_url()),
    }
}

/// Maps an error, without the URL: that of a download is a secret.
fn explain(error: BoxError, broken: TransportErrorKind) -> TransportError {
    let error = match error.downcast::<reqwest::Error>() {
        Ok(error) => error.without_url().into(),
        Err(error) => error,
    };
    // reqwest does not export the type of this error.
    TransportError::of_chain_with(error, broken, tls::is_permanent)
        .not_http_if(|error| error.to_string().starts_with("invalid HTTP "))
}

/// Resolves names and drops the addresses that the policy forbids.
struct Resolver(AddressPolicy);

impl dns::Resolve for Resolver {
    fn resolve(&self, name: dns::Name) -> dns::Resolving {
        let policy = self.0.clone();
        Box::pin(async move {
            // tokio's own lookup panics if no thread can start.
            let found = Worker::start()?.look_up(name.as_str().to_owned()).await?;
            let permitted = AddressError::filter(name.as_str(), &policy, found)?;
            Ok(Box::new(permitted.into_iter()) as dns::Addrs)
        })
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::net::{SocketAddr, TcpListener};

    use tcss_export_testkit::wire::SilentAddress;

    use super::*;

    /// Resolves every name to the same addresses.
    struct FixedLookup(Vec<SocketAddr>);

    impl dns::Resolve for FixedLookup {
        fn resolve(&self, _: dns::Name) -> dns::Resolving {
            let found = self.0.clone();
            Box::pin(async { Ok(Box::new(found.into_iter()) as dns::Addrs) })
        }
    }

    /// Connects to a name with a silent address, directly or through a proxy.
    async fn connect(proxies: impl Fn(u16) -> Proxies) -> std::io::Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let silent = SilentAddress::with_port(address.port())?;
        let builder = settings(proxies(address.port()))
            .dns_resolver(FixedLookup(vec![silent.addr(), address]))
            .tls_backend_preconfigured(tls_config().unwrap())
            .connect_timeout(Duration::from_millis(400));
        let url = format!("https://files.example:{}/", address.port());
        // The listener answers neither the handshake nor CONNECT.
        let error = builder.build().unwrap().get(url).send().await.unwrap_err();
        assert!(error.is_connect());
        listener.accept().map(drop)
    }

    #[tokio::test]
    async fn a_silent_address_leaves_time_for_the_next_one() {
        connect(|_| Proxies::default()).await.expect("a connection");
    }

    #[tokio::test]
    async fn a_silent_address_of_a_proxy_leaves_time_for_the_next_one() {
        let proxy = |port| Some(format!("http://p.example:{port}").into());
        let proxies =
            |port| Proxies::from_variables(|name| proxy(port).filter(|_| name == "https_proxy"));
        connect(proxies).await.expect("a connection");
    }
}
