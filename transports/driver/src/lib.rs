//! Runs the state machines of tcss-export over a [`Transport`]: the [`Client`], its waits and
//! downloads, the files, the rate budget that clients share, and the proxies of the environment.
//!
//! It contains no HTTP client and makes no decision about the protocol: the state machines of
//! `tcss-export-core` decide.
//!
//! All logic is written once, as async code. The [`blocking`] client runs the same code over a
//! transport whose futures are ready at the first poll.
//!
//! ```text
//! due ─► turn in the Budget ─► CredentialSource ─► signed request ─► Transport ─► answer ─┐
//!  ▲                                                                                      │
//!  └────────────────────── Waiter: next poll, retry, or the outcome ◄─────────────────────┘
//! ```
//!
//! # Example
//!
//! A wait over a closure that stands in for an HTTP client:
//!
//! ```
//! use std::io::Cursor;
//!
//! use http::Response;
//! use tcss_export_core::{Credentials, Endpoint, JobId, Session};
//! use tcss_export_driver::{blocking, blocking_fn};
//!
//! let answer = r#"{"Response":{"ExportStatus":"SUCCESS","DownloadURL":"https://files.example/a"}}"#;
//! let transport = blocking_fn(move |_| Ok(Response::new(Cursor::new(answer))));
//!
//! let session = Session::new(Endpoint::international());
//! let credentials = Credentials::new("AKIDEXAMPLE", "EXAMPLEKEY")?;
//! let client = blocking::Client::with_transport(session, credentials, transport);
//! let finished = client.wait(JobId::new("4711")?)?;
//! assert_eq!(finished.download_url.as_str(), "https://files.example/a");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Features
//!
//! | feature | what it adds |
//! | --- | --- |
//! | `credentials` | credentials from the environment, files, instance roles and roles to assume |
//! | `rustls` | tells permanent TLS errors from transient ones |
//! | `serde` | waits can be saved, resumed and recorded; exports run as single steps |
//! | `tower` | a `tower_service::Service` as a transport |
//! | `tracing` | spans and events of waits, single exchanges and downloads |
//! | `tunnel` | the `CONNECT` request of a [`Proxy`], for transports |
//!
//! Tested with Rust 1.95.

#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod blocking;
mod budget;
mod cancel;
mod client;
pub mod clock;
mod closures;
mod credential_source;
#[cfg(feature = "credentials")]
pub mod credentials;
mod download;
mod error;
mod permit;
mod proxies;
mod send;
#[cfg(feature = "serde")]
pub mod steps;
mod threads;
#[cfg(feature = "rustls")]
pub mod tls;
#[cfg(feature = "tower")]
mod tower;
mod trace;
mod transport;
mod transport_error;
mod wait;
mod wait_all;
mod worker;

use std::sync::{Mutex, MutexGuard, PoisonError};

#[cfg(feature = "tower")]
pub use self::tower::{Tower, from_http_body};
pub use self::{
    budget::Budget,
    client::Client,
    closures::{AsyncClosures, async_fn, blocking_fn},
    credential_source::CredentialSource,
    download::{Download, DownloadError, FileError, FileErrorKind, Source, Target},
    error::{SendError, WaitError},
    proxies::{Proxies, Proxy, ProxyError, TunnelError},
    transport::{
        BLOCKING_THREADS, Blocking, Body, CONNECT_LIMIT, ClientsByPolicy, HEAD_LIMIT,
        HEADERS_LIMIT, IDLE_LIMIT, OwnedSend, Transport, check_head_size, head_size,
    },
    transport_error::{AddressError, TransportError},
    wait::Wait,
    worker::{ResourceLimit, Worker},
};

/// Locks a mutex. Poisoning is ignored, because no panic leaves these values inconsistent.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
