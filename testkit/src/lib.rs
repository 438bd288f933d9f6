//! A loopback service that behaves as the documents of TCSS say, for tests of tcss-export and of
//! its users.
//!
//! It does not sign, send or wait. It is not a copy of the real service: it implements the public
//! documents, and the faults in a [`Script`]. It shares no code with a client and recomputes every
//! signature from the request as received, so that the two never share a bug.
//!
//! ```text
//!  any client ── POST / ──► Service ── verify::Verifier ──► refusal (HTTP 200, Response.Error)
//!       ▲                      │ accepted
//!       └──── answer ◄──── next Step of the job's Script, with a URL of the ServedFile
//!
//!  any client ── GET URL ──► Service ── next of the DownloadFaults ──► the file, or its fault
//! ```
//!
//! # Example
//!
//! A job that runs, has a fault and succeeds. The request in this example has no signature, so the
//! service refuses it and the script stays at its first step.
//!
//! ```
//! use std::io::{Read, Write};
//! use std::net::TcpStream;
//!
//! use tcss_export_testkit::{Script, SeenAnswer, Service};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let service = Service::builder()
//!     .key("AKIDEXAMPLE", "EXAMPLEKEY")
//!     .script("RUNNING:10,ERROR:InternalError,SUCCESS".parse::<Script>()?)
//!     .start()?;
//!
//! let mut stream = TcpStream::connect(service.addr())?;
//! stream.write_all(b"POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
//! let mut answer = String::new();
//! stream.read_to_string(&mut answer)?;
//!
//! assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"));
//! assert!(answer.contains(r#""Code":"MissingParameter""#));
//! let refused = SeenAnswer::Refused { code: "MissingParameter".to_owned() };
//! assert_eq!(service.seen()[0].answer, refused);
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//!
//! | feature | what it adds |
//! | --- | --- |
//! | `scripted` | a scripted transport with a virtual clock: no socket, no sleeping |
//! | `wire` | a server that sends raw bytes, plain or over TLS; a proxy that adds TLS to a [`Service`]; a `CONNECT` proxy |
//!
//! Tested with Rust 1.95.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod clock;
mod create_faults;
mod download_faults;
mod grammar;
mod listener;
mod script;
#[cfg(feature = "scripted")]
pub mod scripted;
mod service;
pub mod verify;
#[cfg(feature = "wire")]
pub mod wire;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use crate::clock::Clock;
pub use crate::create_faults::{CreateFault, CreateFaults};
pub use crate::download_faults::{DownloadFault, DownloadFaults};
pub use crate::grammar::ScriptError;
pub use crate::script::{Script, Step};
#[cfg(feature = "scripted")]
pub use crate::scripted::Scripted;
pub use crate::service::{
    Builder, EXAMPLE_SECRET_ID, EXAMPLE_SECRET_KEY, KeyFault, KeyService, Seen, SeenAnswer,
    SeenDownload, ServedFile, Service, Starts,
};

/// Locks a value that every panic leaves consistent.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
