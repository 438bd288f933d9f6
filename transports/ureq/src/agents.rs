//! The agents of ureq that send requests.

use std::{
    io::{self, Read},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{
    Request, Response, Uri, Version,
    header::{SET_COOKIE, TRANSFER_ENCODING},
};
use tcss_export_core::{AddressPolicy, Endpoint, Limits, TransportErrorKind};
use tcss_export_driver::{CONNECT_LIMIT, HEAD_LIMIT, IDLE_LIMIT, Proxies, Proxy, TransportError};
use ureq::{
    Agent, AsSendBody, BodyReader,
    tls::{RootCerts, TlsConfig},
    unversioned::{
        resolver::Resolver,
        transport::{ConnectionDetails, Connector, RustlsConnector, TcpConnector, Transport},
    },
};

use crate::{
    body::{ReadLimit, refuse_decoded},
    errors::request_error,
    probe,
    resolver::{CheckedResolver, SystemLookup},
    tunnel::Tunnel,
};

/// A longer limit would overflow ureq's clock.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// Applies our settings and the limits. A macro, because ureq's builders for an agent and for a
/// request share no public trait.
macro_rules! with_rules {
    ($config:expr, $limits:expr) => {{
        let connect = Some($limits.read_limit().min(CONNECT_LIMIT));
        let stall = $limits.stall.map(|limit| limit.min(LONGEST));
        $config
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .https_only(false)
            .accept("")
            .accept_encoding("identity")
            .max_response_header_size(HEAD_LIMIT)
            .timeout_resolve(connect)
            .timeout_connect(connect)
            .timeout_global($limits.total.map(|limit| limit.min(LONGEST)))
            .timeout_per_call(None)
            .timeout_recv_body(None)
            .timeout_recv_response(stall)
            .timeout_per_read(stall)
            .timeout_per_write(stall)
    }};
}

#[derive(Clone, Debug)]
pub(crate) enum Agents {
    Own(Pool),
    /// The user's agent; our settings are applied to each request.
    Given {
        agent: Agent,
        without_proxy: bool,
    },
}

/// Idle agents, each with its own connections.
///
/// An agent serves one request at a time, because its connections share one limit of a read.
#[derive(Clone, Debug)]
pub(crate) struct Pool {
    proxies: Proxies,
    tls: TlsConfig,
    connector: SharedTls,
    idle: Arc<Mutex<Vec<OwnAgent>>>,
}

#[derive(Debug)]
struct OwnAgent {
    agent: Agent,
    proxy: Option<Proxy>,
    limits: Limits,
    read_limit: ReadLimit,
}

/// One TLS configuration for all agents of a pool, so that they read the system's roots once and
/// share sessions.
#[derive(Clone, Debug, Default)]
struct SharedTls(Arc<RustlsConnector>);

/// An agent in use. It goes back to the pool once the body of its response is dropped.
#[derive(Debug)]
pub(crate) struct Lease {
    own: Option<OwnAgent>,
    is_reusable: bool,
    /// Whether every read restarts the time limit.
    is_download: bool,
    pool: Pool,
}

impl Agents {
    pub(crate) fn own(proxies: Proxies) -> Self {
        let ring = Arc::new(rustls::crypto::ring::default_provider());
        let tls = TlsConfig::builder()
            .unversioned_rustls_crypto_provider(ring)
            .root_certs(RootCerts::PlatformVerifier)
            .build();
        Self::Own(Pool { proxies, tls, connector: SharedTls::default(), idle: Arc::default() })
    }

    pub(crate) fn send(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        let (head, bytes) = request.into_parts();
        // ureq adds headers for any body, even an empty one.
        match bytes.is_empty() {
            true => self.send_with(Request::from_parts(head, ())),
            false => self.send_with(Request::from_parts(head, &*bytes)),
        }
    }

    fn send_with<B: AsSendBody>(
        &self,
        request: Request<B>,
    ) -> Result<Response<Body>, TransportError> {
        let limits = Limits::of(&request);
        let is_download = limits.stall.is_some();
        // Without a body to read, the response is dropped first.
        let (lease, mut response) = match self {
            Self::Own(pool) => pool.send(request, limits)?,
            Self::Given { agent, without_proxy } => {
                let is_direct = *without_proxy || forbids_proxy(request.uri());
                let config = with_rules!(agent.configure_request(request), limits);
                let config = if is_direct { config.proxy(None) } else { config };
                (None, agent.run(config.build()).map_err(|error| request_error(error, None))?)
            }
        };
        // HTTP/1.0 has no chunks, so the end of this body is unknown (RFC 9112, 6.1).
        if response.version() == Version::HTTP_10
            && response.headers().contains_key(TRANSFER_ENCODING)
        {
            let problem = "an answer of HTTP/1.0 has a transfer coding";
            return Err(TransportError::new(TransportErrorKind::Connection, problem));
        }
        if is_download {
            refuse_decoded(&mut response)?;
        }
        Ok(response.map(|body| Body::new(body, lease)))
    }
}

impl Pool {
    fn send(
        &self,
        request: Request<impl AsSendBody>,
        mut limits: Limits,
    ) -> Result<(Option<Lease>, Response<ureq::Body>), TransportError> {
        let proxy = self.proxies.proxy_for_url(request.uri())?;
        if proxy.is_some() {
            // The proxy resolves the target; only its own name is resolved here.
            limits.address_policy = AddressPolicy::Any;
        }
        let own = self.take(proxy, &limits);
        own.read_limit.start(limits.read_limit());
        // ureq keeps the state of TLS only of a request without settings of its own.
        let response = match own.limits == limits {
            true => own.agent.run(request),
            false => {
                own.agent.run(with_rules!(own.agent.configure_request(request), limits).build())
            }
        };
        let response = response.map_err(|error| request_error(error, own.proxy.as_ref()));
        // An agent is not used again if its request failed or it would send a cookie back.
        let is_reusable = response.as_ref().is_ok_and(|response| {
            !(response.headers().contains_key(SET_COOKIE) && probe::keeps_cookies())
        });
        let is_download = limits.stall.is_some();
        let lease = Lease { own: Some(own), is_reusable, is_download, pool: self.clone() };
        Ok((Some(lease), response?))
    }

    /// Takes an idle agent with this proxy and address policy, or creates one.
    fn take(&self, proxy: Option<Proxy>, limits: &Limits) -> OwnAgent {
        let mut idle = self.idle();
        let fits = |own: &OwnAgent| {
            own.limits.address_policy == limits.address_policy && own.proxy == proxy
        };
        match idle.iter().position(fits) {
            Some(at) => idle.swap_remove(at),
            None => self.create(SystemLookup, proxy, limits.clone()),
        }
    }

    fn create(&self, lookup: impl Resolver, proxy: Option<Proxy>, limits: Limits) -> OwnAgent {
        let resolver = CheckedResolver::new(lookup, limits.address_policy.clone(), proxy.as_ref());
        let read_limit = ReadLimit::default();
        let connector = Connector::<()>::chain((), TcpConnector::default())
            .chain(Tunnel(proxy.clone()))
            .chain(self.connector.clone())
            .chain(read_limit.clone());
        let config = with_rules!(Agent::config_builder(), limits)
            // The resolver and the connector use our own proxy.
            .proxy(None)
            .user_agent("")
            .max_idle_age(IDLE_LIMIT)
            .tls_config(self.tls.clone())
            .build();
        let agent = Agent::with_parts(config, connector, resolver);
        OwnAgent { agent, proxy, limits, read_limit }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<OwnAgent>> {
        // A panic while holding the lock cannot leave the list inconsistent.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<In: Transport> Connector<In> for SharedTls {
    type Out = <RustlsConnector as Connector<In>>::Out;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, ureq::Error> {
        self.0.connect(details, chained)
    }
}

/// The body of a response, read as it arrives.
pub(crate) struct Body {
    reader: BodyReader<'static>,
    /// Dropped after the reader, which returns its connection to the agent.
    lease: Option<Lease>,
}

impl Body {
    pub(crate) fn new(body: ureq::Body, lease: Option<Lease>) -> Self {
        Self { reader: body.into_reader(), lease }
    }
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(Lease { own: Some(own), is_download, .. }) = &self.lease {
            own.read_limit.next_read(*is_download);
        }
        self.reader.read(buffer)
    }
}

/// The largest number of idle agents.
const MOST_IDLE: usize = 16;

impl Drop for Lease {
    fn drop(&mut self) {
        let mut idle = self.pool.idle();
        idle.extend(self.own.take().filter(|_| self.is_reusable));
        if idle.len() > MOST_IDLE {
            idle.remove(0);
        }
    }
}

fn forbids_proxy(url: &Uri) -> bool {
    let authority = url.authority().map(|authority| format!("https://{authority}").parse());
    authority.is_some_and(|e: Result<Endpoint, _>| e.is_ok_and(|e| Proxies::forbids_proxy(&e)))
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write,
        net::{SocketAddr, TcpListener},
        thread,
    };

    #[cfg(target_os = "linux")]
    use tcss_export_testkit::wire::SilentAddress;

    use super::*;
    use crate::resolver::tests::FixedLookup;

    /// Sends words of an answer one by one, until the client hangs up.
    fn drip(listener: &TcpListener) {
        let (mut stream, _) = listener.accept().unwrap();
        while stream.write_all(b"HTTP/1.1 200 ").is_ok() {
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Sends a request with these limits through a proxy that sends its answer byte by byte.
    fn send_through_dripping_proxy(limits: Limits) -> TransportErrorKind {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = format!("http://{}", listener.local_addr().unwrap());
        let dripping = thread::spawn(move || drip(&listener));
        let variable = |name: &str| (name == "https_proxy").then(|| proxy.clone().into());
        let Agents::Own(pool) = Agents::own(Proxies::from_variables(variable)) else { panic!() };
        let request = Request::get("https://files.example/a.csv").body(&b""[..]).unwrap();
        let error = pool.send(request, limits).unwrap_err();
        dripping.join().unwrap();
        error.kind()
    }

    #[test]
    fn a_proxy_that_drips_its_answer_does_not_hold_up_a_download() {
        let mut limits = Limits::new(AddressPolicy::Any);
        limits.stall = Some(Duration::from_millis(200));
        assert_eq!(send_through_dripping_proxy(limits), TransportErrorKind::Timeout);
    }

    #[test]
    fn a_proxy_that_drips_its_answer_does_not_hold_up_an_exchange() {
        let mut limits = Limits::new(AddressPolicy::Any);
        limits.total = Some(Duration::from_millis(200));
        assert_eq!(send_through_dripping_proxy(limits), TransportErrorKind::Timeout);
    }

    /// Requests a file from a name that has these addresses, or through a proxy that has them.
    fn requested(proxy: Option<&str>, addresses: &[SocketAddr]) -> TransportError {
        let variable = |name: &str| proxy.filter(|_| name == "https_proxy").map(Into::into);
        let proxies = Proxies::from_variables(variable);
        let url = format!("http://files.example:{}/a.csv", addresses[0].port());
        let proxy = proxies.proxy_for_url(&url.parse().unwrap()).unwrap();
        let mut limits = Limits::new(AddressPolicy::Any);
        // It limits the time for connecting as well.
        limits.stall = Some(Duration::from_millis(600));
        let lookup = FixedLookup(addresses.to_vec());
        let Agents::Own(pool) = Agents::own(proxies) else { panic!() };
        pool.idle().push(pool.create(lookup, proxy, limits.clone()));
        let request = Request::get(url).body(&b""[..]).unwrap();
        pool.send(request, limits).unwrap_err()
    }

    /// Opens a port that queues connections and sends nothing.
    fn open_port() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_silent_address_leaves_time_for_the_next_one() {
        let (listener, address) = open_port();
        let silent = SilentAddress::with_port(address.port()).unwrap();
        requested(None, &[silent.addr(), address]);
        assert!(listener.accept().is_ok(), "no connection");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_silent_address_of_a_proxy_leaves_time_for_the_next_one() {
        let (listener, address) = open_port();
        let silent = SilentAddress::with_port(address.port()).unwrap();
        let proxy = format!("http://p.example:{}", address.port());
        requested(Some(&proxy), &[silent.addr(), address]);
        assert!(listener.accept().is_ok(), "no connection");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn without_an_answer_from_any_address_it_is_a_timeout_before_sending() {
        let silent = SilentAddress::with_port(open_port().1.port()).unwrap();
        let error = requested(None, &[silent.addr(); 2]);
        assert_eq!(error.kind(), TransportErrorKind::Timeout);
        assert!(!error.may_have_arrived());
    }

    #[test]
    fn closed_addresses_are_a_refused_connection() {
        let closed = open_port().1;
        let error = requested(None, &[closed; 2]);
        assert_eq!(error.kind(), TransportErrorKind::Connection);
        assert!(!error.may_have_arrived());
    }
}
