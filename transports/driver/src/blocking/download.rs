//! The blocking download.

use std::{
    fmt,
    io::{self, ErrorKind, Read, Write},
};

use tcss_export_core::{
    BuildError, SendFault,
    download::{Downloaded, Event, Received},
};

use super::{Fetch, output, wait};
use crate::{
    download::{
        DownloadFailure, FileError, Output, Source, Target,
        transfer::{Next, Transfer},
    },
    error::TransportError,
    shared::Shared,
};

/// A download: an iterator over its events, which sleeps, sends, reads and writes as it goes.
///
/// Only [`outcome`](Self::outcome) tells how it ended. The events end with
/// [`Ended`](tcss_export_core::download::EventKind::Ended) either way, and an error of the file
/// ends them without one.
///
/// Dropped before its end, it leaves what is there to a later download to the same target.
///
/// ```
/// use tcss_export_driver::{Shared, blocking};
/// # use bytes::Bytes;
/// # use http::{Request, Response};
/// # use tcss_export_core::{Credentials, DownloadUrl, Endpoint, Session};
/// # use tcss_export_driver::TransportError;
/// # struct MyClient;
/// # impl blocking::Platform for MyClient {
/// #     fn credentials(&mut self, _: bool) -> Result<Credentials, TransportError> {
/// #         Ok(Credentials::new("AKIDEXAMPLE", "EXAMPLEKEY")?)
/// #     }
/// #     fn send(&mut self, _: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
/// #         Ok(Response::default())
/// #     }
/// # }
/// # impl blocking::Fetch for MyClient {
/// #     type Body = &'static [u8];
/// #     fn fetch(&mut self, _: Request<()>) -> Result<Response<Self::Body>, TransportError> {
/// #         let answer = Response::builder().header("content-length", "9");
/// #         Ok(answer.body(&b"123456789"[..]).unwrap())
/// #     }
/// # }
/// # let my_client = MyClient;
/// # let shared = Shared::new(Session::new(Endpoint::international()));
/// # let url = DownloadUrl::new("https://h.example/a.csv?q-signature=EXAMPLE").unwrap();
///
/// let mut file = Vec::new();
/// let mut download = blocking::download_into(&shared, url, &mut file, my_client)?;
/// for event in download.by_ref() {
///     println!("{} of {:?} bytes: {:?}", event.bytes, event.total, event.kind);
/// }
/// println!("polled {} times for a new URL", download.polls());
/// assert_eq!(download.outcome()?.bytes, 9);
/// assert_eq!(file, b"123456789");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a download does nothing until its events are drained"]
pub struct Download<P: Fetch, W = io::Sink> {
    transfer: Transfer,
    platform: P,
    output: Output<W>,
    body: Option<P::Body>,
    buffer: Vec<u8>,
    file_error: Option<FileError>,
}

/// How many bytes are read at a time.
const PIECE: usize = 256 * 1024;

/// Begins a download to a file; nothing is sent and no file is touched until its events are
/// drained.
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
/// off is the end, because nothing can be taken back. A writer that blocks is waited for, whatever
/// the limits.
///
/// # Errors
///
/// As for [`download`].
pub fn download_into<P: Fetch, W: Write>(
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
    mut platform: P,
) -> Result<Download<P, W>, BuildError> {
    let transfer = Transfer::new(shared, source, output.can_restart(), platform.now().mono)?;
    let (body, buffer, file_error) = (None, Vec::new(), None);
    Ok(Download { transfer, platform, output, body, buffer, file_error })
}

impl<P: Fetch, W: Write> Download<P, W> {
    /// Downloads what is left and returns the outcome.
    ///
    /// # Errors
    ///
    /// A [`DownloadFailure`] that says why there is no whole file.
    pub fn outcome(mut self) -> Result<Downloaded, DownloadFailure> {
        while self.next().is_some() {}
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

    fn advance(&mut self) -> Result<Option<Event>, FileError> {
        output::open(&mut self.output)?.into_iter().for_each(|kept| self.transfer.resume(kept));
        loop {
            let now = self.platform.now();
            match self.transfer.next(now) {
                Next::Sleep(moment) => self.platform.sleep(moment.saturating_since(now.mono)),
                Next::Fetch(request) => {
                    let answer = self.platform.fetch(request);
                    self.body = self.transfer.answered(self.platform.now().mono, answer);
                }
                Next::StartOver(note) => output::start_over(&mut self.output, note.as_ref())?,
                Next::Read => self.read()?,
                Next::Poll(shared, job) => {
                    let outcome = wait(&shared, job, &mut self.platform).outcome();
                    self.transfer.polled(self.platform.now().mono, outcome);
                }
                Next::Close(end) => output::close(&mut self.output, end)?,
                Next::Tell(event) => return Ok(Some(event)),
                Next::Done => return Ok(None),
            }
        }
    }

    /// Takes one piece of the body, or its end.
    fn read(&mut self) -> Result<(), FileError> {
        self.buffer.resize(PIECE, 0);
        let read = match &mut self.body {
            Some(body) => read(body, &mut self.buffer),
            None => Ok(&[][..]),
        };
        let now = self.platform.now().mono;
        let received = match read {
            Ok(bytes) if !bytes.is_empty() => self.transfer.piece(now, bytes),
            end => {
                let end = end.map(drop);
                let broken = |error| TransportError::of_chain(error, SendFault::Truncated);
                self.transfer.ended(now, end.map_err(broken));
                Received::Drop
            }
        };
        match received {
            Received::Write(bytes) => output::write(&mut self.output, bytes)?,
            Received::Nothing => {}
            Received::Drop => self.body = None,
        }
        Ok(())
    }
}

impl<P: Fetch, W: Write> Iterator for Download<P, W> {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        if self.file_error.is_some() {
            return None;
        }
        self.advance().unwrap_or_else(|error| {
            self.body = None;
            // What is there is closed, so that another download can go on with it.
            self.output = Output::Closed;
            self.file_error = Some(error);
            None
        })
    }
}

impl<P: Fetch, W> fmt::Debug for Download<P, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download").field("transfer", &self.transfer).finish_non_exhaustive()
    }
}

/// Reads some bytes; none at the end.
fn read<'b>(body: &mut impl Read, buffer: &'b mut [u8]) -> io::Result<&'b [u8]> {
    loop {
        match body.read(buffer) {
            Ok(length) => return Ok(buffer.get(..length).unwrap_or_default()),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
