use std::{
    io,
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll, ready},
    time::Duration,
};

use http::{Uri, uri::Scheme};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::{client::legacy::connect::HttpConnector, rt::TokioIo};
use tokio::{net::TcpStream, time::timeout};
use tower_service::Service;

/// How long making a connection may take, TLS included.
pub const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// Connects for [`Client::new`](crate::Client::new): plainly or by TLS, on tokio.
///
/// The operating system's roots are read when the first `https` request needs them, so that plain
/// requests to a loopback service work on a machine that has none.
#[derive(Clone, Debug)]
pub struct Connector {
    plain: HttpConnector,
    tls: Arc<OnceLock<HttpsConnector<HttpConnector>>>,
}

type Stream = MaybeHttpsStream<TokioIo<TcpStream>>;
type BoxError = Box<dyn std::error::Error + Send + Sync>;

impl Connector {
    pub(crate) fn new() -> Self {
        let mut plain = HttpConnector::new();
        plain.enforce_http(false);
        plain.set_nodelay(true);
        Self { plain, tls: Arc::default() }
    }

    fn tls(&self) -> io::Result<HttpsConnector<HttpConnector>> {
        if let Some(tls) = self.tls.get() {
            return Ok(tls.clone());
        }
        let tls = HttpsConnectorBuilder::new()
            .with_provider_and_platform_verifier(rustls::crypto::ring::default_provider())
            // No usable roots: asking again does not help.
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?
            .https_only()
            .enable_http1()
            .wrap_connector(self.plain.clone());
        Ok(self.tls.get_or_init(|| tls).clone())
    }
}

impl Service<Uri> for Connector {
    type Response = Stream;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        ready!(self.plain.poll_ready(context))?;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let this = self.clone();
        Box::pin(async move {
            match timeout(CONNECT_LIMIT, this.connect(uri)).await {
                Ok(stream) => stream,
                Err(elapsed) => Err(io::Error::new(io::ErrorKind::TimedOut, elapsed).into()),
            }
        })
    }
}

impl Connector {
    async fn connect(mut self, uri: Uri) -> Result<Stream, BoxError> {
        if uri.scheme() == Some(&Scheme::HTTPS) {
            return self.tls()?.call(uri).await;
        }
        Ok(MaybeHttpsStream::Http(self.plain.call(uri).await?))
    }
}
