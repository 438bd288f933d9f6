//! Binds tcss-export to [reqwest](https://docs.rs/reqwest): an async client on tokio.

#![cfg_attr(docsrs, feature(doc_cfg))]

use std::{env, error::Error, fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header::ACCEPT_ENCODING};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{ClientBuilder, dns, redirect, retry};
use tcss_export_core::{
    SendFault,
    download::{Limits, Reach},
};
use tcss_export_driver::{
    AddressError, BodyStream, CONNECT_LIMIT, IDLE_LIMIT, Proxies, Transport, TransportError,
};

type BoxError = Box<dyn Error + Send + Sync>;

/// An async client of the service over reqwest.
pub type Client = tcss_export_driver::Client<Reqwest>;

/// A transport over reqwest. Clones share connections.
#[derive(Clone)]
pub struct Reqwest {
    proxies: Proxies,
    /// By reach: any, loopback, public.
    clients: [Arc<reqwest::Result<reqwest::Client>>; 3],
}

/// Works on tokio; over HTTPS if reqwest is built with a feature for TLS. It goes through the proxy
/// that the environment names now.
impl Default for Reqwest {
    fn default() -> Self {
        Self::with_builder(reqwest::Client::builder)
    }
}

impl Reqwest {
    /// Creates a transport on a builder of yours, which is asked for three clients.
    pub fn with_builder(builder: impl Fn() -> ClientBuilder) -> Self {
        let proxies = Proxies::from_variables(|name| env::var_os(name));
        let build = |reach| {
            let named = proxies.clone();
            let proxy = reqwest::Proxy::custom(move |url| {
                let url = url.as_str().parse().ok()?;
                let proxy = named.proxy_for_url(&url).ok()??;
                let login = [proxy.username(), proxy.password()]
                    .map(|text| utf8_percent_encode(text.unwrap_or_default(), NON_ALPHANUMERIC));
                Some(format!("http://{}:{}@{proxy}", login[0], login[1]))
            });
            let builder = builder().redirect(redirect::Policy::none()).retry(retry::never());
            let builder = builder.no_gzip().no_brotli().no_zstd().no_deflate().http1_only();
            let builder = builder.no_proxy().proxy(proxy).dns_resolver(Permitted(reach));
            let builder = builder.connect_timeout(CONNECT_LIMIT).pool_idle_timeout(IDLE_LIMIT);
            Arc::new(builder.build())
        };
        let clients = [Reach::Any, Reach::Loopback, Reach::Public].map(build);
        Self { proxies, clients }
    }

    fn client<B>(&self, request: &Request<B>) -> Result<&reqwest::Client, TransportError> {
        // Of a proxy, it is the proxy's own name that is looked up here.
        let is_direct = self.proxies.proxy_for_url(request.uri())?.is_none();
        let limits = request.extensions().get().filter(|_| is_direct);
        let client = &self.clients[match limits.map(|limits: &Limits| limits.reach) {
            Some(Reach::Public) => 2,
            Some(Reach::Loopback) => 1,
            _ => 0,
        }];
        let built = client.as_ref().as_ref();
        built.map_err(|error| TransportError::new(SendFault::Permanent, error.to_string()))
    }
}

impl Transport for Reqwest {
    type Body = BodyStream<reqwest::Body>;

    async fn send(
        &self,
        mut request: Request<Bytes>,
    ) -> Result<Response<Self::Body>, TransportError> {
        let client = self.client(&request)?;
        request.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let path = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
        let request = reqwest::Request::try_from(request);
        let request = request.map_err(|error| failed(error, SendFault::Permanent))?;
        // reqwest rewrites some characters, and then the signature of a URL holds no longer.
        if !request.url().as_str().ends_with(&path) {
            return Err(TransportError::new(SendFault::Permanent, "reqwest would change the URL"));
        }
        let answer = client.execute(request).await.map_err(|error| {
            let is_before_sending = error.is_connect();
            let error = failed(error, SendFault::Connection);
            if is_before_sending { error.before_sending() } else { error }
        })?;
        Ok(Response::from(answer).map(|body| BodyStream::new(body, failed)))
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

impl fmt::Debug for Reqwest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reqwest(..)")
    }
}

/// The URL of a download is a secret, and an error of reqwest would show it.
fn failed(error: impl Into<BoxError>, broken: SendFault) -> TransportError {
    match error.into().downcast::<reqwest::Error>() {
        Ok(error) => TransportError::of_chain(error.without_url(), broken),
        Err(error) => TransportError::of_chain(error, broken),
    }
}

/// Looks names up and leaves out the addresses that must not be connected to.
struct Permitted(Reach);

impl dns::Resolve for Permitted {
    fn resolve(&self, name: dns::Name) -> dns::Resolving {
        let reach = self.0;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let permitted =
                AddressError::filter(name.as_str(), reach, found).map_err(BoxError::from)?;
            Ok(Box::new(permitted.into_iter()) as dns::Addrs)
        })
    }
}
