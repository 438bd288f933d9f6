use std::time::Duration;

use tcss_export::{
    Action, Answer, Backoff, Credentials, DescribeExportJobResult, DescribeExportJobResultResponse,
    Endpoint, Finished, JobId, Policy, SendError, Session, WaitFailure,
};
use tcss_export_testkit::wire::{WireAnswer, WireServer};

use crate::given;

pub(crate) const SECRET_ID: &str = "AKIDEXAMPLEOFTHETRANSPORTS";
pub(crate) const SECRET_KEY: &str = "EXAMPLEKEYOFTHETRANSPORTS";
pub(crate) const TOKEN: &str = "EXAMPLETOKENOFTHETRANSPORTS";
pub(crate) const JOB: &str = "3f1c9a52-77aa-4a6e-9b7d-5d2f0c8e1a10";

#[derive(Clone, Copy, Debug)]
pub(crate) enum Library {
    #[cfg(feature = "ureq")]
    Ureq,
    #[cfg(feature = "hyper")]
    Hyper,
}

/// Whose HTTP client it is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Http {
    Own,
    Given,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Wire {
    Plain,
    Tls,
}

/// One way to set up a client and its server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup {
    pub(crate) library: Library,
    pub(crate) http: Http,
    pub(crate) wire: Wire,
}

pub(crate) type Result = std::result::Result<Answer<DescribeExportJobResultResponse>, SendError>;

impl Setup {
    pub(crate) fn server(&self, answers: impl IntoIterator<Item = WireAnswer>) -> WireServer {
        let server = match self.wire {
            Wire::Plain => WireServer::plain(answers),
            Wire::Tls => WireServer::tls(answers),
        };
        server.expect("a loopback port is to be had")
    }

    pub(crate) fn client(&self, server: &WireServer) -> Client {
        self.client_at(&server.url(), server.ca_der())
    }

    pub(crate) fn client_at(&self, url: &str, ca: &[u8]) -> Client {
        let endpoint = url.parse::<Endpoint>().expect("a loopback URL");
        let session = Session::new(endpoint);
        match self.library {
            #[cfg(feature = "ureq")]
            Library::Ureq => Client::Ureq(self.ureq(session, ca)),
            #[cfg(feature = "hyper")]
            Library::Hyper => Client::hyper(session, self.http, ca),
        }
    }

    /// Sends one action to a server that plays one answer.
    pub(crate) fn answer(&self, answer: WireAnswer) -> (Result, WireServer) {
        let server = self.server([answer]);
        (self.client(&server).send(), server)
    }

    #[cfg(feature = "ureq")]
    fn ureq(&self, session: Session, ca: &[u8]) -> tcss_export::ureq::Client {
        let Http::Given = self.http else {
            return tcss_export::ureq::Client::new(session, credentials());
        };
        let agent = given::agent(&[ca]);
        tcss_export::ureq::Client::with_agent(session, credentials(), agent)
    }
}

pub(crate) fn credentials() -> Credentials {
    Credentials::new(SECRET_ID, SECRET_KEY).unwrap().with_token(TOKEN).unwrap()
}

pub(crate) fn action() -> DescribeExportJobResult {
    DescribeExportJobResult::new(JobId::new(JOB).unwrap())
}

/// A time limit so short that a test may run into it.
pub(crate) fn impatient() -> Policy {
    Policy::default().with_exchange_limit(Duration::from_millis(300))
}

/// Pauses so short that a test may make them.
pub(crate) fn hasty() -> Policy {
    let soon = Duration::from_millis(1);
    Policy::default()
        .with_poll_interval(soon, soon)
        .with_retry(Backoff::new(soon, soon, soon))
        .with_throttle(Backoff::new(soon, soon, soon))
}

/// A client of either library, driven from blocking tests.
pub(crate) enum Client {
    #[cfg(feature = "ureq")]
    Ureq(tcss_export::ureq::Client),
    #[cfg(feature = "hyper")]
    Hyper(tokio::runtime::Runtime, HyperClient),
}

#[cfg(feature = "hyper")]
pub(crate) enum HyperClient {
    Own(tcss_export::hyper::Client),
    Given(tcss_export::hyper::Client<given::Connector>),
}

/// Calls a method on whichever client it is, and runs its future to the end.
macro_rules! on_client {
    ($client:expr, $inner:ident => $call:expr) => {
        match $client {
            #[cfg(feature = "ureq")]
            Client::Ureq($inner) => $call,
            #[cfg(feature = "hyper")]
            Client::Hyper(runtime, HyperClient::Own($inner)) => runtime.block_on($call),
            #[cfg(feature = "hyper")]
            Client::Hyper(runtime, HyperClient::Given($inner)) => runtime.block_on($call),
        }
    };
}

impl Client {
    #[cfg(feature = "hyper")]
    fn hyper(session: Session, http: Http, ca: &[u8]) -> Self {
        use hyper_util::rt::{TokioExecutor, TokioTimer};

        // A plain server has none.
        let authorities: Vec<_> = [ca].into_iter().filter(|ca| !ca.is_empty()).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let client = match http {
            Http::Own => HyperClient::Own(tcss_export::hyper::Client::new(session, credentials())),
            Http::Given => HyperClient::Given(tcss_export::hyper::Client::with_connector(
                session,
                credentials(),
                given::connector(&authorities),
                TokioExecutor::new(),
                TokioTimer::new(),
            )),
        };
        Self::Hyper(runtime, client)
    }

    pub(crate) fn send(&self) -> Result {
        self.send_action(&action())
    }

    pub(crate) fn send_action<A: Action>(
        &self,
        action: &A,
    ) -> std::result::Result<Answer<A::Response>, SendError> {
        on_client!(self, client => client.send(action))
    }

    pub(crate) fn wait(&self) -> std::result::Result<Finished, WaitFailure> {
        let job = JobId::new(JOB).unwrap();
        on_client!(self, client => client.wait(job))
    }

    pub(crate) fn with_policy(self, policy: Policy) -> Self {
        match self {
            #[cfg(feature = "ureq")]
            Self::Ureq(client) => Self::Ureq(client.with_policy(policy)),
            #[cfg(feature = "hyper")]
            Self::Hyper(runtime, HyperClient::Own(client)) => {
                Self::Hyper(runtime, HyperClient::Own(client.with_policy(policy)))
            }
            #[cfg(feature = "hyper")]
            Self::Hyper(runtime, HyperClient::Given(client)) => {
                Self::Hyper(runtime, HyperClient::Given(client.with_policy(policy)))
            }
        }
    }

    pub(crate) fn text(&self) -> String {
        match self {
            #[cfg(feature = "ureq")]
            Self::Ureq(client) => format!("{client:?}"),
            #[cfg(feature = "hyper")]
            Self::Hyper(_, HyperClient::Own(client)) => format!("{client:?}"),
            #[cfg(feature = "hyper")]
            Self::Hyper(_, HyperClient::Given(client)) => format!("{client:?}"),
        }
    }
}
