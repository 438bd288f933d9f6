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

mod agent;
mod as_sent;
mod decoding;
mod download;
mod errors;
mod read_limit;
mod resolver;

use std::env;

use bytes::Bytes;
use http::{Request, Response};
use tcss_export_core::{
    ANSWER_LIMIT, Action, Answer, ClockOffset, Credentials, Finished, JobId, Policy, SendFault,
    Session,
};
#[cfg(feature = "serde")]
use tcss_export_core::{ResumeError, SavedWait};
use tcss_export_driver::{
    Budget, CredentialSource, Proxies, SendError, Shared, TransportError, WaitFailure, blocking,
};
use ureq::Agent;

pub use self::download::Body;
use self::{agent::Agents, errors::transport_error};

/// A blocking client of the service. Clones share session, budget and connections.
#[derive(Clone, Debug)]
pub struct Client {
    shared: Shared,
    credentials: CredentialSource,
    agents: Agents,
}

impl Client {
    /// Creates a client that works over HTTPS at once: TLS by rustls with ring and the operating
    /// system's roots, which are read when the first `https` request needs them.
    ///
    /// It goes through the proxy that the environment names now, if any: see [`Proxies`]. One
    /// that cannot be used is the error of each request, with a
    /// [`ProxyError`](tcss_export_driver::ProxyError) as its source.
    pub fn new(session: Session, credentials: impl Into<CredentialSource>) -> Self {
        let proxies = Proxies::from_variables(|name| env::var_os(name));
        let proxy = proxies.proxy_for(session.endpoint());
        let agents = Agents::own(proxies, proxy, Policy::EXCHANGE_LIMIT);
        Self { shared: Shared::new(session), credentials: credentials.into(), agents }
    }

    /// Creates a client on an agent of yours: its connections, TLS and proxy; this crate reads no
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
    /// [`new`](Self::new) gets the bytes as they are, and sends none.
    pub fn with_agent(
        session: Session,
        credentials: impl Into<CredentialSource>,
        agent: Agent,
    ) -> Self {
        let without_proxy = session.endpoint().is_loopback();
        let agents = Agents::Given { agent, without_proxy };
        Self { shared: Shared::new(session), credentials: credentials.into(), agents }
    }

    /// Sets the policy of waits; its exchange limit holds for single exchanges, too.
    #[must_use]
    pub fn with_policy(mut self, policy: Policy) -> Self {
        if let Agents::Own { proxies, proxy, .. } = &self.agents {
            self.agents = Agents::own(proxies.clone(), proxy.clone(), policy.exchange_limit());
        }
        self.shared = self.shared.with_policy(policy);
        self
    }

    /// Goes through no proxy, whatever the environment or an agent of yours says.
    #[must_use]
    pub fn without_proxy(mut self) -> Self {
        match &mut self.agents {
            Agents::Given { without_proxy, .. } => *without_proxy = true,
            agents => {
                let exchange_limit = self.shared.policy().exchange_limit();
                *agents = Agents::own(Proxies::default(), Ok(None), exchange_limit);
            }
        }
        self
    }

    /// Sets the budget, to share one with other clients.
    #[must_use]
    pub fn with_budget(mut self, budget: Budget) -> Self {
        self.shared = self.shared.with_budget(budget);
        self
    }

    /// Returns the budget, to be shared.
    #[must_use]
    pub const fn budget(&self) -> &Budget {
        self.shared.budget()
    }

    /// Returns what is added to local wall time before it is signed, as the answers so far have
    /// corrected it.
    #[must_use]
    pub fn clock_offset(&self) -> ClockOffset {
        self.shared.clock_offset()
    }

    /// Makes exactly one exchange, when the budget grants it, and returns the typed answer.
    ///
    /// # Errors
    ///
    /// A [`SendError`] that says where it arose.
    pub fn send<A: Action>(&self, action: &A) -> Result<Answer<A::Response>, SendError> {
        blocking::send(&self.shared, action, self)
    }

    /// Follows a job to its end; the deadline of the policy counts from now.
    ///
    /// # Errors
    ///
    /// A [`WaitFailure`] whose `kind` says why there is no file.
    pub fn wait(&self, job: JobId) -> Result<Finished, WaitFailure> {
        self.follow(job).outcome()
    }

    /// Follows a job event by event: an iterator over [`Event`](tcss_export_core::Event)s, whose
    /// `outcome` is what [`wait`](Self::wait) returns.
    pub fn follow(&self, job: JobId) -> blocking::Wait<&Self> {
        blocking::wait(&self.shared, job, self)
    }

    /// Goes on with a wait that was saved; the time away counts against its deadline.
    ///
    /// # Errors
    ///
    /// A [`ResumeError`] for a wait of another endpoint, kind or version.
    #[cfg(feature = "serde")]
    pub fn resume(&self, saved: SavedWait) -> Result<blocking::Wait<&Self>, ResumeError> {
        blocking::resume(&self.shared, saved, self)
    }

    /// Follows many jobs, one exchange at a time: an iterator over their outcomes as they come.
    ///
    /// To have more exchanges under way, split the jobs over threads: clones share the budget.
    pub fn wait_all(&self, jobs: impl IntoIterator<Item = JobId>) -> blocking::WaitAll<&Self> {
        blocking::wait_all(&self.shared, jobs, self)
    }
}

impl blocking::Platform for &Client {
    fn credentials(&mut self, fresh: bool) -> Result<Credentials, TransportError> {
        self.credentials.credentials(fresh)
    }

    fn send(&mut self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let (head, body) = request.into_parts();
        let request = Request::from_parts(head, &*body);
        let (head, mut body) = self.agents.send(request)?.into_parts();
        let body = body.with_config().limit(ANSWER_LIMIT as u64).read_to_vec();
        let body = body.map_err(|error| transport_error(error, SendFault::Truncated))?;
        Ok(Response::from_parts(head, body.into()))
    }
}
