//! Servers that play raw bytes, for tests of transports on the wire.
//!
//! [`WireServer`] records each request's bytes exactly as they came and plays [`WireAnswer`]s,
//! plain or over TLS. [`TlsFront`] puts TLS before any plain address, such as a
//! [`Service`](crate::Service). [`ConnectProxy`] leads clients to either. All run on threads of
//! the standard library, on 127.0.0.1; certificates are for `localhost` and `127.0.0.1`, or for
//! the host that is given, of an authority that is made at start.
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
mod authority;
mod front;
mod listen;
mod proxy;
mod request;
mod server;

pub use self::answer::WireAnswer;
pub use self::front::TlsFront;
pub use self::proxy::ConnectProxy;
pub use self::server::WireServer;
