use std::fmt;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use rustls::{ServerConfig, ServerConnection};

use super::authority::Authority;
use super::listen::{Gate, Listening};

/// TLS before a plain address, so that a [`Service`](crate::Service) can be asked over https.
///
/// It forwards bytes and changes none of them; it is made for exchanges in turn, as HTTP/1.1 has
/// them. Dropping it ends its threads and connections.
///
/// # Examples
///
/// ```
/// use tcss_export_testkit::Service;
/// use tcss_export_testkit::wire::TlsFront;
///
/// # fn main() -> std::io::Result<()> {
/// let service = Service::builder().start()?;
/// let front = TlsFront::to(service.addr())?;
/// assert!(front.url().starts_with("https://localhost:"));
/// # Ok(())
/// # }
/// ```
pub struct TlsFront {
    listening: Listening,
    authority: Authority,
}

impl TlsFront {
    /// Starts a front for the service at this address.
    ///
    /// # Errors
    ///
    /// What the system says when there is no port, or when no certificate can be made.
    pub fn to(addr: SocketAddr) -> io::Result<Self> {
        let authority = Authority::new()?;
        let config = Arc::clone(&authority.config);
        let listening = Listening::start(move |client, gate| {
            // An error is one side that went away; the other is closed with it.
            let _ = forward(client, addr, &config, gate);
        })?;
        Ok(Self { listening, authority })
    }

    /// Returns the address it listens on.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.listening.addr()
    }

    /// Returns the address as a URL, `https://localhost:port`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://localhost:{}", self.addr().port())
    }

    /// Returns how many connections there were so far.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.listening.connections()
    }

    /// Returns the authority's certificate as PEM.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.authority.pem
    }

    /// Returns the authority's certificate as DER.
    #[must_use]
    pub fn ca_der(&self) -> &[u8] {
        &self.authority.der
    }
}

impl fmt::Debug for TlsFront {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsFront").field("addr", &self.addr()).finish_non_exhaustive()
    }
}

/// Forwards both ways until one side ends, then closes both.
fn forward(
    client: &TcpStream,
    addr: SocketAddr,
    config: &Arc<ServerConfig>,
    gate: &Gate,
) -> io::Result<()> {
    let plain = TcpStream::connect(addr)?;
    let _ticket = gate.register(&plain)?;
    let tls = ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
    let tunnel = Tunnel { client, plain: &plain, tls: Mutex::new(tls) };
    thread::scope(|scope| {
        scope.spawn(|| tunnel.outward());
        tunnel.inward()
    })
}

/// One connection; each direction has a thread, and the TLS state is taken in turn.
struct Tunnel<'a> {
    client: &'a TcpStream,
    plain: &'a TcpStream,
    tls: Mutex<ServerConnection>,
}

impl Tunnel<'_> {
    /// Carries the client's bytes to the plain side, and ends that side with the client.
    fn inward(&self) -> io::Result<()> {
        let carried = self.carry_inward();
        let _ = self.plain.shutdown(Shutdown::Both);
        carried
    }

    fn carry_inward(&self) -> io::Result<()> {
        let mut piece = [0; 16 * 1024];
        let (mut client, mut plain) = (self.client, self.plain);
        loop {
            let count = client.read(&mut piece)?;
            if count == 0 {
                return Ok(());
            }
            let text = self.decrypt(piece.get(..count).unwrap_or_default())?;
            plain.write_all(&text)?;
        }
    }

    /// Carries the plain side's bytes to the client, and ends the client with that side.
    fn outward(&self) {
        // Whatever ended it, the client is told, and closed.
        let _ = self.carry_outward();
        let _ = self.with_tls(|tls| {
            tls.send_close_notify();
            Ok(())
        });
        let _ = self.client.shutdown(Shutdown::Both);
    }

    fn carry_outward(&self) -> io::Result<()> {
        let mut piece = [0; 16 * 1024];
        let mut plain = self.plain;
        loop {
            let count = plain.read(&mut piece)?;
            if count == 0 {
                return Ok(());
            }
            let text = piece.get(..count).unwrap_or_default();
            self.with_tls(|tls| tls.writer().write_all(text))?;
        }
    }

    fn decrypt(&self, mut bytes: &[u8]) -> io::Result<Vec<u8>> {
        self.with_tls(|tls| {
            let mut text = Vec::new();
            while !bytes.is_empty() {
                tls.read_tls(&mut bytes)?;
                let state = tls.process_new_packets().map_err(io::Error::other)?;
                let count = state.plaintext_bytes_to_read();
                io::copy(&mut tls.reader().take(count as u64), &mut text)?;
            }
            Ok(text)
        })
    }

    /// Runs `step` on the TLS state and sends what it leaves to be sent.
    fn with_tls<T>(
        &self,
        step: impl FnOnce(&mut ServerConnection) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut tls = self.tls.lock().unwrap_or_else(PoisonError::into_inner);
        let done = step(&mut tls);
        let mut client = self.client;
        while tls.wants_write() {
            tls.write_tls(&mut client)?;
        }
        done
    }
}
