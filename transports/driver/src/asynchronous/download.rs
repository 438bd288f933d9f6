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

use super::{Fetch, output, wait, within};
use crate::{
    download::{
        DownloadFailure, FileError, Output, Source, Target,
        transfer::{Next, Transfer},
    },
    error::TransportError,
    shared::Shared,
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
///
/// ```
/// use tcss_export_driver::{Shared, asynchronous};
/// # use std::time::Duration;
/// # use bytes::Bytes;
/// # use futures_util::stream;
/// # use http::{Request, Response};
/// # use tcss_export_core::{Credentials, DownloadUrl, Endpoint, Session};
/// # use tcss_export_driver::TransportError;
/// # struct MyClient;
/// # impl asynchronous::Platform for MyClient {
/// #     async fn sleep(&self, duration: Duration) {
/// #         tokio::time::sleep(duration).await;
/// #     }
/// #     async fn credentials(&self, _: bool) -> Result<Credentials, TransportError> {
/// #         Ok(Credentials::new("AKIDEXAMPLE", "EXAMPLEKEY")?)
/// #     }
/// #     async fn send(&self, _: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
/// #         Ok(Response::default())
/// #     }
/// # }
/// # impl asynchronous::Fetch for MyClient {
/// #     type Body = stream::Iter<std::array::IntoIter<Result<Bytes, TransportError>, 2>>;
/// #     async fn fetch(&self, _: Request<()>) -> Result<Response<Self::Body>, TransportError> {
/// #         let answer = Response::builder().header("content-length", "9");
/// #         let pieces = ["1234", "56789"].map(|piece| Ok(Bytes::from(piece)));
/// #         Ok(answer.body(stream::iter(pieces)).unwrap())
/// #     }
/// # }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let my_client = MyClient;
/// # let shared = Shared::new(Session::new(Endpoint::international()));
/// # let url = DownloadUrl::new("https://h.example/a.csv?q-signature=EXAMPLE").unwrap();
///
/// let mut file = Vec::new();
/// let mut download = asynchronous::download_into(&shared, url, &mut file, my_client)?;
/// while let Some(event) = download.next().await {
///     println!("{} of {:?} bytes: {:?}", event.bytes, event.total, event.kind);
/// }
/// println!("polled {} times for a new URL", download.polls());
/// assert_eq!(download.outcome().await?.bytes, 9);
/// assert_eq!(file, b"123456789");
/// # Ok(())
/// # }
/// ```
#[must_use = "a download does nothing until its events are drained"]
pub struct Download<P: Fetch, W = Sink> {
    transfer: Transfer,
    platform: P,
    output: Output<W>,
    body: Option<P::Body>,
    file_error: Option<FileError>,
}

/// Begins a download to a file; nothing is sent and no file is touched until its events are
/// drained. Files are read and written on threads of their own, never on those of the runtime.
///
/// # Errors
///
/// Those of [`Download::new`](tcss_export_core::download::Download::new): a URL that cannot be
/// used.
pub fn download<P: Fetch>(
    shared: &Shared,
    source: impl Into<Source>,
    target: impl Into<Target>,
    platform: P,
) -> Result<Download<P>, BuildError> {
    begin(shared, source.into(), Output::Target(target.into()), platform)
}

/// Begins a download into a writer.
///
/// The bytes are written as they come, before the checksum of the whole is known: what was written
/// counts only if the download ends well. A fault that cannot be mended by going on where it broke
/// off is the end, because nothing can be taken back. The writer is waited for, whatever the
/// limits.
///
/// # Errors
///
/// As for [`download`].
pub fn download_into<P: Fetch, W: AsyncWrite + Unpin>(
    shared: &Shared,
    source: impl Into<Source>,
    writer: W,
    platform: P,
) -> Result<Download<P, W>, BuildError> {
    begin(shared, source.into(), Output::Writer(writer), platform)
}

fn begin<P: Fetch, W>(
    shared: &Shared,
    source: Source,
    output: Output<W>,
    platform: P,
) -> Result<Download<P, W>, BuildError> {
    let transfer = Transfer::new(shared, source, output.can_restart(), platform.now().mono)?;
    Ok(Download { transfer, platform, output, body: None, file_error: None })
}

impl<P: Fetch, W: AsyncWrite + Unpin> Download<P, W> {
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
        let kept = output::open(&mut self.output).await?;
        kept.into_iter().for_each(|kept| self.transfer.resume(kept));
        self.transfer.abandon();
        loop {
            let now = self.platform.now();
            match self.transfer.next(now) {
                Next::Sleep(moment) => {
                    self.platform.sleep(moment.saturating_since(now.mono)).await;
                }
                Next::Fetch(request) => {
                    let limit = self.platform.sleep(self.until_limit(now));
                    let answer = within(limit, self.platform.fetch(request)).await;
                    self.body = self.transfer.answered(self.platform.now().mono, answer);
                }
                Next::StartOver(note) => output::start_over(&mut self.output, note).await?,
                Next::Read => self.read(now).await?,
                Next::Poll(shared, job) => {
                    let outcome = wait(&shared, job, &self.platform).outcome().await;
                    self.transfer.polled(self.platform.now().mono, outcome);
                }
                Next::Close(end) => output::close(&mut self.output, end).await?,
                Next::Tell(event) => return Ok(Some(event)),
                Next::Done => return Ok(None),
            }
        }
    }

    /// Takes one piece of the body, or its end.
    async fn read(&mut self, now: Now) -> Result<(), FileError> {
        let limit = self.platform.sleep(self.until_limit(now));
        let read = match &mut self.body {
            Some(body) => within(limit, async { body.next().await.transpose() }).await,
            None => Ok(None),
        };
        let now = self.platform.now().mono;
        match read {
            Ok(Some(bytes)) => match self.transfer.piece(now, &bytes) {
                Received::Write(written) => {
                    let written = bytes.slice_ref(written);
                    output::write(&mut self.output, written).await?;
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

impl<P: Fetch, W> fmt::Debug for Download<P, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download").field("transfer", &self.transfer).finish_non_exhaustive()
    }
}
