//! Binds tcss-export to [ureq](https://docs.rs/ureq): the blocking client.
//!
//! It holds no protocol decision: a request's bytes go out unchanged, status, headers and bytes
//! come back, and nothing is ever sent twice. HTTP/1.1 only. The proxy is that of the environment,
//! as [`Proxies`] reads it.
//!
//! ```no_run
//! use tcss_export_core::{Credentials, Endpoint, JobId, Session};
//! use tcss_export_ureq::Client;
//!
//! let session = Session::new(Endpoint::international());
//! let client = Client::new(session, Credentials::new("AKIDEXAMPLE", "EXAMPLEKEY")?);
//! let finished = client.wait(JobId::new("4711")?)?;
//! println!("{}", finished.download_url.as_str());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod fetcher;
mod resolver;

use std::{env, error::Error, io, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use tcss_export_core::{
    ANSWER_LIMIT, Action, Answer, ClockOffset, Credentials, Finished, JobId, Policy, SendFault,
    Session,
};
#[cfg(feature = "serde")]
use tcss_export_core::{ResumeError, SavedWait};
use tcss_export_driver::{
    Budget, CredentialSource, Proxies, Proxy, ProxyError, SendError, Shared, TransportError,
    TunnelError, WaitFailure, blocking,
};
use ureq::{
    Agent, ProxyProtocol,
    tls::{RootCerts, TlsConfig},
    unversioned::transport::DefaultConnector,
};

pub use self::fetcher::{Body, Fetcher};
use self::resolver::{CheckedResolver, LookupError};

/// What must hold at each request. A macro, because the two builders of ureq that have these
/// methods, for an agent and for a request, share no public trait.
macro_rules! with_rules {
    ($config:expr, $exchange_limit:expr) => {
        $config
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .https_only(false)
            .timeout_connect(Some(CONNECT_LIMIT))
            .timeout_global(Some($exchange_limit))
            .accept("")
            .accept_encoding("identity")
    };
}

/// How long making a connection may take, proxy and TLS included; of a proxy's answer that comes
/// in pieces, ureq grants it to each piece.
pub const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// Idle connections are dropped after this; the service closes them after 60 s.
pub const IDLE_LIMIT: Duration = Duration::from_secs(50);

/// A blocking client of the service. Clones share session, budget and connections.
#[derive(Clone, Debug)]
pub struct Client {
    shared: Shared,
    credentials: CredentialSource,
    agent: OwnOrGiven,
}

#[derive(Clone, Debug)]
enum OwnOrGiven {
    /// Configured once.
    Own { agent: Agent, proxies: Proxies, proxy: Result<Option<Proxy>, ProxyError> },
    /// Configured by the user: what must hold is set at each request.
    Given { agent: Agent, without_proxy: bool },
}

impl Client {
    /// Creates a client that works over HTTPS at once: TLS by rustls with ring and the operating
    /// system's roots, which are read when the first `https` request needs them.
    ///
    /// It goes through the proxy that the environment names now, if any: see [`Proxies`]. One
    /// that cannot be used is the error of each request, with a [`ProxyError`] as its source.
    pub fn new(session: Session, credentials: impl Into<CredentialSource>) -> Self {
        let proxies = Proxies::from_variables(|name| env::var_os(name));
        let proxy = proxies.proxy_for(session.endpoint());
        let agent = own(proxies, proxy, Policy::EXCHANGE_LIMIT);
        Self { shared: Shared::new(session), credentials: credentials.into(), agent }
    }

    /// Creates a client on an agent of yours: its connections, TLS and proxy; this crate reads no
    /// environment then, but an agent that is not told otherwise does.
    ///
    /// Redirects, time limits, the meaning of a status and the accepted encoding are set at each
    /// request, whatever the agent says; to a loopback endpoint its proxy is not used. Give
    /// it a `max_idle_age` below 60 s. Built without ureq's default features, an agent needs a
    /// crypto provider in its `TlsConfig` or as the process's default: without one ureq panics at
    /// the first `https` request.
    pub fn with_agent(
        session: Session,
        credentials: impl Into<CredentialSource>,
        agent: Agent,
    ) -> Self {
        let without_proxy = session.endpoint().is_loopback();
        let agent = OwnOrGiven::Given { agent, without_proxy };
        Self { shared: Shared::new(session), credentials: credentials.into(), agent }
    }

    /// Sets the policy of waits; its exchange limit holds for single exchanges, too.
    #[must_use]
    pub fn with_policy(mut self, policy: Policy) -> Self {
        if let OwnOrGiven::Own { proxies, proxy, .. } = &self.agent {
            self.agent = own(proxies.clone(), proxy.clone(), policy.exchange_limit());
        }
        self.shared = self.shared.with_policy(policy);
        self
    }

    /// Goes through no proxy, whatever the environment or an agent of yours says.
    #[must_use]
    pub fn without_proxy(mut self) -> Self {
        match &mut self.agent {
            OwnOrGiven::Given { without_proxy, .. } => *without_proxy = true,
            agent => {
                *agent = own(Proxies::default(), Ok(None), self.shared.policy().exchange_limit());
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

    fn run(&self, request: Request<&[u8]>) -> Result<Response<ureq::Body>, TransportError> {
        match &self.agent {
            OwnOrGiven::Own { agent, proxy, .. } => {
                let proxy = proxy.as_ref().map_err(|error| error.clone())?;
                agent.run(request).map_err(|error| match proxy {
                    Some(proxy) => tunnel_error(error, proxy),
                    None => transport_error(error, SendFault::Connection),
                })
            }
            OwnOrGiven::Given { agent, without_proxy } => {
                let config = agent.configure_request(request);
                let config = with_rules!(config, self.shared.policy().exchange_limit());
                let config = if *without_proxy { config.proxy(None) } else { config };
                let answer = agent.run(config.build());
                answer.map_err(|error| transport_error(error, SendFault::Connection))
            }
        }
    }
}

impl blocking::Platform for &Client {
    fn credentials(&mut self, fresh: bool) -> Result<Credentials, TransportError> {
        self.credentials.credentials(fresh)
    }

    fn send(&mut self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let (head, body) = request.into_parts();
        let (head, mut body) = self.run(Request::from_parts(head, &*body))?.into_parts();
        let body = body.with_config().limit(ANSWER_LIMIT as u64).read_to_vec();
        let body = body.map_err(|error| transport_error(error, SendFault::Truncated))?;
        Ok(Response::from_parts(head, body.into()))
    }
}

fn own(
    proxies: Proxies,
    proxy: Result<Option<Proxy>, ProxyError>,
    exchange_limit: Duration,
) -> OwnOrGiven {
    let agent = own_agent(proxy.as_ref().ok().and_then(Option::as_ref), exchange_limit);
    OwnOrGiven::Own { agent, proxies, proxy }
}

fn own_agent(proxy: Option<&Proxy>, exchange_limit: Duration) -> Agent {
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    let tls = TlsConfig::builder()
        .unversioned_rustls_crypto_provider(ring)
        .root_certs(RootCerts::PlatformVerifier)
        .build();
    let config = with_rules!(Agent::config_builder(), exchange_limit)
        .proxy(proxy.map(ureq_proxy))
        .user_agent("")
        .max_idle_age(IDLE_LIMIT)
        .tls_config(tls)
        .build();
    Agent::with_parts(config, DefaultConnector::default(), CheckedResolver { policy: None })
}

fn ureq_proxy(proxy: &Proxy) -> ureq::Proxy {
    let mut builder =
        ureq::Proxy::builder(ProxyProtocol::Http).host(proxy.host()).port(proxy.port());
    if let Some(username) = proxy.username() {
        builder = builder.username(username);
    }
    if let Some(password) = proxy.password() {
        builder = builder.password(password);
    }
    // Host and port are those of a checked endpoint, and ureq encodes the rest.
    builder.build().expect("the parts of a proxy make a URL")
}

/// Tells what an error on the way through a proxy means.
fn tunnel_error(error: ureq::Error, proxy: &Proxy) -> TransportError {
    let error = match error {
        ureq::Error::ConnectProxyFailed(reason) => {
            let error = match status(&reason) {
                Some(status) => TunnelError::refused(proxy, status),
                None => TunnelError::failed(proxy, reason),
            };
            return TransportError::of_chain(error, SendFault::Connection).before_sending();
        }
        ureq::Error::Io(error) => TunnelError::failed(proxy, error),
        ureq::Error::Timeout(ureq::Timeout::Connect) => {
            TunnelError::failed(proxy, io::Error::new(io::ErrorKind::TimedOut, error))
        }
        ureq::Error::Protocol(_) | ureq::Error::ConnectionFailed | ureq::Error::HostNotFound => {
            TunnelError::failed(proxy, error)
        }
        _ => return transport_error(error, SendFault::Connection),
    };
    TransportError::of_chain_with(error, SendFault::Connection, is_permanent)
}

/// Finds the status of a proxy that refused: ureq gives it in a text only.
fn status(reason: &str) -> Option<StatusCode> {
    reason.split(|c: char| !c.is_ascii_digit()).find_map(|digits| digits.parse().ok())
}

/// Tells what an error means; `broken` is what a broken connection means at this stage.
fn transport_error(error: ureq::Error, broken: SendFault) -> TransportError {
    let fault = match error {
        ureq::Error::Io(error) => {
            return TransportError::of_chain_with(error, broken, is_permanent);
        }
        ureq::Error::Other(error) if error.is::<LookupError>() => {
            return TransportError::new(SendFault::Connection, error).before_sending();
        }
        ureq::Error::Timeout(ureq::Timeout::Connect | ureq::Timeout::Resolve) => {
            return TransportError::new(SendFault::Timeout, error).before_sending();
        }
        ureq::Error::Timeout(_) => SendFault::Timeout,
        ureq::Error::BodyExceedsLimit(_) => SendFault::TooLarge,
        ureq::Error::HostNotFound | ureq::Error::ConnectProxyFailed(_) => SendFault::Connection,
        ureq::Error::Rustls(ref error) if is_permanent(error) => SendFault::Permanent,
        ureq::Error::BadUri(_)
        | ureq::Error::Http(_)
        | ureq::Error::InvalidProxyUrl
        | ureq::Error::Pem(_)
        | ureq::Error::RequireHttpsOnly(_)
        | ureq::Error::Tls(_)
        | ureq::Error::TlsRequired => SendFault::Permanent,
        _ => broken,
    };
    TransportError::new(fault, error)
}

/// A certificate that is not trusted, a peer that speaks no TLS of ours, no roots.
fn is_permanent(error: &(dyn Error + 'static)) -> bool {
    use rustls::Error::{General, InvalidCertificate, PeerIncompatible};

    let error = error.downcast_ref::<rustls::Error>();
    matches!(error, Some(InvalidCertificate(_) | PeerIncompatible(_) | General(_)))
}
