//! What the tests of downloads have a client do.

use std::{io, path::PathBuf};

use futures_util::io::AllowStdIo;
use tcss_export::{
    BuildError,
    download::Event,
    driver::{Source, Target},
};

#[cfg(feature = "hyper")]
use crate::clients::HyperClient;
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
        goes_on: impl FnMut(&Event) -> bool,
    ) -> Option<Ended> {
        match self {
            #[cfg(feature = "ureq")]
            Self::Ureq(client) => {
                let mut goes_on = goes_on;
                let mut download = client.download(source, target).expect(USABLE);
                for event in download.by_ref() {
                    if !goes_on(&event) {
                        return None;
                    }
                }
                Some(download.outcome())
            }
            #[cfg(feature = "hyper")]
            Self::Hyper(runtime, client) => runtime.block_on(async {
                match client {
                    HyperClient::Own(client) => drain_while(client, source, target, goes_on).await,
                    HyperClient::Given(client) => {
                        drain_while(client, source, target, goes_on).await
                    }
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

#[cfg(feature = "hyper")]
async fn drain_while<C>(
    client: &tcss_export::hyper::Client<C>,
    source: Source,
    target: PathBuf,
    mut goes_on: impl FnMut(&Event) -> bool,
) -> Option<Ended>
where
    C: hyper_util::client::legacy::connect::Connect + Clone + Send + Sync + 'static,
{
    let mut download = client.download(source, target).expect(USABLE);
    while let Some(event) = download.next().await {
        if !goes_on(&event) {
            return None;
        }
    }
    Some(download.outcome().await)
}
