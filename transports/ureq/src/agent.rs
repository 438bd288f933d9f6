//! The agents of ureq that requests go out by.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, Uri, uri::Authority};
use tcss_export_core::{
    Endpoint,
    download::{Limits, Reach},
};
use tcss_export_driver::{
    CONNECT_LIMIT, ExchangeLimit, IDLE_LIMIT, Proxies, Proxy, ProxyError, TransportError,
};
use ureq::{
    Agent, AsSendBody, Body, ProxyProtocol,
    config::ConfigBuilder,
    tls::{RootCerts, TlsConfig},
    typestate::HttpCrateScope,
    unversioned::transport::{Connector, DefaultConnector},
};

use crate::{
    as_sent::{AsSent, reveal},
    decoding,
    errors::request_error,
    read_limit::ReadLimit,
    resolver::CheckedResolver,
};

/// What must hold at each request. A macro, because the two builders of ureq that have these
/// methods, for an agent and for a request, share no public trait.
macro_rules! with_rules {
    ($config:expr, $connect_limit:expr, $total_limit:expr) => {
        $config
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .https_only(false)
            .timeout_resolve(Some($connect_limit))
            .timeout_connect(Some($connect_limit))
            .timeout_global($total_limit)
            .accept("")
            .accept_encoding("identity")
    };
}

/// What must hold at each request of a download.
macro_rules! with_download_rules {
    ($config:expr, $read_limit:expr, $total_limit:expr) => {
        with_rules!($config, CONNECT_LIMIT.min($read_limit), $total_limit)
            .timeout_per_call(None)
            .timeout_recv_body(None)
            .timeout_recv_response(Some($read_limit))
            .timeout_per_read(Some($read_limit))
            .timeout_per_write(Some($read_limit))
    };
}

/// By what a transport sends.
#[derive(Clone, Debug)]
pub(crate) enum Agents {
    /// Configured once; a download has agents of its own.
    Own(Own),
    /// Configured by the user: what must hold is set at each request.
    Given { agent: Agent, without_proxy: bool },
}

#[derive(Clone, Debug)]
pub(crate) struct Own {
    proxies: Proxies,
    tls: TlsConfig,
    kept: Arc<Mutex<Option<Kept>>>,
}

/// The agent of the last endpoint. For a request with settings of its own ureq may set up TLS anew,
/// so the limit is the agent's.
#[derive(Clone, Debug)]
struct Kept {
    authority: Option<Authority>,
    limit: Duration,
    proxy: Option<Proxy>,
    agent: Agent,
}

impl Own {
    fn agent(&self, url: &Uri, limit: Duration) -> Result<Kept, ProxyError> {
        // Nothing panics while it holds the lock; were it so, what is kept would still be whole.
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        match &*kept {
            Some(kept) if kept.limit >= limit && kept.authority.as_ref() == url.authority() => {
                Ok(kept.clone())
            }
            _ => {
                let proxy = self.proxies.proxy_for_url(url)?;
                let agent = own_agent(self.tls.clone(), proxy.as_ref(), limit);
                let authority = url.authority().cloned();
                Ok(kept.insert(Kept { authority, limit, proxy, agent }).clone())
            }
        }
    }
}

impl Agents {
    pub(crate) fn own(proxies: Proxies) -> Self {
        let ring = Arc::new(rustls::crypto::ring::default_provider());
        let tls = TlsConfig::builder()
            .unversioned_rustls_crypto_provider(ring)
            .root_certs(RootCerts::PlatformVerifier)
            .build();
        Self::Own(Own { proxies, tls, kept: Arc::default() })
    }

    /// Sends a request of the API.
    pub(crate) fn send(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        let limit = ExchangeLimit::of(&request);
        let (head, body) = request.into_parts();
        let request = Request::from_parts(head, &*body);
        match self {
            Self::Own(own) => {
                let kept = own.agent(request.uri(), limit)?;
                if kept.limit == limit {
                    return run_own(&kept.agent, request, kept.proxy.as_ref());
                }
                let config = kept.agent.configure_request(request).timeout_global(Some(limit));
                run_own(&kept.agent, config.build(), kept.proxy.as_ref())
            }
            Self::Given { agent, without_proxy } => {
                let without_proxy = *without_proxy || is_loopback(request.uri());
                let config = agent.configure_request(request);
                let config = with_rules!(config, CONNECT_LIMIT, Some(limit));
                run_given(agent, config, without_proxy)
            }
        }
    }

    /// Sends a request of a download.
    pub(crate) fn fetch(
        &self,
        request: Request<()>,
        limits: Limits,
    ) -> Result<Response<crate::Body>, TransportError> {
        let read_limit = ReadLimit::new(limits.read_limit());
        let (limit, time_left) = (limits.read_limit(), limits.total);
        let answer = match self {
            Self::Own(Own { proxies, tls, .. }) => {
                let proxy = proxies.proxy_for_url(request.uri())?;
                let config = with_download_rules!(Agent::config_builder(), limit, time_left)
                    .proxy(proxy.as_ref().map(ureq_proxy))
                    .user_agent("")
                    .tls_config(tls.clone())
                    .build();
                // Of a proxy, it is the proxy's own name that is looked up here.
                let reach = if proxy.is_some() { Reach::Any } else { limits.reach };
                let connector = DefaultConnector::default().chain(AsSent).chain(read_limit.clone());
                let agent = Agent::with_parts(config, connector, CheckedResolver::new(reach));
                run_own(&agent, request, proxy.as_ref())?
            }
            Self::Given { agent, without_proxy } => {
                let without_proxy = *without_proxy || limits.reach == Reach::Loopback;
                let config = agent.configure_request(request);
                let config = with_download_rules!(config, limit, time_left);
                let mut answer = run_given(agent, config, without_proxy)?;
                decoding::check(&mut answer)?;
                answer
            }
        };
        Ok(answer.map(|body| crate::Body::new(body, Some(read_limit))))
    }
}

fn is_loopback(url: &Uri) -> bool {
    let authority = url.authority().map(|authority| format!("https://{authority}").parse());
    authority.is_some_and(|e: Result<Endpoint, _>| e.is_ok_and(|e| e.is_loopback()))
}

fn run_own(
    agent: &Agent,
    request: Request<impl AsSendBody>,
    proxy: Option<&Proxy>,
) -> Result<Response<Body>, TransportError> {
    let mut answer = run(agent, request, proxy)?;
    reveal(answer.headers_mut());
    Ok(answer)
}

fn run_given<B: AsSendBody>(
    agent: &Agent,
    config: ConfigBuilder<HttpCrateScope<B>>,
    without_proxy: bool,
) -> Result<Response<Body>, TransportError> {
    let config = if without_proxy { config.proxy(None) } else { config };
    run(agent, config.build(), None)
}

fn run(
    agent: &Agent,
    request: Request<impl AsSendBody>,
    proxy: Option<&Proxy>,
) -> Result<Response<Body>, TransportError> {
    agent.run(request).map_err(|error| request_error(error, proxy))
}

fn own_agent(tls: TlsConfig, proxy: Option<&Proxy>, exchange_limit: Duration) -> Agent {
    let config = with_rules!(Agent::config_builder(), CONNECT_LIMIT, Some(exchange_limit))
        .proxy(proxy.map(ureq_proxy))
        .user_agent("")
        .max_idle_age(IDLE_LIMIT)
        .tls_config(tls)
        .build();
    let connector = DefaultConnector::default().chain(AsSent);
    Agent::with_parts(config, connector, CheckedResolver::new(Reach::Any))
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

#[cfg(test)]
mod tests {
    use std::{io::Write, net::TcpListener, thread};

    use tcss_export_core::SendFault;

    use super::*;

    /// Sends words of an answer, one by one, until the other side has enough of them.
    fn drip(listener: &TcpListener) {
        let (mut stream, _) = listener.accept().unwrap();
        while stream.write_all(b"HTTP/1.1 200 ").is_ok() {
            thread::sleep(Duration::from_millis(20));
        }
    }

    #[test]
    fn a_proxy_that_drips_its_answer_does_not_hold_up_a_download() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = format!("http://{}", listener.local_addr().unwrap());
        let dripping = thread::spawn(move || drip(&listener));
        let variable = |name: &str| (name == "https_proxy").then(|| proxy.clone().into());
        let proxies = Proxies::from_variables(variable);
        let agent = Agents::own(proxies);
        let request = Request::get("https://files.example/a.csv").body(()).unwrap();
        let mut limits = Limits::of(&request);
        limits.stall = Some(Duration::from_millis(200));
        let error = agent.fetch(request, limits).unwrap_err();
        assert_eq!(error.fault(), SendFault::Timeout);
        dripping.join().unwrap();
    }
}
