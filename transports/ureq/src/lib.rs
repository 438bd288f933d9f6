//! Binds tcss-export to [ureq](https://docs.rs/ureq): the blocking client.
//!
//! It holds no protocol decision: a request's bytes go out unchanged, status, headers and bytes
//! come back, and nothing is ever sent twice. HTTP/1.1 only.
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

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, Response};
use tcss_export_core::{
    ANSWER_LIMIT, Action, Answer, Credentials, Finished, JobId, Policy, SendFault, Session,
};
#[cfg(feature = "serde")]
use tcss_export_core::{ResumeError, SavedWait};
use tcss_export_driver::{
    Budget, CredentialSource, SendError, Shared, TransportError, WaitFailure, blocking,
};
use ureq::{
    Agent, Body,
    tls::{RootCerts, TlsConfig},
};

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

/// How long making a connection may take, TLS included.
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
    Own(Agent),
    /// Configured by the user: what must hold is set at each request.
    Given { agent: Agent, is_loopback: bool },
}

impl Client {
    /// Creates a client that works over HTTPS at once: TLS by rustls with ring and the operating
    /// system's roots, which are read when the first `https` request needs them.
    pub fn new(session: Session, credentials: impl Into<CredentialSource>) -> Self {
        let agent = OwnOrGiven::Own(own_agent(Policy::EXCHANGE_LIMIT));
        Self { shared: Shared::new(session), credentials: credentials.into(), agent }
    }

    /// Creates a client on an agent of yours: its connections, TLS and proxy.
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
        let is_loopback = session.endpoint().is_loopback();
        let agent = OwnOrGiven::Given { agent, is_loopback };
        Self { shared: Shared::new(session), credentials: credentials.into(), agent }
    }

    /// Sets the policy of waits; its exchange limit holds for single exchanges, too.
    #[must_use]
    pub fn with_policy(mut self, policy: Policy) -> Self {
        if let OwnOrGiven::Own(agent) = &mut self.agent {
            *agent = own_agent(policy.exchange_limit());
        }
        self.shared = self.shared.with_policy(policy);
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

    fn run(&self, request: Request<&[u8]>) -> Result<Response<Body>, ureq::Error> {
        match &self.agent {
            OwnOrGiven::Own(agent) => agent.run(request),
            OwnOrGiven::Given { agent, is_loopback } => {
                let config = agent.configure_request(request);
                let config = with_rules!(config, self.shared.policy().exchange_limit());
                // No proxy stands before this machine.
                agent.run(if *is_loopback { config.proxy(None).build() } else { config.build() })
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
        let answer = self.run(Request::from_parts(head, &*body));
        let answer = answer.map_err(|error| transport_error(error, SendFault::Connection))?;
        let (head, mut body) = answer.into_parts();
        let body = body.with_config().limit(ANSWER_LIMIT as u64).read_to_vec();
        let body = body.map_err(|error| transport_error(error, SendFault::Truncated))?;
        Ok(Response::from_parts(head, body.into()))
    }
}

fn own_agent(exchange_limit: Duration) -> Agent {
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    let tls = TlsConfig::builder()
        .unversioned_rustls_crypto_provider(ring)
        .root_certs(RootCerts::PlatformVerifier)
        .build();
    with_rules!(Agent::config_builder(), exchange_limit)
        .proxy(None)
        .user_agent("")
        .max_idle_age(IDLE_LIMIT)
        .tls_config(tls)
        .build()
        .new_agent()
}

/// Tells what an error means; `broken` is what a broken connection means at this stage.
fn transport_error(error: ureq::Error, broken: SendFault) -> TransportError {
    let fault = match error {
        ureq::Error::Io(error) => return TransportError::of_chain(error, broken),
        ureq::Error::Timeout(_) => SendFault::Timeout,
        ureq::Error::BodyExceedsLimit(_) => SendFault::TooLarge,
        ureq::Error::Protocol(_) | ureq::Error::ConnectionFailed => broken,
        ureq::Error::HostNotFound | ureq::Error::ConnectProxyFailed(_) => SendFault::Connection,
        _ => SendFault::Permanent,
    };
    TransportError::new(fault, error)
}
