//! The download of a file, to a target or into a writer.

mod bodies;
mod error;
mod lock;
mod output;
mod part_file;
mod permissions;
mod stat;
mod target;

use std::{fmt, future::poll_fn};

use futures_util::{
    FutureExt,
    io::{AsyncWrite, Sink},
    stream::{self, Stream},
};
use http::{Request, Uri};
use tcss_export_core::{
    BuildError, DownloadUrl, JobId, Mono, TransportErrorKind,
    download::{
        self, Downloaded, ErrorKind, Event, EventKind, Fault, Opening, Policy, Received, Step,
    },
};

pub(crate) use self::output::Output;
use self::{
    bodies::{Bodies, Piece},
    part_file::End,
};
pub use self::{
    error::{DownloadError, FileError, FileErrorKind},
    target::Target,
};
use crate::{
    client::Client, error::WaitError, trace::Trace, transport::Transport,
    transport_error::TransportError,
};

impl<T: Transport> Client<T> {
    /// Downloads a file to a [`Target`], event by event; [`Download::outcome`] returns the result.
    ///
    /// With several [`connections`](Policy::connections), it reads them all in the task of the
    /// caller, and only while the caller waits for an event.
    ///
    /// # Errors
    ///
    /// A [`BuildError`] of [`Field::DownloadUrl`](tcss_export_core::Field::DownloadUrl) if the URL
    /// cannot be used. Nothing was sent.
    pub fn download(
        &self,
        source: impl Into<Source>,
        target: impl Into<Target>,
    ) -> Result<Download<T>, BuildError> {
        Download::new(self.clone(), source.into(), Output::Target(target.into()))
    }

    /// Downloads into a writer. Written bytes cannot be taken back, so a file that changes during
    /// the download is an error, and the checksum is known only after the last byte.
    ///
    /// # Errors
    ///
    /// As for [`download`](Self::download).
    pub fn download_into<W: AsyncWrite + Unpin>(
        &self,
        source: impl Into<Source>,
        writer: W,
    ) -> Result<Download<T, W>, BuildError> {
        Download::new(self.clone(), source.into(), Output::Writer(writer))
    }
}

/// What to download: a URL, optionally the job that can supply a new one, and the policy.
///
/// A [`DownloadUrl`] converts into a source. Without a job, an expired URL ends the download.
#[derive(Clone, Debug)]
#[must_use]
pub struct Source {
    url: DownloadUrl,
    job: Option<JobId>,
    pub(crate) policy: Policy,
}

impl Source {
    /// Creates a source from a URL.
    pub fn new(url: DownloadUrl) -> Self {
        Self { url, job: None, policy: Policy::default() }
    }

    /// Sets the job that is polled for a new URL when this one has expired or is refused.
    pub fn of_job(mut self, job: JobId) -> Self {
        self.job = Some(job);
        self
    }

    /// Sets the policy of the download. The wait for a new URL follows the client's policy.
    pub fn with_policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }
}

impl From<DownloadUrl> for Source {
    fn from(url: DownloadUrl) -> Self {
        Self::new(url)
    }
}

/// A running download, which yields events.
///
/// Only [`outcome`](Self::outcome) says how it ended. The last event is
/// [`Ended`](EventKind::Ended), except after a file error.
///
/// A download that is dropped early leaves its part file for a later download to the same target.
/// With an async client, a file operation may still run in the background: until it is done, the
/// target is busy, and a complete file may still appear.
#[must_use = "a download does nothing until it is polled"]
pub struct Download<T, W = Sink> {
    client: Client<T>,
    download: download::Download,
    job: Option<JobId>,
    output: Output<W>,
    /// The body of the current response, while it is read, and the chunks after it.
    bodies: Option<Bodies>,
    policy: Policy,
    /// How many connections of the policy the server has not refused.
    connections: u32,
    /// The URL of the last request.
    url: Uri,
    /// Whether the last event was reported.
    has_ended: bool,
    file_error: Option<FileError>,
    /// The transport error of the last exchange.
    transport_error: Option<TransportError>,
    /// Why no new URL could be obtained.
    wait_error: Option<WaitError>,
    polls: u32,
    trace: Trace,
}

impl<T: Transport, W> Download<T, W> {
    pub(crate) fn new(
        client: Client<T>,
        source: Source,
        output: Output<W>,
    ) -> Result<Self, BuildError> {
        let Source { url, job, mut policy } = source;
        policy.allow_loopback |= client.has_loopback_endpoint();
        policy.connections = policy.connections.min(Policy::MAX_CONNECTIONS);
        let now = client.now().mono;
        let trace = Trace::download(&url, job.as_ref());
        let mut download = download::Download::new(url, &policy, client.seed(), now)?;
        if job.is_some() {
            download = download.with_new_urls();
        }
        if !output.can_restart() {
            download = download.without_restart();
        }
        Ok(Self {
            client,
            download,
            job,
            output,
            bodies: None,
            connections: policy.connections,
            policy,
            url: Uri::default(),
            has_ended: false,
            file_error: None,
            transport_error: None,
            wait_error: None,
            polls: 0,
            trace,
        })
    }
}

impl<T, W> Download<T, W> {
    /// Returns the number of polls for a new URL so far.
    pub const fn polls(&self) -> u32 {
        self.polls
    }

    /// Returns the transport's error, if the last exchange ended with one.
    pub const fn transport(&self) -> Option<&TransportError> {
        self.transport_error.as_ref()
    }
}

impl<T: Transport, W: AsyncWrite + Unpin> Download<T, W> {
    /// Waits for the next event; `None` after the end.
    ///
    /// The future may be dropped at any point: the next call sends a request in flight again.
    /// Dropped during a file operation, it ends the download with [`FileErrorKind::Dropped`]; a new
    /// download to the same target continues it.
    pub async fn next(&mut self) -> Option<Event> {
        if self.has_ended || self.file_error.is_some() {
            return None;
        }
        match self.advance().await {
            Ok(event) => Some(event),
            Err(error) => {
                self.bodies = None;
                // Closes the part file, so that another download can continue it.
                self.output = Output::Taken;
                self.file_error = Some(error);
                None
            }
        }
    }

    /// Cancels the download. Its outcome is then an error of the kind [`ErrorKind::Cancelled`] with
    /// the report. The part file stays for a later download to the same target.
    pub fn cancel(&mut self) {
        self.bodies = None;
        // The report counts the time until now.
        self.download.step(self.client.now().mono);
        self.download.cancel();
    }

    /// Returns the events as a stream, to be pinned first. Take the [`outcome`](Self::outcome)
    /// after it.
    pub fn events(&mut self) -> impl Stream<Item = Event> {
        stream::unfold(self, async |download| download.next().await.map(|event| (event, download)))
    }

    /// Downloads the rest and returns the outcome.
    ///
    /// # Errors
    ///
    /// A [`DownloadError`] that says why the file is not complete.
    pub async fn outcome(mut self) -> Result<Downloaded, DownloadError> {
        while self.next().await.is_some() {}
        let Self { download, job, file_error, transport_error, wait_error, trace, .. } = self;
        trace.downloaded(
            job.as_ref(),
            match file_error {
                Some(error) => Err(error.into()),
                None => {
                    download.finish().map_err(|error| failure(error, transport_error, wait_error))
                }
            },
        )
    }

    /// Goes on to the next event.
    async fn advance(&mut self) -> Result<Event, FileError> {
        if let Some(part) = self.output.open(self.client.blocks).await? {
            self.download.resume(part);
        }
        if self.bodies.is_none() {
            self.download.abandon();
        }
        let event = loop {
            let event = match self.bodies {
                Some(_) => self.read().await?,
                None => self.step().await?,
            };
            if let Some(event) = event {
                break event;
            }
        };
        if event.kind == EventKind::Ended {
            let end = self.end();
            self.output.close(end).await?;
            self.has_ended = true;
        }
        self.trace.downloading(self.job.as_ref(), &event, self.transport_error.as_ref());
        Ok(event)
    }

    /// Performs the next step while no body is read.
    async fn step(&mut self) -> Result<Option<Event>, FileError> {
        let now = self.client.now();
        let request = match self.download.step(now.mono) {
            Step::WaitUntil(moment) => {
                self.client.sleep(moment.saturating_since(now.mono)).await;
                return Ok(None);
            }
            Step::Done(_) => {
                let mut event = self.download.receiving();
                event.kind = EventKind::Ended;
                return Ok(Some(event));
            }
            Step::NewUrl => return Ok(Some(self.poll(now.mono).await)),
            Step::Request => self.download.start(now, self.client.clock_offset()),
        };
        match request {
            Ok(request) => self.request(request).await.map(Some),
            Err(event) => Ok(Some(event)),
        }
    }

    /// Polls the job for a new URL.
    async fn poll(&mut self, now: Mono) -> Event {
        let Some(job) = self.job.clone() else { return self.download.no_new_url(now) };
        let client = match self.download.deadline() {
            Some(deadline) => self.client.until(now, deadline),
            None => self.client.clone(),
        };
        let outcome = client.wait(job).await;
        let now = self.client.now().mono;
        match outcome {
            Ok(finished) => {
                self.polls = self.polls.saturating_add(finished.report.polls);
                // An expired URL is no reason for fewer.
                self.connections = self.policy.connections;
                self.download.new_url(now, finished.download_url)
            }
            Err(error) => {
                self.polls = self.polls.saturating_add(error.report.polls);
                self.wait_error = Some(error);
                self.download.no_new_url(now)
            }
        }
    }

    /// Sends a request and handles the head of its response.
    async fn request(&mut self, request: Request<()>) -> Result<Event, FileError> {
        self.url = request.uri().clone();
        let response = self.client.fetch(request, self.download.limit()).await;
        let (head, body) = match response {
            Ok(response) => response.into_parts(),
            Err(error) => return Ok(self.ended(Err(error))),
        };
        self.transport_error = None;
        let now = self.client.now().mono;
        match self.download.head(now, &head) {
            Opening::Drop => return Ok(self.ended(Ok(()))),
            Opening::StartOver => {
                self.output.start_over(self.download.metadata()).await?;
            }
            Opening::Append | Opening::Read => {}
        }
        if let Some(total) = self.download.total() {
            self.output.check_room(total.saturating_sub(self.download.bytes())).await?;
        }
        self.bodies = Some(Bodies::new(body, self.download.bytes(), now));
        Ok(self.download.receiving())
    }

    /// Reads one piece of the body, or its end.
    async fn read(&mut self) -> Result<Option<Event>, FileError> {
        self.request_chunks();
        let Self { client, download, bodies: Some(bodies), .. } = self else { return Ok(None) };
        let limit = bodies.limit(self.policy.stall_limit);
        let end = limit.into_iter().chain([download.limit()]).min().unwrap_or_default();
        let next = poll_fn(|context| bodies.poll(client.now().mono, context));
        let next = client.within(end, next.map(Ok)).await;
        let refused = bodies.take_refused();
        self.connections = self.connections.saturating_sub(refused).max(1);
        let piece = match next {
            Ok(Piece::Bytes(piece)) => piece,
            Ok(Piece::Room) => return Ok(None),
            Ok(Piece::End(end)) => return Ok(Some(self.ended(end))),
            Ok(Piece::Stop) => return Ok(Some(self.stop())),
            Err(_) if limit.is_some() => {
                self.connections = 1;
                return Ok(Some(self.stop()));
            }
            Err(timeout) => return Ok(Some(self.ended(Err(timeout)))),
        };
        match self.download.body(self.client.now().mono, &piece) {
            Received::Write(bytes) => {
                self.output.write(piece.slice_ref(bytes)).await?;
            }
            Received::Nothing => {}
            Received::Drop => return Ok(Some(self.ended(Ok(())))),
        }
        Ok(Some(self.download.receiving()))
    }

    /// Requests chunks ahead, as far as the policy and the server permit it.
    fn request_chunks(&mut self) {
        let now = self.client.now().mono;
        while let Some(bodies) = &mut self.bodies
            && self.connections > 1
            && bodies.has_room(self.connections)
            && let Some((chunk, request)) = self.download.chunk(bodies.end())
        {
            let Some(send) = self.client.fetch_owned(request) else {
                self.connections = 1;
                return;
            };
            bodies.add(chunk, send, now);
            self.download.sent_chunk();
        }
    }

    /// Goes on without the chunks.
    fn stop(&mut self) -> Event {
        self.bodies = None;
        self.download.stop_body(self.client.now().mono)
    }

    /// Handles the end of a response, or the error instead of one.
    fn ended(&mut self, end: Result<(), TransportError>) -> Event {
        self.bodies = None;
        let fault: Result<(), TransportErrorKind> =
            end.as_ref().copied().map_err(TransportError::kind);
        self.transport_error = end.err().map(|error| error.with_server(&self.url));
        self.download.ended(self.client.now().mono, fault)
    }

    /// Returns what to do with the output.
    fn end(&mut self) -> End {
        match self.download.step(self.client.now().mono) {
            Step::Done(Ok(_)) => End::Complete,
            Step::Done(Err(error)) if error.spoils_part() => End::Wrong,
            _ => End::Partial,
        }
    }
}

/// Adds the transport's or the wait's error if the download ended because of it, and not because
/// its own time limit had passed.
fn failure(
    error: download::Error,
    transport: Option<TransportError>,
    wait: Option<WaitError>,
) -> DownloadError {
    let is_timeout = error.kind == ErrorKind::TimedOut;
    if let Some(wait) = wait.filter(|_| !is_timeout) {
        return DownloadError::NewUrl { error, wait: Box::new(wait) };
    }
    let is_cause = match error.kind {
        ErrorKind::Fault(_) => true,
        ErrorKind::TimedOut => matches!(error.report.last_fault, Some(Fault::Transport(_))),
        _ => false,
    };
    DownloadError::Download { error, transport: transport.filter(|_| is_cause).map(Box::new) }
}

impl<T, W> fmt::Debug for Download<T, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download").field("download", &self.download).finish_non_exhaustive()
    }
}
