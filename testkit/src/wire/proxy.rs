use std::fmt;
use std::io::{self, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::listen::{Gate, Listening};
use super::request::Requests;

/// A proxy on 127.0.0.1 that grants each `CONNECT` and always connects to one address, whatever
/// host was asked for.
///
/// So a client can be tested with a host that does not exist, on the bytes that its proxy sees.
/// A proxy that refuses is a [`WireServer`](super::WireServer) with its answer.
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
/// let mut granted = [0; 39];
/// stream.read_exact(&mut granted)?;
/// assert!(granted.starts_with(b"HTTP/1.1 200 ") && granted.ends_with(b"\r\n\r\n"));
/// stream.write_all(b"GET / HTTP/1.1\r\n\r\n")?;
/// let mut answer = String::new();
/// stream.read_to_string(&mut answer)?;
/// assert!(answer.ends_with("\r\n\r\n{}"));
/// assert_eq!(proxy.requests(), [b"CONNECT gw.example:80 HTTP/1.1\r\n\r\n"]);
/// # Ok(())
/// # }
/// ```
pub struct ConnectProxy {
    listening: Listening,
    seen: Arc<Seen>,
}

/// What clients asked for, byte for byte.
#[derive(Default)]
struct Seen(Mutex<Vec<Vec<u8>>>);

const GRANTED: &[u8] = b"HTTP/1.1 200 Connection established\r\n\r\n";

impl ConnectProxy {
    /// Starts a proxy that connects to this address.
    ///
    /// # Errors
    ///
    /// What the system says when there is no port.
    pub fn to(addr: SocketAddr) -> io::Result<Self> {
        let seen = Arc::new(Seen::default());
        let shared = Arc::clone(&seen);
        let listening = Listening::start(move |client, gate| {
            // An error is one side that went away; the other is closed with it.
            let _ = serve(client, addr, &shared, gate);
        })?;
        Ok(Self { listening, seen })
    }

    /// Returns the address it listens on.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.listening.addr()
    }

    /// Returns the head of every `CONNECT` so far, byte for byte.
    #[must_use]
    pub fn requests(&self) -> Vec<Vec<u8>> {
        self.seen.lock().clone()
    }

    /// Returns how many connections there were so far.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.listening.connections()
    }
}

impl fmt::Debug for ConnectProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectProxy").field("addr", &self.addr()).finish_non_exhaustive()
    }
}

impl Seen {
    fn lock(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn serve(mut client: &TcpStream, addr: SocketAddr, seen: &Seen, gate: &Gate) -> io::Result<()> {
    // A client says nothing more before it is granted its tunnel.
    let Some(request) = Requests::default().next(&mut client)? else { return Ok(()) };
    seen.lock().push(request);
    let target = TcpStream::connect(addr)?;
    let _ticket = gate.register(&target)?;
    client.write_all(GRANTED)?;
    thread::scope(|scope| {
        scope.spawn(|| carry(client, &target));
        carry(&target, client);
    });
    Ok(())
}

/// Carries bytes until one side ends, then ends both.
fn carry(mut from: &TcpStream, mut to: &TcpStream) {
    // An error is a side that went away.
    let _ = io::copy(&mut from, &mut to);
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
