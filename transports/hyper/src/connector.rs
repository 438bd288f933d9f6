//! Connects to a host, with TLS where the URL asks for it.

use std::{
    io,
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll},
};

use http::{Uri, uri::Scheme};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::rt::TokioIo;
use tcss_export_core::AddressPolicy;
use tcss_export_driver::{CONNECT_LIMIT, Proxies, TunnelError};
use tokio::{net::TcpStream, time::timeout};
use tower_service::Service;

use crate::dialer::{BoxError, Dialer};

/// The connector of the default transport, on tokio: with or without TLS, directly or through a
/// proxy.
///
/// It reads the operating system's roots at the first `https` request, so that a machine without
/// roots can still reach a loopback service over plain HTTP.
#[derive(Clone, Debug)]
pub struct Connector {
    proxies: Proxies,
    dialer: Dialer,
    tls: Arc<OnceLock<HttpsConnector<Dialer>>>,
}

type Stream = MaybeHttpsStream<TokioIo<TcpStream>>;

impl Connector {
    /// Creates a connector. The address policy applies to direct connections; a proxy resolves
    /// names itself. An unusable proxy makes every connection fail.
    pub(crate) fn new(proxies: Proxies, address_policy: AddressPolicy) -> Self {
        let dialer = Dialer::new(proxies.clone(), address_policy);
        Self { proxies, dialer, tls: Arc::default() }
    }

    fn tls(&self) -> io::Result<HttpsConnector<Dialer>> {
        if let Some(tls) = self.tls.get() {
            return Ok(tls.clone());
        }
        let tls = HttpsConnectorBuilder::new()
            .with_provider_and_platform_verifier(rustls::crypto::ring::default_provider())
            // `InvalidData` wraps the error of rustls, which is permanent.
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

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let this = self.clone();
        Box::pin(async move {
            let proxy = this.proxies.proxy_for_url(&uri)?;
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
