//! An address that drops connection attempts.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

/// An address that drops connection attempts like a firewall, because the queue of its listening
/// socket is full.
///
/// It works on Linux, where 127.0.0.2 belongs to the machine and a full queue drops SYN packets.
///
/// # Examples
///
/// ```
/// use std::io::ErrorKind;
/// use std::net::TcpStream;
/// use std::time::Duration;
///
/// use tcss_export_testkit::wire::{SilentAddress, WireAnswer, WireServer};
///
/// # #[cfg(target_os = "linux")]
/// # fn main() -> std::io::Result<()> {
/// let server = WireServer::plain([WireAnswer::json("{}")])?;
/// let silent = SilentAddress::with_port(server.addr().port())?;
/// let attempt = TcpStream::connect_timeout(&silent.addr(), Duration::from_millis(10));
/// assert_eq!(attempt.unwrap_err().kind(), ErrorKind::TimedOut);
/// # Ok(())
/// # }
/// # #[cfg(not(target_os = "linux"))]
/// # fn main() {}
/// ```
#[derive(Debug)]
pub struct SilentAddress {
    addr: SocketAddr,
    _listener: Socket,
    /// The connections that fill the queue.
    _queued: Vec<TcpStream>,
}

/// The time after which an attempt to connect counts as dropped.
const ATTEMPT: Duration = Duration::from_millis(100);
/// Linux queues one connection more than the backlog of 0.
const MOST_QUEUED: usize = 4;

impl SilentAddress {
    /// Listens on this port of 127.0.0.2 and fills the queue. One name can then resolve to this
    /// address and to a server at 127.0.0.1.
    ///
    /// # Errors
    ///
    /// The system's error if the port is taken, or `Unsupported` if attempts are still answered.
    pub fn with_port(port: u16) -> io::Result<Self> {
        let addr = SocketAddr::from((Ipv4Addr::new(127, 0, 0, 2), port));
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        listener.bind(&addr.into())?;
        listener.listen(0)?;
        let mut queued = Vec::new();
        while queued.len() < MOST_QUEUED {
            match TcpStream::connect_timeout(&addr, ATTEMPT) {
                Ok(stream) => queued.push(stream),
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    return Ok(Self { addr, _listener: listener, _queued: queued });
                }
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::new(io::ErrorKind::Unsupported, "the full queue accepts connections"))
    }

    /// Returns the address.
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }
}
