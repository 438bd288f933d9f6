//! Servers that send raw bytes, for tests of transports on the wire.
//!
//! [`WireServer`] records the bytes of each request and sends [`WireAnswer`]s, plain or over TLS.
//! [`TlsProxy`] adds TLS to any plain address, such as that of a [`Service`](crate::Service).
//! [`ConnectProxy`] connects clients to either. [`SilentAddress`] answers nothing at all. All run
//! on background threads, on 127.0.0.1. Each server with TLS makes its own certificate authority
//! and a certificate for `localhost` and `127.0.0.1`, or for a given host.
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

mod certificates;
mod proxies;
mod silent;

use std::fmt::{self, Write as _};
use std::future::pending;
use std::io;
use std::mem;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;

use self::certificates::Authority;
use crate::listener::{Listener, bind};
use crate::lock;

pub use self::{
    certificates::CertificateFault,
    proxies::{ConnectProxy, TlsProxy},
    silent::SilentAddress,
};

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
    /// All requests, byte for byte.
    requests: Mutex<Vec<Vec<u8>>>,
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

    /// Starts a server with TLS and a certificate that no client should accept.
    ///
    /// # Errors
    ///
    /// As for [`tls`](Self::tls).
    pub fn tls_with(
        fault: CertificateFault,
        answers: impl IntoIterator<Item = WireAnswer>,
    ) -> io::Result<Self> {
        Self::start(answers.into_iter().collect(), Some(Authority::with_fault(fault)?))
    }

    fn start(answers: Vec<WireAnswer>, authority: Option<Authority>) -> io::Result<Self> {
        if answers.is_empty() {
            let problem = "expected at least one answer";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, problem));
        }
        let script = Arc::new(Script { answers, requests: Mutex::default() });
        let acceptor = authority.as_ref().map(|authority| authority.acceptor.clone());
        let shared = Arc::clone(&script);
        let listener = Listener::start(bind(0, false)?, move |stream| {
            serve(stream, acceptor.clone(), Arc::clone(&shared))
        })?;
        Ok(Self { listener, script, authority })
    }

    /// Returns the address of the server.
    pub const fn addr(&self) -> SocketAddr {
        self.listener.addr()
    }

    /// Returns the address as a URL, `http://127.0.0.1:port` or `https://localhost:port`.
    pub fn url(&self) -> String {
        match self.authority {
            Some(_) => format!("https://localhost:{}", self.addr().port()),
            None => format!("http://{}", self.addr()),
        }
    }

    /// Returns all complete requests so far: head and body, byte for byte.
    pub fn requests(&self) -> Vec<Vec<u8>> {
        lock(&self.script.requests).clone()
    }

    /// Returns the number of connections so far.
    pub fn connections(&self) -> usize {
        self.listener.connections()
    }

    /// Returns the authority's certificate as PEM; empty without TLS.
    pub fn ca_pem(&self) -> &str {
        self.authority.as_ref().map_or("", |authority| &authority.pem)
    }

    /// Returns the authority's certificate as DER; empty without TLS.
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
                Some(WireAnswer::Send { bytes, close, cut, slowly }) => {
                    send(&mut stream, &bytes, slowly).await?;
                    if cut {
                        return Ok(());
                    }
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
        let mut requests = lock(&self.requests);
        let position = requests.len();
        requests.push(request);
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

const HEAD_END: &[u8] = b"\r\n\r\n";

/// Reads the next request; `None` if the connection ends before its last byte. `buffer` keeps the
/// bytes after it.
async fn next_request(
    stream: &mut (impl AsyncRead + Unpin),
    buffer: &mut Vec<u8>,
) -> io::Result<Option<Vec<u8>>> {
    loop {
        if let Some(length) = length(buffer).filter(|length| *length <= buffer.len()) {
            let rest = buffer.split_off(length);
            return Ok(Some(mem::replace(buffer, rest)));
        }
        buffer.reserve(16 * 1024);
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
}

/// Returns the length of the request at the start of these bytes, if they have its whole head.
fn length(bytes: &[u8]) -> Option<usize> {
    let head = bytes.windows(HEAD_END.len()).position(|window| window == HEAD_END)?;
    let text = String::from_utf8_lossy(bytes.get(..head)?);
    let body = text.lines().find_map(content_length).unwrap_or_default();
    Some((head + HEAD_END.len()).saturating_add(body))
}

fn content_length(line: &str) -> Option<usize> {
    let (name, value) = line.split_once(':')?;
    name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
}

/// The reaction of a [`WireServer`] to one request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WireAnswer {
    /// Sends bytes as they are.
    #[non_exhaustive]
    Send {
        /// The bytes.
        bytes: Vec<u8>,
        /// Whether to close the connection after them.
        close: bool,
        /// Whether to close it without the `close_notify` of TLS.
        cut: bool,
        /// The length of a piece and the pause before each, to send in pieces.
        slowly: Option<(usize, Duration)>,
    },
    /// Closes the connection without an answer.
    Close,
    /// Sends nothing and keeps the connection open until the server is dropped.
    Hang,
}

impl WireAnswer {
    /// Makes an answer of exactly these bytes.
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self::Send { bytes: bytes.into(), close: false, cut: false, slowly: None }
    }

    /// Makes a response of status 200 with a JSON body.
    pub fn json(body: impl AsRef<[u8]>) -> Self {
        Self::response(200, &[("Content-Type", "application/json")], body)
    }

    /// Makes a response; adds a Content-Length unless the headers have one or a Transfer-Encoding.
    pub fn response(status: u16, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        let reason = if status == 200 { "OK" } else { "Made-Up" };
        let mut head = format!("HTTP/1.1 {status} {reason}\r\n");
        // Writing to a `String` cannot fail.
        for (name, value) in headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        if !headers.iter().any(|(name, _)| frames_body(name)) {
            let _ = write!(head, "Content-Length: {}\r\n", body.len());
        }
        head.push_str("\r\n");
        Self::raw([head.as_bytes(), body].concat())
    }

    /// Closes the connection after the answer, instead of keeping it open.
    #[must_use]
    pub fn then_close(mut self) -> Self {
        if let Self::Send { close, .. } = &mut self {
            *close = true;
        }
        self
    }

    /// Closes the connection after the answer, over TLS without a `close_notify`.
    #[must_use]
    pub fn then_cut(mut self) -> Self {
        if let Self::Send { cut, .. } = &mut self {
            *cut = true;
        }
        self
    }

    /// Sends at most `piece` bytes at a time, with a pause before each piece.
    #[must_use]
    pub fn slowly(mut self, piece: usize, pause: Duration) -> Self {
        if let Self::Send { slowly, .. } = &mut self {
            *slowly = Some((piece, pause));
        }
        self
    }
}

fn frames_body(name: &str) -> bool {
    let framing = ["content-length", "transfer-encoding"];
    framing.iter().any(|known| name.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    const TWO: &[u8] = b"POST / HTTP/1.1\r\ncontent-length: 3\r\n\r\nabcGET / HTTP/1.1\r\n\r\n";

    fn all(mut bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut buffer = Vec::new();
        let mut found = Vec::new();
        let mut next = || next_request(&mut bytes, &mut buffer).now_or_never().expect("memory");
        while let Some(request) = next().expect("bytes in memory") {
            found.push(request);
        }
        found
    }

    #[test]
    fn a_body_ends_at_its_content_length() {
        assert_eq!(all(TWO), [&TWO[..41], b"GET / HTTP/1.1\r\n\r\n"]);
    }

    #[test]
    fn an_incomplete_request_is_none() {
        assert!(all(&TWO[..40]).is_empty());
    }

    #[test]
    fn a_response_declares_its_length() {
        let answer = WireAnswer::response(502, &[("Content-Type", "text/html")], "<p>");
        let text =
            "HTTP/1.1 502 Made-Up\r\nContent-Type: text/html\r\nContent-Length: 3\r\n\r\n<p>";
        assert_eq!(answer, WireAnswer::raw(text));
    }

    #[test]
    fn a_given_length_replaces_the_real_one() {
        let answer = WireAnswer::response(200, &[("content-length", "10")], "abc");
        assert_eq!(answer, WireAnswer::raw("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc"));
    }
}
