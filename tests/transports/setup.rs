//! Clients, policies and single exchanges for the cases.

use std::time::Duration;

use tcss_export::{
    Credentials,
    actions::{Answer, DescribeExportJobResult, DescribeExportJobResultResponse},
    error::SendError,
    wait::{Backoff, Policy},
};
use tcss_export_testkit::wire::{WireAnswer, WireServer};

#[cfg(any(feature = "hyper", feature = "reqwest"))]
use crate::clients::AsyncClient;
use crate::{
    clients::{Client, Setup, job, on_client, run_on_client},
    with::with,
};

pub(crate) const SECRET_ID: &str = "AKIDEXAMPLEOFTHETRANSPORTS";
pub(crate) const SECRET_KEY: &str = "EXAMPLEKEYOFTHETRANSPORTS";
pub(crate) const TOKEN: &str = "EXAMPLETOKENOFTHETRANSPORTS";

pub(crate) type Result = std::result::Result<Answer<DescribeExportJobResultResponse>, SendError>;

impl Setup {
    pub(crate) fn client(&self, server: &WireServer) -> Client {
        self.client_at(&server.url(), server.ca_der())
    }

    pub(crate) fn client_at(&self, url: &str, ca: &[u8]) -> Client {
        self.client_with(credentials(), url, &[ca])
    }

    /// Sends one request to a server with one answer.
    pub(crate) fn answer(&self, answer: WireAnswer) -> (Result, WireServer) {
        let server = self.server([answer]);
        (self.client(&server).send(), server)
    }
}

pub(crate) fn credentials() -> Credentials {
    Credentials::new(SECRET_ID, SECRET_KEY).unwrap().with_token(TOKEN).unwrap()
}

pub(crate) fn action() -> DescribeExportJobResult {
    DescribeExportJobResult::new(job())
}

/// A time limit short enough for a test to reach it.
pub(crate) fn short_limit() -> Policy {
    with(Policy::default(), |policy| policy.exchange_limit = Duration::from_millis(300))
}

/// Delays short enough for a test.
pub(crate) fn short_delays() -> Policy {
    let soon = Duration::from_millis(1);
    with(Policy::default(), |policy| {
        (policy.poll_interval, policy.longest_poll_interval) = (soon, soon);
        policy.retry = Backoff::new(soon, soon, soon);
        policy.throttle = Backoff::new(soon, soon, soon);
    })
}

impl Client {
    pub(crate) fn send(&self) -> Result {
        let action = action();
        run_on_client!(self, client => client.send(&action))
    }

    pub(crate) fn with_policy(self, policy: Policy) -> Self {
        match self {
            #[cfg(feature = "ureq")]
            Self::Ureq(client) => Self::Ureq(client.with_policy(policy)),
            #[cfg(any(feature = "hyper", feature = "reqwest"))]
            Self::Async(runtime, client) => Self::Async(
                runtime,
                match client {
                    #[cfg(feature = "hyper")]
                    AsyncClient::Hyper(client) => AsyncClient::Hyper(client.with_policy(policy)),
                    #[cfg(feature = "hyper")]
                    AsyncClient::HyperCustom(client) => {
                        AsyncClient::HyperCustom(client.with_policy(policy))
                    }
                    #[cfg(feature = "reqwest")]
                    AsyncClient::Reqwest(client) => {
                        AsyncClient::Reqwest(client.with_policy(policy))
                    }
                },
            ),
        }
    }

    pub(crate) fn debug_text(&self) -> String {
        on_client!(self, client => format!("{client:?}"))
    }
}
