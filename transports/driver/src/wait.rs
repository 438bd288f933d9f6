//! Waiting for one job.

use std::mem;

use futures_util::stream::{self, Stream};
#[cfg(feature = "serde")]
use tcss_export_core::wait::{ResumeError, SavedWait, TranscriptLine};
use tcss_export_core::{
    Credentials, JobId, Now,
    actions::{Action, DescribeExportJobResult},
    wait::{Event, EventKind, Finished, Step, Waiter},
};

use crate::{
    client::Client, error::WaitError, permit::Permit, trace::Trace, transport::Transport,
    transport_error::TransportError,
};

impl<T: Transport> Client<T> {
    /// Follows a job to its end; the policy's deadline counts from now.
    ///
    /// # Errors
    ///
    /// A [`WaitError`] whose `kind` says why the wait ended without a file.
    ///
    /// # Examples
    ///
    /// ```
    /// use tcss_export_core::{DownloadUrl, JobId};
    /// use tcss_export_driver::{Client, Transport, WaitError};
    ///
    /// async fn url<T: Transport>(client: &Client<T>, job: JobId) -> Result<DownloadUrl, WaitError> {
    ///     Ok(client.wait(job).await?.download_url)
    /// }
    /// ```
    pub async fn wait(&self, job: JobId) -> Result<Finished, WaitError> {
        self.follow(job).outcome().await
    }

    /// Follows a job event by event; [`Wait::outcome`] is the result of [`wait`](Self::wait).
    ///
    /// # Examples
    ///
    /// ```
    /// use tcss_export_core::{JobId, wait::Finished};
    /// use tcss_export_driver::{Client, Transport, WaitError};
    ///
    /// async fn shown<T: Transport>(client: &Client<T>, job: JobId) -> Result<Finished, WaitError> {
    ///     let mut wait = client.follow(job);
    ///     while let Some(event) = wait.next().await {
    ///         eprintln!("{event:?}");
    ///     }
    ///     wait.outcome().await
    /// }
    /// ```
    pub fn follow(&self, job: JobId) -> Wait<T> {
        let waiter = Waiter::new(job, self.policy(), self.seed(), self.now().mono);
        Wait::new(self.clone(), waiter)
    }

    /// Continues a saved wait; the time since it was saved counts against its deadline.
    ///
    /// # Errors
    ///
    /// A [`ResumeError`] if the wait belongs to another endpoint, or was saved by an unsupported
    /// version.
    ///
    /// # Examples
    ///
    /// ```
    /// use tcss_export_core::wait::{ResumeError, SavedWait};
    /// use tcss_export_driver::{Client, Transport, Wait};
    ///
    /// fn next_process<T: Transport>(
    ///     client: &Client<T>,
    ///     json: &str,
    /// ) -> serde_json::Result<Result<Wait<T>, ResumeError>> {
    ///     let saved: SavedWait = serde_json::from_str(json)?; // of `Wait::save`
    ///     Ok(client.resume(saved))
    /// }
    /// ```
    #[cfg(feature = "serde")]
    pub fn resume(&self, saved: SavedWait) -> Result<Wait<T>, ResumeError> {
        let waiter = Waiter::resume(saved, self.now(), &mut self.session())?;
        Ok(Wait::new(self.clone(), waiter))
    }
}

/// A wait for one job.
#[derive(Debug)]
#[must_use = "a wait does nothing until it is polled"]
pub struct Wait<T> {
    client: Client<T>,
    pub(crate) waiter: Waiter,
    permit: Permit,
    /// The transport error of the last exchange.
    last_error: Option<TransportError>,
    /// Whether an event has reported the end.
    has_ended: bool,
    trace: Trace,
}

impl<T: Transport> Wait<T> {
    fn new(client: Client<T>, waiter: Waiter) -> Self {
        let trace = Trace::wait(waiter.job());
        Self {
            client,
            waiter,
            permit: Permit::new(DescribeExportJobResult::NAME),
            last_error: None,
            has_ended: false,
            trace,
        }
    }

    /// Waits for the next event; `None` after the end.
    ///
    /// The future may be dropped at any point, but then a request in flight is discarded and the
    /// next call polls again. In a `select!`, keep one future across iterations.
    pub async fn next(&mut self) -> Option<Event> {
        self.waiter.abandon();
        while let Some((now, fresh)) = self.due().await {
            let event = match self.permit.start(now.mono, fresh) {
                Some(credentials) => self.poll(now, &credentials).await,
                None => self.prepare(fresh).await,
            };
            if event.is_some() {
                return event;
            }
        }
        // Reports the end once, unless the last answer has done so.
        let is_reported = mem::replace(&mut self.has_ended, true);
        (!is_reported).then(|| Event::ended(self.waiter.poll_count()))
    }

    /// Cancels the wait. Its outcome is then an error of the kind
    /// [`Cancelled`](tcss_export_core::wait::ErrorKind::Cancelled) with the report.
    pub fn cancel(&mut self) {
        // The report counts the time until now.
        self.waiter.step(self.client.now().mono);
        self.waiter.cancel();
    }

    /// Returns the events as a stream, to be pinned first. Take the [`outcome`](Self::outcome)
    /// after it.
    pub fn events(&mut self) -> impl Stream<Item = Event> {
        stream::unfold(self, async |wait| wait.next().await.map(|event| (event, wait)))
    }

    /// Returns the transport's error, if the last exchange ended with one.
    pub const fn transport(&self) -> Option<&TransportError> {
        self.last_error.as_ref()
    }

    /// Waits for the end and returns the outcome.
    ///
    /// # Errors
    ///
    /// A [`WaitError`] whose `kind` says why the wait ended without a file.
    pub async fn outcome(mut self) -> Result<Finished, WaitError> {
        while self.next().await.is_some() {}
        let outcome = self.waiter.finish();
        self.trace.waited(outcome.map_err(|error| WaitError::new(error, self.last_error)))
    }

    /// Waits until a poll is due. Returns the time, and whether the poll needs fresh credentials;
    /// `None` if the wait has ended.
    pub(crate) async fn due(&mut self) -> Option<(Now, bool)> {
        loop {
            let now = self.client.now();
            let until = match self.waiter.step(now.mono) {
                Step::Poll { fresh_credentials } => return Some((now, fresh_credentials)),
                Step::WaitUntil(moment) => Some(moment),
                Step::Done(_) => None,
            };
            // No request is due, so the place in the queue is free for others.
            self.permit.release();
            self.client.sleep(until?.saturating_since(now.mono)).await;
        }
    }

    /// Polls once. `None` if the request could not be signed, which ends the wait.
    pub(crate) async fn poll(&mut self, now: Now, credentials: &Credentials) -> Option<Event> {
        let Self { client, waiter, .. } = self;
        let request = waiter.start(now, &mut client.session(), credentials).ok()?;
        let answer = client.exchange(request, now.mono).await;
        let answer = answer.map_err(|error| self.last_error.insert(error).kind());
        if answer.is_ok() {
            self.last_error = None;
        }
        let event = waiter.answer(client.now(), &mut client.session(), answer);
        Some(self.emit(event))
    }

    /// Waits for a turn and credentials. Returns an event only if that failed.
    async fn prepare(&mut self, fresh: bool) -> Option<Event> {
        let deadline = self.waiter.deadline();
        let error = self.permit.prepare(&self.client, fresh, Some(deadline)).await.err()?;
        let event = self.cannot_start(error);
        // After the deadline the fault is ignored, and the next event is the end.
        (event.kind != EventKind::Ignored).then_some(event)
    }

    /// Records that the due poll cannot be started.
    pub(crate) fn cannot_start(&mut self, error: TransportError) -> Event {
        let event = self.waiter.cannot_start(self.client.now().mono, error.kind());
        self.last_error = Some(error);
        self.emit(event)
    }

    /// Traces an event, and records whether it is the end.
    fn emit(&mut self, event: Event) -> Event {
        self.has_ended = event.kind == EventKind::Ended;
        self.trace.polled(Some(&self.waiter), &event, self.last_error.as_ref());
        event
    }
}

#[cfg(feature = "serde")]
impl<T: Transport> Wait<T> {
    /// Returns the state of the wait, to resume it in another process.
    pub fn save(&mut self) -> SavedWait {
        self.waiter.save(self.client.now(), &self.client.session())
    }

    /// Starts a transcript of everything from now on;
    /// [`take_transcript`](Self::take_transcript) returns its lines.
    pub fn record(&mut self) {
        self.waiter.record(self.client.now(), &self.client.session());
    }

    /// Returns the transcript's lines since the last call.
    pub fn take_transcript(&mut self) -> Vec<TranscriptLine> {
        self.waiter.take_transcript()
    }
}
