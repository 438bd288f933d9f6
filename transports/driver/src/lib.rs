//! Carries out what the core of tcss-export decides: one blocking loop and one async loop, each
//! over four given functions (`now`, `sleep`, `credentials`, `send`), and what they share.
//!
//! It makes no connection. `tcss-export-ureq` and `tcss-export-hyper` are this crate with `send`
//! filled in; with a `send` of your own any other client does as well:
//!
//! ```
//! use tcss_export_core::{Credentials, Endpoint, JobId, Session};
//! use tcss_export_driver::{Functions, Shared, TransportError, blocking, clock};
//! # fn my_client(_: http::Request<bytes::Bytes>) -> std::io::Result<http::Response<bytes::Bytes>> {
//! #     let body = r#"{"Response":{"ExportStatus":"SUCCESS","DownloadURL":"https://h.example/"}}"#;
//! #     Ok(http::Response::new(body.into()))
//! # }
//!
//! let shared = Shared::new(Session::new(Endpoint::international()));
//! let credentials = Credentials::new("AKIDEXAMPLE", "EXAMPLEKEY")?;
//! let functions = Functions {
//!     now: clock::now,
//!     sleep: clock::sleep,
//!     credentials: |_fresh| Ok(credentials.clone()),
//!     send: |request| my_client(request).map_err(TransportError::from),
//! };
//! let finished = blocking::wait(&shared, JobId::new("4711")?, functions).outcome()?;
//! println!("{}", finished.download_url); // without its query, which is a secret
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A download takes one function more, which gives a body as it comes: [`blocking::Fetch`] or
//! [`asynchronous::Fetch`]. Its file grows beside the [`Target`] and gets its name when it is
//! whole.
//!
//! Every start, of a wait or of a single exchange, is granted by the [`Budget`] of its
//! [`Shared`]. The order is fixed: due, credentials at hand, start granted, signed, sent at once.

mod address_error;
pub mod asynchronous;
pub mod blocking;
mod budget;
pub mod clock;
mod credential_source;
mod download;
mod error;
mod exchange;
mod fleet;
mod gate;
mod limits;
mod proxies;
mod pursuit;
mod shared;
#[cfg(feature = "rustls")]
pub mod tls;

pub use self::{
    address_error::AddressError,
    budget::Budget,
    credential_source::CredentialSource,
    download::{DownloadFailure, FileError, FileErrorKind, Source, Target},
    error::{SendError, TransportError, WaitFailure},
    limits::{CONNECT_LIMIT, ExchangeLimit, IDLE_LIMIT},
    proxies::{Proxies, Proxy, ProxyError, TunnelError},
    shared::Shared,
};

/// The four functions a loop runs on, as closures: a [`blocking::Platform`] or an
/// [`asynchronous::Platform`], as they are.
///
/// Blocking: `now()` gives a [`Now`](tcss_export_core::Now), `sleep(duration)` returns when it is
/// over (earlier is allowed), `credentials(fresh)` and `send(request)` return results. Async:
/// `now` is the same, the others return futures of the same.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "the loops need these four and no fifth")]
pub struct Functions<N, S, C, X> {
    /// Reads both clocks; [`clock::now`] outside tests.
    pub now: N,
    /// Pauses.
    pub sleep: S,
    /// Gives credentials; asked at each request. With `true` the last ones were refused, and
    /// their source is to be asked again.
    pub credentials: C,
    /// Sends one request, once, and gives status, headers and the whole body of its answer. A
    /// blocking one has to keep to the [`ExchangeLimit`]; an async one is dropped at it.
    pub send: X,
}
