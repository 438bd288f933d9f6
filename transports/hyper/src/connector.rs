use std::{
    io,
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll},
};

use http::{Uri, uri::Scheme};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::rt::TokioIo;
use tcss_export_core::download::Reach;
use tcss_export_driver::{CONNECT_LIMIT, Proxy, ProxyError, TunnelError};
use tokio::{net::TcpStream, time::timeout};
use tower_service::Service;

use crate::{
    dialer::{BoxError, Dialer},
    resolver::Resolver,
};

/// Connects for [`Client::new`](crate::Client::new): plainly or by TLS, straight or through a
/// proxy, on tokio.
///
/// The operating system's roots are read when the first `https` request needs them, so that plain
/// requests to a loopback service work on a machine that has none.
#[derive(Clone, Debug)]
pub struct Connector {
    proxy: Result<Option<Arc<Proxy>>, ProxyError>,
    dialer: Dialer,
    tls: Arc<OnceLock<HttpsConnector<Dialer>>>,
}

type Stream = MaybeHttpsStream<TokioIo<TcpStream>>;

impl Connector {
    /// Makes a connector that goes through this proxy; an error is told at each connection.
    pub(crate) fn new(proxy: Result<Option<Proxy>, ProxyError>) -> Self {
        Self::with_resolver(proxy, Resolver::new(Reach::Any))
    }

    /// Makes a connector for a download, which looks at each address.
    pub(crate) fn for_download(proxy: Option<Proxy>, reach: Reach) -> Self {
        // Of a proxy, it is the proxy's own name that is looked up here.
        let reach = if proxy.is_some() { Reach::Any } else { reach };
        Self::with_resolver(Ok(proxy), Resolver::new(reach))
    }

    fn with_resolver(proxy: Result<Option<Proxy>, ProxyError>, resolver: Resolver) -> Self {
        let proxy = proxy.map(|proxy| proxy.map(Arc::new));
        let dialer = Dialer::new(proxy.clone().ok().flatten(), resolver);
        Self { proxy, dialer, tls: Arc::default() }
    }

    fn tls(&self) -> io::Result<HttpsConnector<Dialer>> {
        if let Some(tls) = self.tls.get() {
            return Ok(tls.clone());
        }
        let tls = HttpsConnectorBuilder::new()
            .with_provider_and_platform_verifier(rustls::crypto::ring::default_provider())
            // No usable roots: asking again does not help.
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?
            .https_only()
            .enable_http1()
            .wrap_connector(self.dialer.clone());
        Ok(self.tls.get_or_init(|| tls).clone())
    }
}

impl Service<Uri> for Connector {
    type Response = Stream;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.dialer.poll_ready(context)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let this = self.clone();
        Box::pin(async move {
            let proxy = this.proxy.clone()?;
            let stream = match timeout(CONNECT_LIMIT, this.connect(uri)).await {
                Ok(stream) => stream,
                Err(elapsed) => Err(io::Error::new(io::ErrorKind::TimedOut, elapsed).into()),
            };
            stream.map_err(|error| match proxy {
                Some(proxy) if !error.is::<TunnelError>() => {
                    TunnelError::failed(&proxy, error).into()
                }
                _ => error,
            })
        })
    }
}

impl Connector {
    async fn connect(mut self, uri: Uri) -> Result<Stream, BoxError> {
        if uri.scheme() == Some(&Scheme::HTTPS) {
            return self.tls()?.call(uri).await;
        }
        Ok(MaybeHttpsStream::Http(self.dialer.call(uri).await?))
    }
}
