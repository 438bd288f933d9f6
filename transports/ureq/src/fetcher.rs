use std::{
    fmt,
    io::{self, Read, Write},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, Uri};
use tcss_export_core::{
    BuildError, Credentials, SendFault,
    download::{Policy, Reach},
};
use tcss_export_driver::{
    Order, Proxy, Target, TransportError,
    blocking::{self, Fetch, Platform},
};
use ureq::{Agent, BodyReader, tls::TlsConfig, unversioned::transport::DefaultConnector};

use crate::{
    CONNECT_LIMIT, Client, OwnOrGiven, resolver::CheckedResolver, transport_error, tunnel_error,
    ureq_proxy,
};

/// What must hold at each request of a download. A macro for the same reason as `with_rules`.
macro_rules! with_download_rules {
    ($config:expr, $limit:expr) => {
        $config
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .https_only(false)
            .timeout_global(None)
            .timeout_per_call(None)
            .timeout_recv_body(None)
            .timeout_connect(Some(CONNECT_LIMIT))
            .timeout_recv_response(Some($limit))
            .timeout_per_read(Some($limit))
            .timeout_per_write(Some($limit))
            .accept("")
            .accept_encoding("")
    };
}

/// Returns how long one call of ureq may block: the whole download has no more time than that.
fn limit(policy: &Policy) -> Duration {
    policy.total_limit().unwrap_or(Duration::MAX).min(policy.stall_limit())
}

/// Downloads.
impl Client {
    /// Downloads a file: an iterator over events, whose `outcome` says how it ended.
    ///
    /// A client that was made by [`new`](Self::new) goes through the proxy of the environment here,
    /// too, and checks each address that it connects to itself; on an agent of yours, only the
    /// URL's text is checked.
    ///
    /// ```no_run
    /// # use tcss_export_core::{Credentials, Endpoint, JobId, Session};
    /// # use tcss_export_ureq::Client;
    /// # let session = Session::new(Endpoint::international());
    /// # let client = Client::new(session, Credentials::new("AKIDEXAMPLE", "EXAMPLEKEY")?);
    /// use tcss_export_driver::Order;
    ///
    /// let job = JobId::new("4711")?;
    /// let finished = client.wait(job.clone())?;
    /// let order = Order::new(finished.download_url).of_job(job);
    /// let downloaded = client.download(order, "report.csv")?.outcome()?;
    /// println!("{} bytes", downloaded.bytes);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// For [`Field::DownloadUrl`](tcss_export_core::Field::DownloadUrl): a URL that cannot be
    /// used. Nothing was sent.
    pub fn download(
        &self,
        order: impl Into<Order>,
        target: impl Into<Target>,
    ) -> Result<blocking::Download<Fetcher<'_>>, BuildError> {
        let order = order.into();
        let fetcher = Fetcher::new(self, order.policy().clone());
        blocking::download(&self.shared, order, target, fetcher)
    }

    /// Downloads into a writer, which has no way back: see
    /// [`download_into`](blocking::download_into).
    ///
    /// # Errors
    ///
    /// As for [`download`](Self::download).
    pub fn download_into<W: Write>(
        &self,
        order: impl Into<Order>,
        writer: W,
    ) -> Result<blocking::Download<Fetcher<'_>, W>, BuildError> {
        let order = order.into();
        let fetcher = Fetcher::new(self, order.policy().clone());
        blocking::download_into(&self.shared, order, writer, fetcher)
    }
}

/// What a download over ureq runs on: the client, for a new URL, and an agent of its own.
pub struct Fetcher<'c> {
    client: &'c Client,
    policy: Policy,
    /// The one that was last used, and the proxy that it goes through.
    agent: Option<(Option<Proxy>, Agent)>,
}

impl<'c> Fetcher<'c> {
    pub(crate) const fn new(client: &'c Client, policy: Policy) -> Self {
        Self { client, policy, agent: None }
    }

    fn run(&mut self, request: Request<()>) -> Result<Response<ureq::Body>, TransportError> {
        let client = self.client;
        match &client.agent {
            OwnOrGiven::Own { agent, proxies, .. } => {
                let proxy = proxies.proxy_for_url(request.uri())?;
                let agent = self.own_agent(proxy.clone(), agent.config().tls_config());
                agent.run(request).map_err(|error| match proxy {
                    Some(proxy) => tunnel_error(error, &proxy),
                    None => transport_error(error, SendFault::Connection),
                })
            }
            OwnOrGiven::Given { agent, without_proxy } => {
                let without_proxy = *without_proxy || is_loopback(request.uri());
                let config =
                    with_download_rules!(agent.configure_request(request), limit(&self.policy));
                let config = if without_proxy { config.proxy(None) } else { config };
                let answer = agent.run(config.build());
                answer.map_err(|error| transport_error(error, SendFault::Connection))
            }
        }
    }

    fn own_agent(&mut self, proxy: Option<Proxy>, tls: &TlsConfig) -> &Agent {
        if self.agent.as_ref().is_none_or(|(known, _)| *known != proxy) {
            self.agent = None;
        }
        let policy = &self.policy;
        let (_, agent) = self.agent.get_or_insert_with(|| {
            let config = with_download_rules!(Agent::config_builder(), limit(policy))
                .proxy(proxy.as_ref().map(ureq_proxy))
                .user_agent("")
                .tls_config(tls.clone())
                .build();
            // Of a proxy, it is the proxy's own name that is looked up here.
            let resolver = CheckedResolver { policy: proxy.is_none().then(|| policy.clone()) };
            let agent = Agent::with_parts(config, DefaultConnector::default(), resolver);
            (proxy, agent)
        });
        agent
    }
}

impl Platform for Fetcher<'_> {
    fn credentials(&mut self, fresh: bool) -> Result<Credentials, TransportError> {
        self.client.credentials.credentials(fresh)
    }

    fn send(&mut self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        Platform::send(&mut self.client, request)
    }
}

impl Fetch for Fetcher<'_> {
    type Body = Body;

    fn fetch(&mut self, request: Request<()>) -> Result<Response<Self::Body>, TransportError> {
        let answer = self.run(request)?;
        Ok(answer.map(|body| Body(body.into_reader())))
    }
}

impl fmt::Debug for Fetcher<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetcher").field("client", &self.client).finish_non_exhaustive()
    }
}

/// The body of an answer, read as it comes.
pub struct Body(BodyReader<'static>);

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(|error| match error.get_ref().and_then(|e| e.downcast_ref()) {
            // Else it would be an error of no known kind.
            Some(ureq::Error::Timeout(_)) => io::Error::new(io::ErrorKind::TimedOut, error),
            _ => error,
        })
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Body(..)")
    }
}

fn is_loopback(uri: &Uri) -> bool {
    Reach::of_host(uri.host().unwrap_or_default(), &Policy::default()) == Reach::Loopback
}
