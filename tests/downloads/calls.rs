//! What the tests of downloads have a client do.

use std::{io, path::PathBuf};

use futures_util::io::AllowStdIo;
use tcss_export::{Source, Target, download::Event, driver::Transport, error::BuildError};

#[cfg(any(feature = "hyper", feature = "reqwest"))]
use crate::clients::AsyncClient;
use crate::{
    clients::{Client, on_client, run_on_client},
    setup::Ended,
};

const USABLE: &str = "a URL that can be used";

impl Client {
    /// Says how a download ends.
    #[track_caller]
    pub(crate) fn download(&self, source: impl Into<Source>, target: impl Into<Target>) -> Ended {
        run_on_client!(self, client => client.download(source, target).expect(USABLE).outcome())
    }

    /// Says why a source is refused before anything is sent.
    #[track_caller]
    pub(crate) fn refusal(&self, source: impl Into<Source>) -> BuildError {
        let target = PathBuf::from("never-made");
        on_client!(self, client => client.download(source, target).expect_err("a bad URL"))
    }

    /// Shows each event; once `goes_on` says no, the download is dropped and has no end.
    pub(crate) fn download_while(
        &self,
        source: Source,
        target: PathBuf,
        mut goes_on: impl FnMut(&Event) -> bool,
    ) -> Option<Ended> {
        match self {
            #[cfg(feature = "ureq")]
            Self::Ureq(client) => {
                let mut download = client.download(source, target).expect(USABLE);
                let stopped = download.by_ref().any(|event| !goes_on(&event));
                (!stopped).then(|| download.outcome())
            }
            #[cfg(any(feature = "hyper", feature = "reqwest"))]
            Self::Async(runtime, client) => runtime.block_on(async {
                match client {
                    #[cfg(feature = "hyper")]
                    AsyncClient::Hyper(client) => drain(client, source, target, goes_on).await,
                    #[cfg(feature = "hyper")]
                    AsyncClient::HyperGiven(client) => drain(client, source, target, goes_on).await,
                    #[cfg(feature = "reqwest")]
                    AsyncClient::Reqwest(client) => drain(client, source, target, goes_on).await,
                }
            }),
        }
    }

    /// Downloads into a writer, which the one kind of client takes as such and the other as an
    /// async one.
    pub(crate) fn download_into(&self, source: Source, writer: impl io::Write + Unpin) -> Ended {
        let writer = AllowStdIo::new(writer);
        run_on_client!(self, client => {
            client.download_into(source, writer).expect(USABLE).outcome()
        })
    }

    /// Returns the texts of a client and of a download that has not begun.
    pub(crate) fn text(&self, source: Source) -> String {
        let target = PathBuf::from("never-made");
        on_client!(self, client => {
            let download = client.download(source, target).expect(USABLE);
            format!("{client:?} {download:?}")
        })
    }
}

#[cfg(any(feature = "hyper", feature = "reqwest"))]
async fn drain<T: Transport>(
    client: &tcss_export::driver::Client<T>,
    source: Source,
    target: PathBuf,
    mut goes_on: impl FnMut(&Event) -> bool,
) -> Option<Ended> {
    let mut download = client.download(source, target).expect(USABLE);
    while let Some(event) = download.next().await {
        if !goes_on(&event) {
            return None;
        }
    }
    Some(download.outcome().await)
}
