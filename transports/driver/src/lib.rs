//! Runs the state machines of tcss-export over a [`Transport`]: the [`Client`], its waits and
//! downloads, the files, the rate budget that clients share, and the proxies of the environment.
//!
//! All logic is written once, as async code. The [`blocking`] client runs the same code over a
//! transport whose futures are ready at the first poll.
//!
//! Every request starts in the same order: wait until it is due, wait for its turn in the
//! [`Budget`], fetch credentials, sign, send.

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
mod transport;
mod transport_error;
mod wait;
mod wait_all;
mod worker;

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
        HEADERS_LIMIT, IDLE_LIMIT, Transport, check_head_size, head_size,
    },
    transport_error::{AddressError, TransportError},
    wait::Wait,
    worker::{ResourceLimit, Worker},
};
