//! The calls that the tests make on each client.

use std::{io, path::PathBuf};

use futures_util::io::AllowStdIo;
#[cfg(any(feature = "hyper", feature = "reqwest"))]
use tcss_export::driver::Transport;
use tcss_export::{Source, Target, download::Event, error::BuildError};

#[cfg(any(feature = "hyper", feature = "reqwest"))]
use crate::clients::AsyncClient;
use crate::{
    clients::{Client, on_client, run_on_client},
    setup::DownloadResult,
};

const USABLE: &str = "a usable URL";

impl Client {
    /// Downloads to a file.
    #[track_caller]
    pub(crate) fn download(
        &self,
        source: impl Into<Source>,
        target: impl Into<Target>,
    ) -> DownloadResult {
        run_on_client!(self, client => client.download(source, target).expect(USABLE).outcome())
    }

    /// Returns the error of a source that is refused before anything is sent.
    #[track_caller]
    pub(crate) fn refusal(&self, source: impl Into<Source>) -> BuildError {
        let target = PathBuf::from("never-made");
        on_client!(self, client => client.download(source, target).expect_err("an unusable URL"))
    }

    /// Passes each event to `continues` and drops the download once that returns false.
    pub(crate) fn download_while(
        &self,
        source: Source,
        target: PathBuf,
        continues: impl FnMut(&Event) -> bool,
    ) -> Option<DownloadResult> {
        match self {
            #[cfg(feature = "ureq")]
            Self::Ureq(client) => {
                let mut continues = continues;
                let mut download = client.download(source, target).expect(USABLE);
                let stopped = download.by_ref().any(|event| !continues(&event));
                (!stopped).then(|| download.outcome())
            }
            #[cfg(any(feature = "hyper", feature = "reqwest"))]
            Self::Async(runtime, client) => runtime.block_on(async {
                match client {
                    #[cfg(feature = "hyper")]
                    AsyncClient::Hyper(client) => drain(client, source, target, continues).await,
                    #[cfg(feature = "hyper")]
                    AsyncClient::HyperCustom(client) => {
                        drain(client, source, target, continues).await
                    }
                    #[cfg(feature = "reqwest")]
                    AsyncClient::Reqwest(client) => drain(client, source, target, continues).await,
                }
            }),
        }
    }

    /// Downloads into a writer; for the async clients it is wrapped into an async one.
    pub(crate) fn download_into(
        &self,
        source: Source,
        writer: impl io::Write + Unpin,
    ) -> DownloadResult {
        let writer = AllowStdIo::new(writer);
        run_on_client!(self, client => {
            client.download_into(source, writer).expect(USABLE).outcome()
        })
    }

    /// Returns the debug output of a client and of a download that has not started.
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
    mut continues: impl FnMut(&Event) -> bool,
) -> Option<DownloadResult> {
    let mut download = client.download(source, target).expect(USABLE);
    while let Some(event) = download.next().await {
        if !continues(&event) {
            return None;
        }
    }
    Some(download.outcome().await)
}
