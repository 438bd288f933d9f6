use std::path::PathBuf;

use tcss_export::{
    BuildError, Finished, Session, WaitFailure,
    download::Event,
    driver::{Order, Target},
};

use crate::{
    given,
    setup::{Ended, Http, credentials, job},
};

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

/// Calls a method on whichever client it is.
macro_rules! on_client {
    ($client:expr, $inner:ident => $call:expr) => {
        on_client!($client, $inner => $call, |_runtime, ended| ended)
    };
    ($client:expr, $inner:ident => $call:expr, |$runtime:ident, $future:ident| $run:expr) => {
        match $client {
            #[cfg(feature = "ureq")]
            Client::Ureq($inner) => $call,
            #[cfg(feature = "hyper")]
            Client::Hyper($runtime, HyperClient::Own($inner)) => {
                let $future = $call;
                $run
            }
            #[cfg(feature = "hyper")]
            Client::Hyper($runtime, HyperClient::Given($inner)) => {
                let $future = $call;
                $run
            }
        }
    };
}

/// Calls a method on whichever client it is, and runs its future to the end.
macro_rules! run_on_client {
    ($client:expr, $inner:ident => $call:expr) => {
        on_client!($client, $inner => $call, |runtime, future| runtime.block_on(future))
    };
}

impl Client {
    #[cfg(feature = "ureq")]
    pub(crate) fn ureq(session: Session, http: Http, authorities: &[&[u8]]) -> Self {
        let Http::Given = http else {
            return Self::Ureq(tcss_export::ureq::Client::new(session, credentials()));
        };
        let agent = given::agent(authorities);
        Self::Ureq(tcss_export::ureq::Client::with_agent(session, credentials(), agent))
    }

    #[cfg(feature = "hyper")]
    pub(crate) fn hyper(session: Session, http: Http, authorities: &[&[u8]]) -> Self {
        use hyper_util::rt::{TokioExecutor, TokioTimer};

        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let client = match http {
            Http::Own => HyperClient::Own(tcss_export::hyper::Client::new(session, credentials())),
            Http::Given => HyperClient::Given(tcss_export::hyper::Client::with_connector(
                session,
                credentials(),
                given::connector(authorities),
                TokioExecutor::new(),
                TokioTimer::new(),
            )),
        };
        Self::Hyper(runtime, client)
    }

    pub(crate) fn wait(&self) -> Result<Finished, WaitFailure> {
        run_on_client!(self, client => client.wait(job()))
    }

    /// Says how a download ends.
    #[track_caller]
    pub(crate) fn download(&self, order: impl Into<Order>, target: impl Into<Target>) -> Ended {
        run_on_client!(self, client => client.download(order, target).expect(USABLE).outcome())
    }

    /// Says why an order is refused before anything is sent.
    #[track_caller]
    pub(crate) fn refusal(&self, order: impl Into<Order>) -> BuildError {
        let target = PathBuf::from("never-made");
        on_client!(self, client => client.download(order, target).expect_err("a bad URL"))
    }

    /// Shows each event; once `goes_on` says no, the download is dropped and has no end.
    pub(crate) fn download_while(
        &self,
        order: Order,
        target: PathBuf,
        goes_on: impl FnMut(&Event) -> bool,
    ) -> Option<Ended> {
        match self {
            #[cfg(feature = "ureq")]
            Self::Ureq(client) => {
                let mut goes_on = goes_on;
                let mut download = client.download(order, target).expect(USABLE);
                for event in download.by_ref() {
                    if !goes_on(&event) {
                        return None;
                    }
                }
                Some(download.outcome())
            }
            #[cfg(feature = "hyper")]
            Self::Hyper(runtime, HyperClient::Own(client)) => {
                runtime.block_on(drain_while(client, order, target, goes_on))
            }
            #[cfg(feature = "hyper")]
            Self::Hyper(runtime, HyperClient::Given(client)) => {
                runtime.block_on(drain_while(client, order, target, goes_on))
            }
        }
    }

    /// Downloads into memory, by a writer.
    pub(crate) fn download_into(&self, order: Order) -> (Vec<u8>, Ended) {
        let mut bytes = Vec::new();
        let end = match self {
            #[cfg(feature = "ureq")]
            Self::Ureq(client) => client.download_into(order, &mut bytes).expect(USABLE).outcome(),
            #[cfg(feature = "hyper")]
            Self::Hyper(runtime, client) => {
                let writer = futures_util::io::Cursor::new(&mut bytes);
                match client {
                    HyperClient::Own(client) => runtime
                        .block_on(client.download_into(order, writer).expect(USABLE).outcome()),
                    HyperClient::Given(client) => runtime
                        .block_on(client.download_into(order, writer).expect(USABLE).outcome()),
                }
            }
        };
        (bytes, end)
    }

    /// Downloads into a writer that has room for so many bytes.
    pub(crate) fn download_into_room(&self, order: Order, room: &mut [u8]) -> Ended {
        match self {
            #[cfg(feature = "ureq")]
            Self::Ureq(client) => client.download_into(order, room).expect(USABLE).outcome(),
            #[cfg(feature = "hyper")]
            Self::Hyper(runtime, client) => {
                let writer = futures_util::io::AllowStdIo::new(room);
                match client {
                    HyperClient::Own(client) => runtime
                        .block_on(client.download_into(order, writer).expect(USABLE).outcome()),
                    HyperClient::Given(client) => runtime
                        .block_on(client.download_into(order, writer).expect(USABLE).outcome()),
                }
            }
        }
    }

    /// Returns the texts of a client and of a download that has not begun.
    pub(crate) fn text(&self, order: Order) -> String {
        let target = PathBuf::from("never-made");
        on_client!(self, client => {
            let download = client.download(order, target).expect(USABLE);
            format!("{client:?} {download:?}")
        })
    }
}

const USABLE: &str = "a URL that can be used";

#[cfg(feature = "hyper")]
async fn drain_while<C>(
    client: &tcss_export::hyper::Client<C>,
    order: Order,
    target: PathBuf,
    mut goes_on: impl FnMut(&Event) -> bool,
) -> Option<Ended>
where
    C: hyper_util::client::legacy::connect::Connect + Clone + Send + Sync + 'static,
{
    let mut download = client.download(order, target).expect(USABLE);
    while let Some(event) = download.next().await {
        if !goes_on(&event) {
            return None;
        }
    }
    Some(download.outcome().await)
}
