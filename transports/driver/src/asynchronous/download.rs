//! The async download.

use std::{fmt, time::Duration};

use futures_util::{
    io::{AsyncWrite, Sink},
    stream::{self, Stream, StreamExt},
};
use tcss_export_core::{
    BuildError, Now,
    download::{Downloaded, Event, Received},
};

use super::{Wait, output, within};
use crate::{
    client::Client,
    download::{
        DownloadFailure, FileError, Output, Source,
        transfer::{Next, Transfer},
    },
    error::TransportError,
    transport::Transport,
};

/// A download, which gives its events one after another.
///
/// Only [`outcome`](Self::outcome) tells how it ended. The events end with
/// [`Ended`](tcss_export_core::download::EventKind::Ended) either way, and an error of the file
/// ends them without one.
///
/// Dropped before its end, it leaves what is there to a later download to the same target. If it
/// was at work on its file, a thread may have that for a moment more: another download finds it
/// busy until then, and a file that was whole may still come to its name.
#[must_use = "a download does nothing until its events are drained"]
pub struct Download<T: Transport, W = Sink> {
    transfer: Transfer,
    client: Client<T>,
    output: Output<W>,
    body: Option<T::Body>,
    file_error: Option<FileError>,
    may_block: bool,
}

pub(crate) fn begin<T: Transport, W>(
    client: &Client<T>,
    source: Source,
    output: Output<W>,
    may_block: bool,
) -> Result<Download<T, W>, BuildError> {
    let now = client.now().mono;
    let transfer = Transfer::new(&client.shared, source, output.can_restart(), now)?;
    let client = client.clone();
    Ok(Download { transfer, client, output, body: None, file_error: None, may_block })
}

impl<T: Transport, W: AsyncWrite + Unpin> Download<T, W> {
    /// Waits for the next event; `None` when the download has ended.
    ///
    /// Where a call is dropped before it is done, a request under way is forgotten and made again
    /// by the next call. Dropped while it worked on the file or the writer, it ends the download
    /// by [`FileErrorKind::Dropped`](crate::FileErrorKind::Dropped): another one to the same target
    /// goes on with what is there.
    pub async fn next(&mut self) -> Option<Event> {
        if self.file_error.is_some() {
            return None;
        }
        match self.advance().await {
            Ok(event) => event,
            Err(error) => {
                self.body = None;
                // What is there is closed, so that another download can go on with it.
                self.output = Output::Closed;
                self.file_error = Some(error);
                None
            }
        }
    }

    /// Returns the events as a stream, to be pinned; when it has ended,
    /// [`outcome`](Self::outcome) is at hand.
    pub fn events(&mut self) -> impl Stream<Item = Event> {
        stream::unfold(self, async |download| download.next().await.map(|event| (event, download)))
    }

    /// Downloads what is left and returns the outcome.
    ///
    /// # Errors
    ///
    /// A [`DownloadFailure`] that says why there is no whole file.
    pub async fn outcome(mut self) -> Result<Downloaded, DownloadFailure> {
        while self.next().await.is_some() {}
        match self.file_error {
            Some(error) => Err(error.into()),
            None => self.transfer.finish(),
        }
    }

    /// Returns how often the job was polled for a new URL.
    #[must_use]
    pub const fn polls(&self) -> u32 {
        self.transfer.polls()
    }

    /// Returns what the transport said, if the last exchange gave no whole answer.
    #[must_use]
    pub const fn transport(&self) -> Option<&TransportError> {
        self.transfer.transport()
    }

    async fn advance(&mut self) -> Result<Option<Event>, FileError> {
        if let Output::Taken = self.output {
            return Err(FileError::dropped());
        }
        let kept = output::open(&mut self.output, self.may_block).await?;
        kept.into_iter().for_each(|kept| self.transfer.resume(kept));
        self.transfer.abandon();
        loop {
            let now = self.client.now();
            match self.transfer.next(now) {
                Next::Sleep(moment) => {
                    self.client.sleep(moment.saturating_since(now.mono)).await;
                }
                Next::Fetch(request) => {
                    let limit = self.client.sleep(self.until_limit(now));
                    let answer = within(limit, self.client.fetch(request)).await;
                    self.body = self.transfer.answered(self.client.now().mono, answer);
                }
                Next::StartOver(note) => {
                    output::start_over(&mut self.output, self.may_block, note).await?
                }
                Next::Read => self.read(now).await?,
                Next::Poll(shared, job) => {
                    let outcome = Wait::new(&self.client.sharing(shared), job).outcome().await;
                    self.transfer.polled(self.client.now().mono, outcome);
                }
                Next::Close(end) => output::close(&mut self.output, self.may_block, end).await?,
                Next::Tell(event) => return Ok(Some(event)),
                Next::Done => return Ok(None),
            }
        }
    }

    /// Takes one piece of the body, or its end.
    async fn read(&mut self, now: Now) -> Result<(), FileError> {
        let limit = self.client.sleep(self.until_limit(now));
        let read = match &mut self.body {
            Some(body) => within(limit, async { body.next().await.transpose() }).await,
            None => Ok(None),
        };
        let now = self.client.now().mono;
        match read {
            Ok(Some(bytes)) => match self.transfer.piece(now, &bytes) {
                Received::Write(written) => {
                    let written = bytes.slice_ref(written);
                    output::write(&mut self.output, self.may_block, written).await?;
                }
                Received::Nothing => {}
                Received::Drop => self.body = None,
            },
            end => {
                self.transfer.ended(now, end.map(drop));
                self.body = None;
            }
        }
        Ok(())
    }

    fn until_limit(&self, now: Now) -> Duration {
        self.transfer.limit().saturating_since(now.mono)
    }
}

impl<T: Transport, W> fmt::Debug for Download<T, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download").field("transfer", &self.transfer).finish_non_exhaustive()
    }
}
