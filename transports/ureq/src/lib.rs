//! The blocking client of tcss-export over [ureq](https://docs.rs/ureq).
//!
//! It makes no protocol decision: it sends each request unchanged and once, and returns status,
//! headers and bytes as they are. HTTP/1.1 only.
//!
//! ```no_run
//! use tcss_export_core::{Credentials, Endpoint, JobId, Session};
//! use tcss_export_driver::Source;
//! use tcss_export_ureq::Client;
//!
//! let session = Session::new(Endpoint::international());
//! let client = Client::new(session, Credentials::new("AKIDEXAMPLE", "EXAMPLEKEY")?);
//! let job = JobId::new("4711")?;
//! let finished = client.wait(job.clone())?;
//! let source = Source::new(finished.download_url).of_job(job);
//! let downloaded = client.download(source, "report.csv")?.outcome()?;
//! println!("{} bytes", downloaded.bytes);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Decoded bodies
//!
//! Cargo unifies features: if any crate of a program builds ureq with `gzip` (on by default),
//! `brotli` or `charset`, ureq decodes bodies, and no setting prevents it. A body that ureq may
//! have decoded is never saved. Such a build therefore fails with a typed error if the file server
//! uses a content coding, serves a text in a charset other than UTF-8, or sends neither a length
//! nor a CRC-64. Without these features every file works.
//!
//! # Logs
//!
//! Do not enable the log level `trace` of `ureq` or `ureq_proto` in production. At that level they
//! log whole requests and answers, including the token, the signature and the URL of a download.
//!
//! # Features
//!
//! The feature `serde` adds saving, resuming and recording a wait. Tested with Rust 1.95.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod agents;
mod body;
mod errors;
mod probe;
mod resolver;
mod tunnel;

use std::{env, time::Duration};

use bytes::Bytes;
use http::{Request, Response};
use tcss_export_driver::{Blocking, Body, Proxies, Transport, TransportError, blocking, clock};
use ureq::Agent;

use self::agents::Agents;

/// A blocking client of the service over ureq.
pub type Client = blocking::Client<Ureq>;

/// A blocking transport over ureq. Clones share connections.
#[derive(Clone, Debug)]
pub struct Ureq(Agents);

/// Uses TLS by rustls with ring and the operating system's roots, which are read at the first
/// `https` request.
///
/// It uses the proxy that the environment names now: see [`Proxies`]. If that proxy cannot be used,
/// each request fails with a [`ProxyError`](tcss_export_driver::ProxyError) as its source.
impl Default for Ureq {
    fn default() -> Self {
        Self(Agents::own(Proxies::from_variables(|name| env::var_os(name))))
    }
}

impl Ureq {
    /// Creates a transport from your own agent, with its connections, TLS and proxy. This crate
    /// then does not read the environment, although an agent does by default.
    ///
    /// Each request overrides the agent's redirects, limits of time and of heads, meaning of a
    /// status and accepted encoding, and uses no proxy for a loopback host and the metadata service
    /// of virtual machines. Downloads do not check the addresses of the file server. Set a
    /// `max_idle_age` below 60 s. Built without ureq's default features, the agent needs a crypto
    /// provider in its `TlsConfig` or as the default of the process; without one ureq panics at the
    /// first `https` request.
    ///
    /// Through its proxy, ureq accepts only status 200 and at most 20 headers in the answer to
    /// `CONNECT`. Only the time limit ends endless interim responses (status 1xx) or trailers.
    ///
    /// Built with its feature `cookies`, ureq sends cookies back from your agent.
    ///
    /// # Examples
    ///
    /// ```
    /// use tcss_export_driver::IDLE_LIMIT;
    /// use tcss_export_ureq::Ureq;
    /// use ureq::Agent;
    ///
    /// let config = Agent::config_builder().proxy(None).max_idle_age(IDLE_LIMIT).build();
    /// let transport = Ureq::with_agent(config.into());
    /// # drop(transport);
    /// ```
    pub const fn with_agent(agent: Agent) -> Self {
        Self(Agents::Given { agent, without_proxy: false })
    }

    /// Ignores the proxy of the environment, or of your own agent.
    #[must_use]
    pub fn without_proxy(self) -> Self {
        Self(match self.0 {
            Agents::Given { agent, .. } => Agents::Given { agent, without_proxy: true },
            Agents::Own(_) => Agents::own(Proxies::default()),
        })
    }
}

impl Transport for Ureq {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        let response = self.0.send(request)?;
        Ok(response.map(|body| Body::from_reader_with(body, errors::body_error)))
    }

    async fn sleep(&self, duration: Duration) {
        clock::sleep(duration);
    }
}

impl Blocking for Ureq {}
