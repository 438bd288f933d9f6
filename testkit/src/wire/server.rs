use std::fmt;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::WireAnswer;
use super::authority::Authority;
use super::listen::{Gate, Listening};
use super::request::Requests;

/// A server on 127.0.0.1 that records requests as raw bytes and plays given answers.
///
/// The first request gets the first answer, whatever its connection; the last answer repeats. A
/// body ends where its Content-Length says. Dropping the server ends all its threads at once, also
/// those of hanging clients. See the [module's example](super#examples).
pub struct WireServer {
    listening: Listening,
    play: Arc<Play>,
    authority: Option<Authority>,
}

/// What every connection draws from.
struct Play {
    answers: Vec<WireAnswer>,
    requests: Mutex<Vec<Vec<u8>>>,
}

impl WireServer {
    /// Starts a server without TLS.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if there is no answer, else what the system says when there is no port.
    pub fn plain(answers: impl IntoIterator<Item = WireAnswer>) -> io::Result<Self> {
        Self::start(answers.into_iter().collect(), None)
    }

    /// Starts a server with TLS, under an authority of its own ([`ca_pem`](Self::ca_pem)).
    ///
    /// # Errors
    ///
    /// As for [`plain`](Self::plain), or when no certificate can be made.
    pub fn tls(answers: impl IntoIterator<Item = WireAnswer>) -> io::Result<Self> {
        Self::start(answers.into_iter().collect(), Some(Authority::new()?))
    }

    /// Starts a server with TLS and a certificate for another host, which a client may reach by a
    /// [`ConnectProxy`](super::ConnectProxy).
    ///
    /// # Errors
    ///
    /// As for [`tls`](Self::tls).
    pub fn tls_for(host: &str, answers: impl IntoIterator<Item = WireAnswer>) -> io::Result<Self> {
        Self::start(answers.into_iter().collect(), Some(Authority::with_leaf_for(&[host])?))
    }

    fn start(answers: Vec<WireAnswer>, authority: Option<Authority>) -> io::Result<Self> {
        if answers.is_empty() {
            let problem = "expected at least one answer";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, problem));
        }
        let play = Arc::new(Play { answers, requests: Mutex::default() });
        let config = authority.as_ref().map(|authority| Arc::clone(&authority.config));
        let shared = Arc::clone(&play);
        let listening = Listening::start(move |stream, gate| {
            // An error is a client that went away.
            let _ = match &config {
                Some(config) => serve_tls(stream, config, &shared, gate),
                None => shared.serve(&mut &*stream, gate),
            };
        })?;
        Ok(Self { listening, play, authority })
    }

    /// Returns the address it listens on.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.listening.addr()
    }

    /// Returns the address as a URL, `http://127.0.0.1:port` or `https://localhost:port`.
    #[must_use]
    pub fn url(&self) -> String {
        match self.authority {
            Some(_) => format!("https://localhost:{}", self.addr().port()),
            None => format!("http://{}", self.addr()),
        }
    }

    /// Returns every whole request so far: head and body, byte for byte.
    #[must_use]
    pub fn requests(&self) -> Vec<Vec<u8>> {
        self.play.requests().clone()
    }

    /// Returns how many connections there were so far.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.listening.connections()
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

fn serve_tls(
    stream: &TcpStream,
    config: &Arc<ServerConfig>,
    play: &Play,
    gate: &Gate,
) -> io::Result<()> {
    let connection = ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
    let mut tls = StreamOwned::new(connection, stream);
    play.serve(&mut tls, gate)?;
    tls.conn.send_close_notify();
    tls.flush()
}

impl Play {
    /// Answers the requests of one connection until it is to be closed.
    fn serve(&self, stream: &mut (impl Read + Write), gate: &Gate) -> io::Result<()> {
        let mut requests = Requests::default();
        while let Some(request) = requests.next(stream)? {
            match self.next_answer(request) {
                Some(WireAnswer::Send { bytes, close, slowly }) => {
                    let sent = match slowly {
                        Some(slowly) => send_slowly(stream, &bytes, slowly, gate)?,
                        None => send(stream, &bytes)?,
                    };
                    if close || !sent {
                        return Ok(());
                    }
                }
                Some(WireAnswer::Hang) => {
                    gate.wait();
                    return Ok(());
                }
                Some(WireAnswer::Close) | None => return Ok(()),
            }
        }
        Ok(())
    }

    fn next_answer(&self, request: Vec<u8>) -> Option<WireAnswer> {
        let mut requests = self.requests();
        let answer = self.answers.get(requests.len()).or_else(|| self.answers.last());
        requests.push(request);
        answer.cloned()
    }

    fn requests(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn send(stream: &mut impl Write, bytes: &[u8]) -> io::Result<bool> {
    stream.write_all(bytes)?;
    stream.flush()?;
    Ok(true)
}

/// Sends pieces with pauses; returns `false` when the server is dropped meanwhile.
fn send_slowly(
    stream: &mut impl Write,
    bytes: &[u8],
    (piece, pause): (usize, Duration),
    gate: &Gate,
) -> io::Result<bool> {
    for piece in bytes.chunks(piece.max(1)) {
        if !gate.pause(pause) {
            return Ok(false);
        }
        send(stream, piece)?;
    }
    Ok(true)
}
