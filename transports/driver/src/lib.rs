//! Carries out what the core of tcss-export decides: one blocking loop and one async loop, each
//! over four given functions (`now`, `sleep`, `credentials`, `send`), and what they share.
//!
//! Every start, of a wait or of a single exchange, is granted by the [`Budget`] of its
//! [`Shared`]. The order is fixed: due, credentials at hand, start granted, signed, sent at once.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod address_error;
pub mod asynchronous;
pub mod blocking;
mod budget;
mod client;
pub mod clock;
mod credential_source;
mod download;
mod error;
mod exchange;
mod fleet;
mod functions;
mod gate;
mod limits;
mod proxies;
mod pursuit;
mod shared;
#[cfg(feature = "rustls")]
pub mod tls;
#[cfg(feature = "tower")]
mod tower;
mod transport;

#[cfg(feature = "tower")]
pub use self::tower::{BodyStream, Tower};
pub use self::{
    address_error::AddressError,
    budget::Budget,
    client::Client,
    credential_source::CredentialSource,
    download::{DownloadFailure, FileError, FileErrorKind, Source, Target},
    error::{SendError, TransportError, WaitFailure},
    functions::{AsyncClosures, async_fn},
    limits::{CONNECT_LIMIT, ExchangeLimit, IDLE_LIMIT},
    proxies::{Proxies, Proxy, ProxyError, TunnelError},
    shared::Shared,
    transport::{ReadBody, Transport},
};
