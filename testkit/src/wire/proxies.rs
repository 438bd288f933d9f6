//! Proxies that forward bytes to one address.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::certificates::Authority;
use super::next_request;
use crate::listener::{Listener, bind};
use crate::lock;

/// Adds TLS to a plain address, so that tests can reach a [`Service`](crate::Service) over https.
///
/// It changes no bytes. Dropping it closes its connections.
///
/// # Examples
///
/// ```
/// use tcss_export_testkit::Service;
/// use tcss_export_testkit::wire::TlsProxy;
///
/// # fn main() -> std::io::Result<()> {
/// let service = Service::builder().start()?;
/// let proxy = TlsProxy::to(service.addr())?;
/// assert!(proxy.url().starts_with("https://localhost:"));
/// # Ok(())
/// # }
/// ```
pub struct TlsProxy {
    listener: Listener,
    authority: Authority,
}

impl TlsProxy {
    /// Starts a proxy before the service at this address.
    ///
    /// # Errors
    ///
    /// The system's error if no port is available, or if the certificate cannot be made.
    pub fn to(addr: SocketAddr) -> io::Result<Self> {
        let authority = Authority::for_loopback()?;
        let acceptor = authority.acceptor.clone();
        let listener = Listener::start(bind(0, false)?, move |client| {
            serve_tls(client, acceptor.clone(), addr)
        })?;
        Ok(Self { listener, authority })
    }

    /// Returns the address of the proxy.
    pub const fn addr(&self) -> SocketAddr {
        self.listener.addr()
    }

    /// Returns the address as a URL, `https://localhost:port`.
    pub fn url(&self) -> String {
        format!("https://localhost:{}", self.addr().port())
    }

    /// Returns the number of connections so far.
    pub fn connections(&self) -> usize {
        self.listener.connections()
    }

    /// Returns the authority's certificate as PEM.
    pub fn ca_pem(&self) -> &str {
        &self.authority.pem
    }

    /// Returns the authority's certificate as DER.
    pub fn ca_der(&self) -> &[u8] {
        &self.authority.der
    }
}

impl fmt::Debug for TlsProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsProxy").field("addr", &self.addr()).finish_non_exhaustive()
    }
}

/// A proxy on 127.0.0.1 that accepts each `CONNECT` and connects to one address, whatever host the
/// client names.
///
/// A test can use a host that does not exist, and check the bytes that the proxy receives. For a
/// proxy that refuses, use a [`WireServer`](super::WireServer) with that answer.
///
/// # Examples
///
/// ```
/// use std::io::{Read, Write};
/// use std::net::TcpStream;
///
/// use tcss_export_testkit::wire::{ConnectProxy, WireAnswer, WireServer};
///
/// # fn main() -> std::io::Result<()> {
/// let server = WireServer::plain([WireAnswer::json("{}").then_close()])?;
/// let proxy = ConnectProxy::to(server.addr())?;
/// let mut stream = TcpStream::connect(proxy.addr())?;
/// stream.write_all(b"CONNECT gw.example:80 HTTP/1.1\r\n\r\n")?;
/// let mut established = [0; 39];
/// stream.read_exact(&mut established)?;
/// assert!(established.starts_with(b"HTTP/1.1 200 ") && established.ends_with(b"\r\n\r\n"));
/// stream.write_all(b"GET / HTTP/1.1\r\n\r\n")?;
/// let mut answer = String::new();
/// stream.read_to_string(&mut answer)?;
/// assert!(answer.ends_with("\r\n\r\n{}"));
/// assert_eq!(proxy.requests(), [b"CONNECT gw.example:80 HTTP/1.1\r\n\r\n"]);
/// # Ok(())
/// # }
/// ```
pub struct ConnectProxy {
    listener: Listener,
    requests: Arc<Mutex<Vec<Vec<u8>>>>,
}

const ESTABLISHED: &[u8] = b"HTTP/1.1 200 Connection established\r\n\r\n";

impl ConnectProxy {
    /// Starts a proxy that connects to this address.
    ///
    /// # Errors
    ///
    /// The system's error if no port is available.
    pub fn to(addr: SocketAddr) -> io::Result<Self> {
        Self::answering(ESTABLISHED, addr)
    }

    /// Starts a proxy that connects to this address and sends these bytes in answer to `CONNECT`.
    ///
    /// # Errors
    ///
    /// As for [`to`](Self::to).
    pub fn answering(answer: impl Into<Vec<u8>>, addr: SocketAddr) -> io::Result<Self> {
        let (requests, answer) = (Arc::default(), Arc::<[u8]>::from(answer.into()));
        let shared = Arc::clone(&requests);
        let listener = Listener::start(bind(0, false)?, move |client| {
            serve_connect(client, Arc::clone(&shared), Arc::clone(&answer), addr)
        })?;
        Ok(Self { listener, requests })
    }

    /// Returns the address of the proxy.
    pub const fn addr(&self) -> SocketAddr {
        self.listener.addr()
    }

    /// Returns the head of every `CONNECT` so far, byte for byte.
    pub fn requests(&self) -> Vec<Vec<u8>> {
        lock(&self.requests).clone()
    }

    /// Returns the number of connections so far.
    pub fn connections(&self) -> usize {
        self.listener.connections()
    }
}

impl fmt::Debug for ConnectProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectProxy").field("addr", &self.addr()).finish_non_exhaustive()
    }
}

async fn serve_tls(client: TcpStream, acceptor: TlsAcceptor, addr: SocketAddr) -> io::Result<()> {
    let mut client = acceptor.accept(client).await?;
    copy_bidirectional(&mut client, &mut connect(addr).await?).await.map(drop)
}

async fn serve_connect(
    mut client: TcpStream,
    requests: Arc<Mutex<Vec<Vec<u8>>>>,
    answer: Arc<[u8]>,
    addr: SocketAddr,
) -> io::Result<()> {
    // A client sends nothing more before the answer.
    let Some(request) = next_request(&mut client, &mut Vec::new()).await? else { return Ok(()) };
    lock(&requests).push(request);
    let mut target = connect(addr).await?;
    client.write_all(&answer).await?;
    copy_bidirectional(&mut client, &mut target).await.map(drop)
}

async fn connect(addr: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(addr).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
