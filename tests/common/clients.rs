//! The clients that each table of cases runs over, and their servers.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use tcss_export::{CredentialSource, Endpoint, JobId, Session, error::WaitError, wait::Finished};
use tcss_export_testkit::wire::{WireAnswer, WireServer};

use crate::custom_clients;

pub(crate) const JOB: &str = "3f1c9a52-77aa-4a6e-9b7d-5d2f0c8e1a10";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Library {
    #[cfg(feature = "ureq")]
    Ureq,
    #[cfg(feature = "hyper")]
    Hyper,
    #[cfg(feature = "reqwest")]
    Reqwest,
}

pub(crate) const LIBRARIES: &[Library] = &[
    #[cfg(feature = "ureq")]
    Library::Ureq,
    #[cfg(feature = "hyper")]
    Library::Hyper,
    #[cfg(feature = "reqwest")]
    Library::Reqwest,
];

impl Library {
    /// Whether the library adds a header itself: no setting stops reqwest from sending `accept:
    /// */*`.
    pub(crate) fn adds(self, header: &str) -> bool {
        self.is_reqwest() && header == "accept"
    }

    /// Whether the library rewrites some characters of a URL, so that such a URL is refused.
    pub(crate) fn rewrites_urls(self) -> bool {
        self.is_reqwest()
    }

    fn is_reqwest(self) -> bool {
        #[cfg(feature = "reqwest")]
        return self == Self::Reqwest;
        #[cfg(not(feature = "reqwest"))]
        return false;
    }
}

/// Which HTTP client the transport uses: the one that `new` builds, or one that the user built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HttpClient {
    Default,
    Custom,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    Plain,
    Tls,
}

/// A library, its HTTP client and the protocol of the server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup {
    pub(crate) library: Library,
    pub(crate) http: HttpClient,
    pub(crate) wire: Wire,
}

/// A client of any library, called from blocking tests.
pub(crate) enum Client {
    #[cfg(feature = "ureq")]
    Ureq(tcss_export::ureq::Client),
    #[cfg(any(feature = "hyper", feature = "reqwest"))]
    Async(tokio::runtime::Runtime, AsyncClient),
}

#[cfg(any(feature = "hyper", feature = "reqwest"))]
pub(crate) enum AsyncClient {
    #[cfg(feature = "hyper")]
    Hyper(tcss_export::hyper::Client),
    #[cfg(feature = "hyper")]
    HyperCustom(tcss_export::hyper::Client<custom_clients::Connector>),
    #[cfg(feature = "reqwest")]
    Reqwest(tcss_export::reqwest::Client),
}

/// Evaluates an expression with the client inside the enums.
macro_rules! on_client {
    ($client:expr, $inner:ident => $call:expr) => {
        $crate::clients::on_client!($client, $inner => $call, |_runtime, result| result)
    };
    ($client:expr, $inner:ident => $call:expr, |$runtime:ident, $future:ident| $run:expr) => {
        match $client {
            #[cfg(feature = "ureq")]
            $crate::clients::Client::Ureq($inner) => $call,
            #[cfg(any(feature = "hyper", feature = "reqwest"))]
            $crate::clients::Client::Async($runtime, client) => match client {
                #[cfg(feature = "hyper")]
                $crate::clients::AsyncClient::Hyper($inner) => {
                    let $future = $call;
                    $run
                }
                #[cfg(feature = "hyper")]
                $crate::clients::AsyncClient::HyperCustom($inner) => {
                    let $future = $call;
                    $run
                }
                #[cfg(feature = "reqwest")]
                $crate::clients::AsyncClient::Reqwest($inner) => {
                    let $future = $call;
                    $run
                }
            },
        }
    };
}

/// Calls a method of the client inside the enums, and runs its future to completion.
macro_rules! run_on_client {
    ($client:expr, $inner:ident => $call:expr) => {
        $crate::clients::on_client!(
            $client, $inner => $call, |runtime, future| runtime.block_on(future)
        )
    };
}

pub(crate) use {on_client, run_on_client};

pub(crate) fn job() -> JobId {
    JobId::new(JOB).unwrap()
}

impl Setup {
    /// A client made by `new`, and a server without TLS.
    pub(crate) const fn new(library: Library) -> Self {
        Self { library, http: HttpClient::Default, wire: Wire::Plain }
    }

    /// Whether the transport limits interim responses. reqwest and the user's own agent do not show
    /// them.
    pub(crate) fn limits_interim_heads(&self) -> bool {
        match self.library {
            #[cfg(feature = "ureq")]
            Library::Ureq => self.http == HttpClient::Default,
            #[cfg(feature = "hyper")]
            Library::Hyper => true,
            #[cfg(feature = "reqwest")]
            Library::Reqwest => false,
        }
    }

    pub(crate) fn server(&self, answers: impl IntoIterator<Item = WireAnswer>) -> WireServer {
        let server = match self.wire {
            Wire::Plain => WireServer::plain(answers),
            Wire::Tls => WireServer::tls(answers),
        };
        server.expect("a free loopback port")
    }

    /// Makes a client of the API at this URL that trusts these authorities. The authority of a
    /// plain server is empty.
    pub(crate) fn client_with(
        &self,
        credentials: impl Into<CredentialSource>,
        url: &str,
        authorities: &[&[u8]],
    ) -> Client {
        let session = Session::new(url.parse::<Endpoint>().expect("a loopback URL"));
        let credentials = credentials.into();
        let authorities: Vec<_> = authorities.iter().copied().filter(|ca| !ca.is_empty()).collect();
        match self.library {
            #[cfg(feature = "ureq")]
            Library::Ureq => Client::ureq(session, credentials, self.http, &authorities),
            #[cfg(feature = "hyper")]
            Library::Hyper => Client::hyper(session, credentials, self.http, &authorities),
            #[cfg(feature = "reqwest")]
            Library::Reqwest => Client::reqwest(session, credentials, self.http, &authorities),
        }
    }
}

impl Client {
    #[cfg(feature = "ureq")]
    fn ureq(
        session: Session,
        credentials: CredentialSource,
        http: HttpClient,
        authorities: &[&[u8]],
    ) -> Self {
        use tcss_export::ureq::Client;

        Self::Ureq(match http {
            HttpClient::Default => Client::new(session, credentials),
            HttpClient::Custom => {
                let ureq = tcss_export::ureq::Ureq::with_agent(custom_clients::agent(authorities));
                Client::with_transport(session, credentials, ureq)
            }
        })
    }

    #[cfg(feature = "hyper")]
    fn hyper(
        session: Session,
        credentials: CredentialSource,
        http: HttpClient,
        authorities: &[&[u8]],
    ) -> Self {
        use hyper_util::rt::{TokioExecutor, TokioTimer};
        use tcss_export::hyper::{Client, Hyper};

        let client = match http {
            HttpClient::Default => AsyncClient::Hyper(Client::new(session, credentials)),
            HttpClient::Custom => AsyncClient::HyperCustom(Client::with_transport(
                session,
                credentials,
                Hyper::with_connector(
                    custom_clients::connector(authorities),
                    TokioExecutor::new(),
                    TokioTimer::new(),
                ),
            )),
        };
        Self::Async(runtime(), client)
    }

    #[cfg(feature = "reqwest")]
    fn reqwest(
        session: Session,
        credentials: CredentialSource,
        http: HttpClient,
        authorities: &[&[u8]],
    ) -> Self {
        use tcss_export::reqwest::{Client, Reqwest};

        let client = match http {
            HttpClient::Default => Client::new(session, credentials),
            HttpClient::Custom => {
                let reqwest = Reqwest::from_client(custom_clients::reqwest(authorities));
                Client::with_transport(session, credentials, reqwest.skipping_address_check())
            }
        };
        Self::Async(runtime(), AsyncClient::Reqwest(client))
    }

    pub(crate) fn wait(&self) -> Result<Finished, WaitError> {
        run_on_client!(self, client => client.wait(job()))
    }
}

#[cfg(any(feature = "hyper", feature = "reqwest"))]
fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}
