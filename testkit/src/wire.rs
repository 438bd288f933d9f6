//! Servers that send raw bytes, for tests of transports on the wire.
//!
//! [`WireServer`] records the bytes of each request and sends [`WireAnswer`]s, plain or over TLS.
//! [`TlsProxy`] adds TLS to any plain address, such as that of a [`Service`](crate::Service).
//! [`ConnectProxy`] connects clients to either. All run on background threads, on 127.0.0.1. Each
//! server with TLS makes its own certificate authority and a certificate for `localhost` and
//! `127.0.0.1`, or for a given host.
//!
//! # Examples
//!
//! ```
//! use std::io::{Read, Write};
//! use std::net::TcpStream;
//!
//! use tcss_export_testkit::wire::{WireAnswer, WireServer};
//!
//! # fn main() -> std::io::Result<()> {
//! let server = WireServer::plain([WireAnswer::json("{}").then_close()])?;
//! let mut stream = TcpStream::connect(server.addr())?;
//! stream.write_all(b"GET / HTTP/1.1\r\n\r\n")?;
//! let mut answer = String::new();
//! stream.read_to_string(&mut answer)?;
//! assert!(answer.ends_with("\r\n\r\n{}"));
//! assert_eq!(server.requests(), [b"GET / HTTP/1.1\r\n\r\n"]);
//! # Ok(())
//! # }
//! ```

mod answer;
mod certificates;
mod proxies;
mod request;

use std::fmt;
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;

use self::certificates::Authority;
use self::request::{Requests, next_request};
use crate::listener::{Listener, bind};

pub use self::answer::WireAnswer;
pub use self::proxies::{ConnectProxy, TlsProxy};

/// A server on 127.0.0.1 that records requests as raw bytes and sends given answers.
///
/// The first request gets the first answer, on any connection; the last answer repeats. The
/// Content-Length of a request determines the end of its body. Dropping the server closes its
/// connections at once, even if a client waits for an answer. See the
/// [module's example](self#examples).
pub struct WireServer {
    listener: Listener,
    script: Arc<Script>,
    authority: Option<Authority>,
}

/// The answers and the requests of all connections.
struct Script {
    answers: Vec<WireAnswer>,
    requests: Requests,
}

impl WireServer {
    /// Starts a server without TLS.
    ///
    /// # Errors
    ///
    /// `InvalidInput` without any answer, else the system's error if no port is available.
    pub fn plain(answers: impl IntoIterator<Item = WireAnswer>) -> io::Result<Self> {
        Self::start(answers.into_iter().collect(), None)
    }

    /// Starts a server with TLS and its own authority ([`ca_pem`](Self::ca_pem)).
    ///
    /// # Errors
    ///
    /// As for [`plain`](Self::plain), or if the certificate cannot be made.
    pub fn tls(answers: impl IntoIterator<Item = WireAnswer>) -> io::Result<Self> {
        Self::start(answers.into_iter().collect(), Some(Authority::for_loopback()?))
    }

    /// Starts a server with TLS and a certificate for another host; a client can reach it through a
    /// [`ConnectProxy`].
    ///
    /// # Errors
    ///
    /// As for [`tls`](Self::tls).
    pub fn tls_for(host: &str, answers: impl IntoIterator<Item = WireAnswer>) -> io::Result<Self> {
        Self::start(answers.into_iter().collect(), Some(Authority::for_hosts(&[host])?))
    }

    fn start(answers: Vec<WireAnswer>, authority: Option<Authority>) -> io::Result<Self> {
        if answers.is_empty() {
            let problem = "expected at least one answer";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, problem));
        }
        let script = Arc::new(Script { answers, requests: Requests::default() });
        let acceptor = authority.as_ref().map(|authority| authority.acceptor.clone());
        let shared = Arc::clone(&script);
        let listener = Listener::start(bind(0)?, move |stream| {
            serve(stream, acceptor.clone(), Arc::clone(&shared))
        })?;
        Ok(Self { listener, script, authority })
    }

    /// Returns the address of the server.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.listener.addr()
    }

    /// Returns the address as a URL, `http://127.0.0.1:port` or `https://localhost:port`.
    #[must_use]
    pub fn url(&self) -> String {
        match self.authority {
            Some(_) => format!("https://localhost:{}", self.addr().port()),
            None => format!("http://{}", self.addr()),
        }
    }

    /// Returns all complete requests so far: head and body, byte for byte.
    #[must_use]
    pub fn requests(&self) -> Vec<Vec<u8>> {
        self.script.requests.all()
    }

    /// Returns the number of connections so far.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.listener.connections()
    }

    /// Returns the authority's certificate as PEM; empty without TLS.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        self.authority.as_ref().map_or("", |authority| &authority.pem)
    }

    /// Returns the authority's certificate as DER; empty without TLS.
    #[must_use]
    pub fn ca_der(&self) -> &[u8] {
        self.authority.as_ref().map_or(&[], |authority| &authority.der)
    }
}

impl fmt::Debug for WireServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WireServer").field("addr", &self.addr()).finish_non_exhaustive()
    }
}

async fn serve(
    stream: TcpStream,
    acceptor: Option<TlsAcceptor>,
    script: Arc<Script>,
) -> io::Result<()> {
    match acceptor {
        Some(acceptor) => script.serve(acceptor.accept(stream).await?).await,
        None => script.serve(stream).await,
    }
}

impl Script {
    async fn serve(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
        let mut buffer = Vec::new();
        while let Some(request) = next_request(&mut stream, &mut buffer).await? {
            match self.answer(request) {
                Some(WireAnswer::Send { bytes, close, slowly }) => {
                    send(&mut stream, &bytes, slowly).await?;
                    if close {
                        break;
                    }
                }
                Some(WireAnswer::Hang) => pending().await,
                Some(WireAnswer::Close) | None => break,
            }
        }
        stream.shutdown().await
    }

    /// Records a request and returns its answer.
    fn answer(&self, request: Vec<u8>) -> Option<WireAnswer> {
        let position = self.requests.push(request);
        self.answers.get(position).or_else(|| self.answers.last()).cloned()
    }
}

async fn send(
    stream: &mut (impl AsyncWrite + Unpin),
    bytes: &[u8],
    slowly: Option<(usize, Duration)>,
) -> io::Result<()> {
    let (piece, pause) = slowly.unwrap_or((bytes.len(), Duration::ZERO));
    for piece in bytes.chunks(piece.max(1)) {
        if !pause.is_zero() {
            sleep(pause).await;
        }
        stream.write_all(piece).await?;
        stream.flush().await?;
    }
    Ok(())
}
