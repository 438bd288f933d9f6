//! Binds tcss-export to [ureq](https://docs.rs/ureq): the blocking client.
//!
//! It holds no protocol decision: a request's bytes go out unchanged, status, headers and bytes
//! come back, and nothing is ever sent twice. HTTP/1.1 only. The proxy is that of the environment,
//! as [`Proxies`] reads it.
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
//! Never run `ureq` or `ureq_proto` at log level `trace` in production: there they write down every
//! byte of a request and of its answer, the token, the signature and the whole URL of a download
//! among them. At `debug` they show none of these.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod agent;
mod as_sent;
mod body;
mod decoding;
mod errors;
mod read_limit;
mod resolver;

use std::{env, time::Duration};

use bytes::Bytes;
use http::{Request, Response};
use tcss_export_driver::{Proxies, ReadBody, Transport, TransportError, blocking, clock};
use ureq::Agent;

use self::agent::Agents;
pub use self::body::Body;

/// A blocking client of the service over ureq.
pub type Client = blocking::Client<Ureq>;

/// A blocking transport over ureq. Clones share connections.
#[derive(Clone, Debug)]
pub struct Ureq(Agents);

/// Works over HTTPS at once: TLS by rustls with ring and the operating system's roots, which are
/// read when the first `https` request needs them.
///
/// It goes through the proxy that the environment names now, if any: see [`Proxies`]. One that
/// cannot be used is the error of each request, with a
/// [`ProxyError`](tcss_export_driver::ProxyError) as its source.
impl Default for Ureq {
    fn default() -> Self {
        Self(Agents::own(Proxies::from_variables(|name| env::var_os(name))))
    }
}

impl Ureq {
    /// Creates a transport on an agent of yours: its connections, TLS and proxy; this crate reads no
    /// environment then, but an agent that is not told otherwise does.
    ///
    /// Redirects, time limits, the meaning of a status and the accepted encoding are set at each
    /// request, whatever the agent says; to a loopback endpoint its proxy is not used. Give it a
    /// `max_idle_age` below 60 s. Built without ureq's default features, an agent needs a crypto
    /// provider in its `TlsConfig` or as the process's default: without one ureq panics at the
    /// first `https` request.
    ///
    /// Built with its features `gzip` (which is on by default), `brotli` or `charset`, ureq decodes
    /// what it downloads. A decoded body is not taken for a file: on such an agent a download ends
    /// by an error if the server sends a coding, neither a length nor a checksum, or a text in
    /// another charset than UTF-8. Built with `cookies`, it sends cookies back. A client made by
    /// its default gets the bytes as they are, and sends none.
    #[must_use]
    pub const fn with_agent(agent: Agent) -> Self {
        Self(Agents::Given { agent, without_proxy: false })
    }

    /// Goes through no proxy, whatever the environment or an agent of yours says.
    #[must_use]
    pub fn without_proxy(self) -> Self {
        Self(match self.0 {
            Agents::Given { agent, .. } => Agents::Given { agent, without_proxy: true },
            Agents::Own(_) => Agents::own(Proxies::default()),
        })
    }
}

impl Transport for Ureq {
    type Body = ReadBody<Body>;

    async fn send(&self, request: Request<Bytes>) -> Result<Response<Self::Body>, TransportError> {
        let answer = match request.extensions().get().copied() {
            Some(limits) => self.0.fetch(request.map(drop), limits)?,
            None => self.0.send(request)?.map(|body| Body::new(body, None)),
        };
        Ok(answer.map(|body| ReadBody::with_error(body, errors::body_error)))
    }

    async fn sleep(&self, duration: Duration) {
        clock::sleep(duration);
    }
}
