//! Opens TCP connections, and tunnels through a proxy.

use std::{
    error::Error,
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use http::Uri;
use hyper_util::{client::legacy::connect::HttpConnector, rt::TokioIo};
use tcss_export_core::AddressPolicy;
use tcss_export_driver::{CONNECT_LIMIT, Proxies, Proxy};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};
use tower_service::Service;

use crate::resolver::Resolver;

/// Opens a connection to a host, directly or through a proxy.
#[derive(Clone, Debug)]
pub(crate) struct Dialer<C = HttpConnector<Resolver>> {
    proxies: Proxies,
    direct: C,
    to_proxy: C,
}

pub(crate) type BoxError = Box<dyn Error + Send + Sync>;

impl Dialer {
    pub(crate) fn new(proxies: Proxies, address_policy: AddressPolicy) -> Self {
        let direct = connector(Resolver::new(address_policy), CONNECT_LIMIT);
        // The proxy resolves the target; only its own name is resolved here.
        let to_proxy = connector(Resolver::new(AddressPolicy::Any), CONNECT_LIMIT);
        Self { proxies, direct, to_proxy }
    }
}

/// Connects to one of the addresses of a name. They share the limit.
fn connector<L>(resolver: Resolver<L>, limit: Duration) -> HttpConnector<Resolver<L>> {
    let mut connector = HttpConnector::new_with_resolver(resolver);
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(limit));
    connector
}

impl<C> Service<Uri> for Dialer<C>
where
    C: Service<Uri, Response = TokioIo<TcpStream>, Error: Into<BoxError>, Future: Send>,
    C: Clone + Send + 'static,
{
    type Response = TokioIo<TcpStream>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let Self { proxies, mut direct, mut to_proxy } = self.clone();
        Box::pin(async move {
            let Some(proxy) = proxies.proxy_for_url(&uri)? else {
                return direct.call(uri).await.map_err(Into::into);
            };
            let address = Uri::builder().scheme("http").authority(proxy.to_string());
            let address = address.path_and_query("/").build()?;
            let mut stream = to_proxy.call(address).await.map_err(Into::into)?.into_inner();
            open_tunnel(&mut stream, &proxy, &uri).await?;
            Ok(TokioIo::new(stream))
        })
    }
}

/// Asks the proxy to connect the stream to the host of `uri`.
async fn open_tunnel(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    proxy: &Proxy,
    uri: &Uri,
) -> Result<(), BoxError> {
    stream.write_all(proxy.connect_request(uri).as_bytes()).await?;
    let mut answer = Vec::with_capacity(1024);
    while !proxy.opens_tunnel(&answer)? {
        if stream.read_buf(&mut answer).await? == 0 {
            let problem = "the proxy closed the connection without a whole answer";
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, problem).into());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use tcss_export_core::TransportErrorKind;
    use tcss_export_driver::TransportError;
    #[cfg(target_os = "linux")]
    use tcss_export_testkit::wire::{ConnectProxy, SilentAddress};
    use tcss_export_testkit::wire::{WireAnswer, WireServer};

    use super::*;
    use crate::resolver::tests::FixedLookup;

    fn proxy(url: &str) -> Proxy {
        let proxies = Proxies::from_variables(|name| (name == "https_proxy").then(|| url.into()));
        proxies.proxy_for(&"gw.example".parse().unwrap()).unwrap().unwrap()
    }

    fn uri(text: &'static str) -> Uri {
        Uri::from_static(text)
    }

    /// Opens a tunnel through a proxy that answers with these pieces, one read each, and hangs up.
    async fn answered(pieces: &[&[u8]]) -> Result<(), BoxError> {
        let (mut client, mut server) = tokio::io::duplex(64 * 1024);
        let play = async {
            for piece in pieces {
                server.write_all(piece).await.unwrap();
                tokio::task::yield_now().await;
            }
            drop(server);
        };
        let (proxy, uri) = (proxy("p.example"), uri("https://gw.example/"));
        tokio::join!(open_tunnel(&mut client, &proxy, &uri), play).0
    }

    async fn refusal(pieces: &[&[u8]]) -> String {
        answered(pieces).await.unwrap_err().to_string()
    }

    #[tokio::test]
    async fn an_answer_may_come_in_pieces() {
        for cut in 1..38 {
            let (one, two) = b"HTTP/1.0 200 Connected\r\nVia: 1.1 x\r\n\r\n".split_at(cut);
            assert!(answered(&[one, two]).await.is_ok(), "cut at {cut}");
        }
    }

    #[tokio::test]
    async fn a_proxy_that_refuses_or_disconnects_opens_no_tunnel() {
        assert!(refusal(&[b"HTTP/1.1 407 Who\r\n\r\n"]).await.contains("status 407"));
        assert!(refusal(&[]).await.contains("without a whole answer"));
        assert!(refusal(&[b"HTTP/1.1 200 OK\r\n"]).await.contains("without a whole answer"));
    }

    /// Connects to a name that has these addresses, directly or through a proxy at these addresses.
    async fn dialed(proxy: Option<&str>, addresses: &[SocketAddr]) -> Result<SocketAddr, BoxError> {
        let variable = |name: &str| proxy.filter(|_| name == "https_proxy").map(Into::into);
        let proxies = Proxies::from_variables(variable);
        let lookup = FixedLookup(addresses.to_vec());
        let resolver = Resolver::with_lookup(lookup, AddressPolicy::Any);
        let connector = connector(resolver, Duration::from_millis(400));
        let mut dialer = Dialer { proxies, direct: connector.clone(), to_proxy: connector };
        let uri = format!("https://files.example:{}/", addresses[0].port());
        Ok(dialer.call(uri.parse()?).await?.inner().peer_addr()?)
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_silent_address_leaves_time_for_the_next_one() {
        let server = WireServer::plain([WireAnswer::Hang]).unwrap();
        let silent = SilentAddress::with_port(server.addr().port()).unwrap();
        let connected = dialed(None, &[silent.addr(), server.addr()]).await;
        assert_eq!(connected.unwrap(), server.addr());
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_silent_address_of_a_proxy_leaves_time_for_the_next_one() {
        let server = WireServer::plain([WireAnswer::Hang]).unwrap();
        let proxy = ConnectProxy::to(server.addr()).unwrap();
        let silent = SilentAddress::with_port(proxy.addr().port()).unwrap();
        let url = format!("http://p.example:{}", proxy.addr().port());
        let connected = dialed(Some(&url), &[silent.addr(), proxy.addr()]).await;
        assert_eq!(connected.unwrap(), proxy.addr());
        assert_eq!(proxy.requests().len(), 1);
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn without_an_answer_from_any_address_it_is_a_timeout() {
        let port = WireServer::plain([WireAnswer::Hang]).unwrap().addr().port();
        let silent = SilentAddress::with_port(port).unwrap();
        let error = dialed(None, &[silent.addr(); 2]).await.unwrap_err();
        let error = TransportError::of_chain(error, TransportErrorKind::Connection);
        assert_eq!(error.kind(), TransportErrorKind::Timeout);
    }

    #[tokio::test]
    async fn closed_addresses_are_a_refused_connection() {
        let closed = WireServer::plain([WireAnswer::Hang]).unwrap().addr();
        let error = dialed(None, &[closed; 2]).await.unwrap_err();
        let error = TransportError::of_chain(error, TransportErrorKind::Connection);
        assert_eq!(error.kind(), TransportErrorKind::Connection);
        assert!(!error.may_have_arrived());
    }
}
