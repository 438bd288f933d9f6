//! The blocking client. It runs the async code of [`Client`](crate::Client) on the calling thread,
//! over a transport whose futures are ready at the first poll.

use std::{
    fmt,
    io::{self, Write},
    iter,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    thread,
};

use futures_util::{
    io::AllowStdIo,
    stream::{self, StreamExt},
};
use tcss_export_core::{
    Answer, BuildError, ClockOffset, JobId, Session,
    actions::Action,
    download::{self, Downloaded},
    wait::{Event, Finished, Policy},
};
#[cfg(feature = "serde")]
use tcss_export_core::{
    actions::CreateExportComplianceStatusListJob,
    wait::{ResumeError, SavedWait, TranscriptLine},
};

pub use crate::cancel::Cancel;
#[cfg(feature = "serde")]
use crate::steps::{FetchOutcome, PollOutcome, Start, StepError, WaitState};
use crate::{
    budget::Budget,
    cancel::Cancellable,
    credential_source::CredentialSource,
    download::{DownloadError, Output, Source, Target},
    error::{SendError, WaitError},
    threads::{Threaded, Unpark},
    transport::Blocking,
    transport_error::TransportError,
};

/// A blocking client of the service. Clones share session, budget and connections.
///
/// It mirrors the async [`Client`](crate::Client); see there for details.
#[derive(Debug)]
pub struct Client<T> {
    client: crate::Client<T>,
    cancel: Cancel,
}

impl<T: Blocking + Default> Client<T> {
    /// Creates a client over the default transport.
    pub fn new(session: Session, credentials: impl Into<CredentialSource>) -> Self {
        Self::with_transport(session, credentials, T::default())
    }
}

impl<T: Blocking> Client<T> {
    /// Creates a client over a configured transport.
    pub fn with_transport(
        session: Session,
        credentials: impl Into<CredentialSource>,
        transport: T,
    ) -> Self {
        let mut client = crate::Client::with_transport(session, credentials, transport);
        client.blocks = true;
        Self { client, cancel: Cancel::default() }
    }

    /// Returns a client over another transport that shares session and budget with this client.
    pub fn over<U: Blocking>(&self, transport: U) -> Client<U> {
        Client { client: self.client.over(transport), cancel: self.cancel.clone() }
    }

    /// Lets this handle cancel all waits and downloads of this client, from any thread.
    ///
    /// They end with the kind `Cancelled`, and their report is complete. A cancelled download keeps
    /// its part file, so that a later one resumes. [`send`](Self::send) and
    /// [`send_with_retries`](Self::send_with_retries) are not cancelled: the service may have acted
    /// on the request.
    #[must_use]
    pub fn with_cancel(self, cancel: Cancel) -> Self {
        Self { cancel, ..self }
    }

    /// Sets the wait policy. Its exchange limit also applies to [`send`](Self::send).
    #[must_use]
    pub fn with_policy(self, policy: Policy) -> Self {
        Self { client: self.client.with_policy(policy), ..self }
    }

    /// Uses this budget, which other clients may share.
    #[must_use]
    pub fn with_budget(self, budget: Budget) -> Self {
        Self { client: self.client.with_budget(budget), ..self }
    }

    /// Sets the seed of all random delays, to make runs reproducible.
    #[must_use]
    pub fn with_seed(self, seed: u64) -> Self {
        Self { client: self.client.with_seed(seed), ..self }
    }

    /// Returns the budget, to share it.
    pub const fn budget(&self) -> &Budget {
        self.client.budget()
    }

    /// Returns the wait policy.
    pub const fn policy(&self) -> &Policy {
        self.client.policy()
    }

    /// Returns the offset of the local clock, as measured from the service's answers so far.
    pub fn clock_offset(&self) -> ClockOffset {
        self.client.clock_offset()
    }

    /// Sends one action exactly once: see [`Client::send`](crate::Client::send).
    ///
    /// # Errors
    ///
    /// A [`SendError`] that says which stage failed.
    pub fn send<A: Action>(&self, action: &A) -> Result<Answer<A::Response>, SendError> {
        run(self.client.send(action))
    }

    /// Sends one action and repeats it while that is safe: see
    /// [`Client::send_with_retries`](crate::Client::send_with_retries).
    ///
    /// # Errors
    ///
    /// The [`SendError`] of the last attempt.
    pub fn send_with_retries<A: Action>(
        &self,
        action: &A,
        report: impl FnMut(&Event, &SendError),
    ) -> Result<Answer<A::Response>, SendError> {
        run(self.client.send_with_retries(action, report))
    }

    /// Follows a job to its end: see [`Client::wait`](crate::Client::wait).
    ///
    /// # Errors
    ///
    /// A [`WaitError`] whose `kind` says why the wait ended without a file.
    pub fn wait(&self, job: JobId) -> Result<Finished, WaitError> {
        self.follow(job).outcome()
    }

    /// Follows a job event by event: see [`Client::follow`](crate::Client::follow).
    pub fn follow(&self, job: JobId) -> Wait<T> {
        self.wait_of(self.cancellable().follow(job))
    }

    /// Continues a saved wait: see [`Client::resume`](crate::Client::resume).
    ///
    /// # Errors
    ///
    /// A [`ResumeError`] if the wait belongs to another endpoint, or was saved by an unsupported
    /// version.
    #[cfg(feature = "serde")]
    pub fn resume(&self, saved: SavedWait) -> Result<Wait<T>, ResumeError> {
        self.cancellable().resume(saved).map(|wait| self.wait_of(wait))
    }

    /// Creates a job as a single step: see [`Client::create_once`](crate::Client::create_once).
    ///
    /// # Errors
    ///
    /// A [`StepError`], which says whether the service may have created a job.
    #[cfg(feature = "serde")]
    pub fn create_once(
        &self,
        order: &CreateExportComplianceStatusListJob,
        start: Option<Start>,
    ) -> Result<JobId, StepError> {
        run(self.client.create_once(order, start))
    }

    /// Sends any action as a single step: see [`Client::send_once`](crate::Client::send_once).
    ///
    /// # Errors
    ///
    /// A [`StepError`].
    #[cfg(feature = "serde")]
    pub fn send_once<A: Action>(
        &self,
        action: &A,
        start: Option<Start>,
    ) -> Result<Answer<A::Response>, StepError> {
        run(self.client.send_once(action, start))
    }

    /// Polls a job as a single step: see [`Client::poll_once`](crate::Client::poll_once).
    ///
    /// # Errors
    ///
    /// [`StepError::Late`], or the text of a [`ResumeError`].
    #[cfg(feature = "serde")]
    pub fn poll_once(
        &self,
        wait: impl Into<WaitState>,
        start: Option<Start>,
    ) -> Result<PollOutcome, StepError> {
        run(self.client.poll_once(wait, start))
    }

    /// Downloads the file of a job as a single step: see
    /// [`Client::fetch_once`](crate::Client::fetch_once).
    ///
    /// # Errors
    ///
    /// A [`StepError`]. The part file stays, and the next step continues it.
    #[cfg(feature = "serde")]
    pub fn fetch_once(
        &self,
        job: JobId,
        target: impl Into<Target>,
        policy: download::Policy,
        start: Option<Start>,
    ) -> Result<FetchOutcome, StepError> {
        run(self.client.fetch_once(job, target, policy, start))
    }

    fn wait_of(&self, wait: crate::Wait<Cancellable<T>>) -> Wait<T> {
        Wait { wait, cancel: self.cancel.clone() }
    }

    fn cancellable(&self) -> crate::Client<Cancellable<T>> {
        self.client.over(Cancellable::new(self.client.transport(), self.cancel.clone()))
    }
}

/// What uses several threads.
impl<T: Blocking + Send + Sync + 'static> Client<T> {
    /// Follows many jobs and returns their outcomes in completion order.
    ///
    /// It collects the jobs at once; their deadlines count from the first call of `next`. Exchanges
    /// run on up to [`Blocking::threads`] threads, which are started as they are needed. If the
    /// system has no further thread, an exchange runs on the thread that drives the iterator.
    /// Dropping the iterator ends each thread after its exchange. A transport with at most one
    /// thread does not use the job list.
    ///
    /// After a cancellation the iterator ends at once; jobs that are not done have no outcome.
    pub fn wait_all<J: IntoIterator<Item = JobId>>(
        &self,
        jobs: J,
    ) -> impl Iterator<Item = (JobId, Result<Finished, WaitError>)> + use<T, J> {
        let jobs = stream::iter(jobs.into_iter().collect::<Vec<_>>());
        let (threaded, client) = self.threaded(usize::MAX);
        let max_exchanges = self.client.transport().threads().max(1);
        let mut outcomes = client.wait_all_at_most(max_exchanges, jobs);
        let cancel = self.cancel.clone();
        iter::from_fn(move || threaded.run(&cancel, outcomes.next())?)
    }

    /// Downloads a file to a [`Target`]: see [`Client::download`](crate::Client::download).
    ///
    /// # Errors
    ///
    /// A [`BuildError`] if the URL cannot be used. Nothing was sent.
    pub fn download(
        &self,
        source: impl Into<Source>,
        target: impl Into<Target>,
    ) -> Result<Download<T>, BuildError> {
        self.start(source.into(), Output::Target(target.into()))
    }

    /// Downloads into a writer: see [`Client::download_into`](crate::Client::download_into).
    ///
    /// # Errors
    ///
    /// As for [`download`](Self::download).
    pub fn download_into<W: Write>(
        &self,
        source: impl Into<Source>,
        writer: W,
    ) -> Result<Download<T, W>, BuildError> {
        self.start(source.into(), Output::Writer(AllowStdIo::new(writer)))
    }

    fn start<W>(
        &self,
        source: Source,
        output: Output<AllowStdIo<W>>,
    ) -> Result<Download<T, W>, BuildError> {
        let connections = source.policy.connections as usize;
        let (threaded, client) = self.threaded(if connections > 1 { connections } else { 0 });
        let download = crate::download::Download::new(client, source, output)?;
        Ok(Download { download, threaded, cancel: self.cancel.clone() })
    }

    /// Returns a client that calls the transport on at most this many threads.
    fn threaded(&self, most: usize) -> (Threaded<T>, crate::Client<Cancellable<Threaded<T>>>) {
        let threaded = Threaded::new(self.client.transport(), most);
        let transport = Cancellable::new(Arc::new(threaded.clone()), self.cancel.clone());
        let client = self.client.over(transport);
        (threaded, client)
    }
}

impl<T> Clone for Client<T> {
    fn clone(&self) -> Self {
        Self { client: self.client.clone(), cancel: self.cancel.clone() }
    }
}

/// A wait for one job: an iterator over its events.
#[derive(Debug)]
#[must_use = "a wait does nothing until it is iterated"]
pub struct Wait<T> {
    wait: crate::Wait<Cancellable<T>>,
    cancel: Cancel,
}

impl<T: Blocking> Wait<T> {
    /// Waits for the end and returns the outcome.
    ///
    /// # Errors
    ///
    /// A [`WaitError`] whose `kind` says why the wait ended without a file.
    pub fn outcome(mut self) -> Result<Finished, WaitError> {
        while self.next().is_some() {}
        run(self.wait.outcome())
    }

    /// Returns the transport's error, if the last exchange ended with one.
    pub const fn transport(&self) -> Option<&TransportError> {
        self.wait.transport()
    }
}

impl<T: Blocking> Iterator for Wait<T> {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        self.cancel.run(self.wait.next()).unwrap_or_else(|| {
            self.wait.cancel();
            run(self.wait.next())
        })
    }
}

#[cfg(feature = "serde")]
impl<T: Blocking> Wait<T> {
    /// Returns the state of the wait, to resume it in another process.
    pub fn save(&mut self) -> SavedWait {
        self.wait.save()
    }

    /// Starts a transcript of everything from now on;
    /// [`take_transcript`](Self::take_transcript) returns its lines.
    pub fn record(&mut self) {
        self.wait.record();
    }

    /// Returns the transcript's lines since the last call.
    pub fn take_transcript(&mut self) -> Vec<TranscriptLine> {
        self.wait.take_transcript()
    }
}

/// A download: an iterator over its events. See [`Download`](crate::Download).
#[must_use = "a download does nothing until it is iterated"]
pub struct Download<T, W = io::Sink> {
    download: crate::Download<Cancellable<Threaded<T>>, AllowStdIo<W>>,
    threaded: Threaded<T>,
    cancel: Cancel,
}

impl<T: Blocking + Send + Sync + 'static, W: Write> Download<T, W> {
    /// Downloads the rest and returns the outcome.
    ///
    /// # Errors
    ///
    /// A [`DownloadError`] that says why the file is not complete.
    pub fn outcome(mut self) -> Result<Downloaded, DownloadError> {
        while self.next().is_some() {}
        run(self.download.outcome())
    }

    /// Returns the number of polls for a new URL so far.
    pub const fn polls(&self) -> u32 {
        self.download.polls()
    }

    /// Returns the transport's error, if the last exchange ended with one.
    pub const fn transport(&self) -> Option<&TransportError> {
        self.download.transport()
    }
}

impl<T: Blocking + Send + Sync + 'static, W: Write> Iterator for Download<T, W> {
    type Item = download::Event;

    fn next(&mut self) -> Option<download::Event> {
        self.threaded.run(&self.cancel, self.download.next()).unwrap_or_else(|| {
            self.download.cancel();
            run(self.download.next())
        })
    }
}

impl<T, W> fmt::Debug for Download<T, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.download.fmt(f)
    }
}

/// Runs a future on this thread.
///
/// A blocking transport's futures are ready at the first poll. Where other code yields, it has
/// unparked this thread already.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    let waker = Waker::from(Arc::new(Unpark::this_thread()));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}
