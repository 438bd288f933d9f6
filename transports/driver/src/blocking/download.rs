//! The blocking download.

use std::{
    fmt,
    io::{self, ErrorKind, Read, Write},
};

use http::Response;
use tcss_export_core::{
    BuildError, SendFault,
    download::{Downloaded, Event, EventKind, Opening, Received},
};

use super::{Fetch, output, wait};
use crate::{
    download::{
        DownloadFailure, FileError, Order, Output, Target,
        transfer::{Next, Transfer},
    },
    error::TransportError,
    shared::Shared,
};

/// A download: an iterator over its events, which sleeps, sends, reads and writes as it goes.
///
/// Only [`outcome`](Self::outcome) tells how it ended. The events end with
/// [`EventKind::Ended`] either way, and an error of the file ends them without one.
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
    order: impl Into<Order>,
    target: impl Into<Target>,
    platform: P,
) -> Result<Download<P>, BuildError> {
    begin(shared, order.into(), Output::Target(target.into()), platform)
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
    order: impl Into<Order>,
    writer: W,
    platform: P,
) -> Result<Download<P, W>, BuildError> {
    begin(shared, order.into(), Output::Writer(writer), platform)
}

fn begin<P: Fetch, W>(
    shared: &Shared,
    order: Order,
    output: Output<W>,
    mut platform: P,
) -> Result<Download<P, W>, BuildError> {
    let transfer = Transfer::new(shared, order, output.can_restart(), platform.now().mono)?;
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
        output::open(&mut self.output)?.into_iter().for_each(|kept| self.transfer.keep(kept));
        loop {
            if self.body.is_some() {
                return self.receive().map(Some);
            }
            let now = self.platform.now();
            match self.transfer.next(now) {
                Next::Done => return Ok(None),
                Next::Tell(event) => return self.told(event).map(Some),
                Next::Sleep(moment) => self.platform.sleep(moment.saturating_since(now.mono)),
                Next::Poll(shared, job) => {
                    let outcome = wait(&shared, job, &mut self.platform).outcome();
                    let event = self.transfer.polled(self.platform.now().mono, outcome);
                    return self.told(event).map(Some);
                }
                Next::Fetch(request) => {
                    let answer = self.platform.fetch(request);
                    return self.answered(answer).map(Some);
                }
            }
        }
    }

    fn answered(
        &mut self,
        answer: Result<Response<P::Body>, TransportError>,
    ) -> Result<Event, FileError> {
        let (head, body) = match answer {
            Ok(answer) => answer.into_parts(),
            Err(error) => return self.ended(Err(error)),
        };
        match self.transfer.head(self.platform.now().mono, &head) {
            Opening::Drop => return self.ended(Ok(())),
            Opening::StartOver => {
                output::start_over(&mut self.output, self.transfer.part().as_ref())?;
            }
            Opening::Append | Opening::Read => {}
        }
        self.body = Some(body);
        Ok(self.transfer.receiving())
    }

    /// Takes one piece of the body.
    fn receive(&mut self) -> Result<Event, FileError> {
        self.buffer.resize(PIECE, 0);
        let read = match &mut self.body {
            Some(body) => read(body, &mut self.buffer),
            None => Ok(&[][..]),
        };
        let end = match read {
            Ok([]) => Ok(()),
            Ok(bytes) => match self.transfer.body(self.platform.now().mono, bytes) {
                Received::Drop => Ok(()),
                Received::Nothing => return Ok(self.transfer.receiving()),
                Received::Write(bytes) => {
                    output::write(&mut self.output, bytes)?;
                    return Ok(self.transfer.receiving());
                }
            },
            Err(error) => Err(TransportError::of_chain(error, SendFault::Truncated)),
        };
        self.body = None;
        self.ended(end)
    }

    fn ended(&mut self, end: Result<(), TransportError>) -> Result<Event, FileError> {
        let event = self.transfer.ended(self.platform.now().mono, end);
        self.told(event)
    }

    /// Closes the output before the end is told.
    fn told(&mut self, event: Event) -> Result<Event, FileError> {
        if event.kind == EventKind::Ended {
            let end = self.transfer.end(self.platform.now().mono);
            output::close(&mut self.output, end)?;
        }
        Ok(event)
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
