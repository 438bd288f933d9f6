use http::{Request, response::Parts};
use tcss_export_core::{
    BuildError, Finished, JobId, Mono, Now,
    download::{
        Download, DownloadError, Downloaded, ErrorKind, Event, EventKind, Fault, Kept, Opening,
        Part, Received, Step,
    },
};

use super::{failure::DownloadFailure, order::Order, output::End};
use crate::{
    error::{TransportError, WaitFailure},
    shared::Shared,
};

/// One download as both loops drive it: core's state and what it has met, with no function called
/// and no file touched.
#[derive(Debug)]
pub(crate) struct Transfer {
    shared: Shared,
    download: Download,
    job: Option<JobId>,
    /// The end has been told as an event.
    told_end: bool,
    transport: Option<TransportError>,
    wait: Option<WaitFailure>,
    polls: u32,
}

/// What a loop has to do next.
#[derive(Debug)]
pub(crate) enum Next {
    Sleep(Mono),
    Fetch(Request<()>),
    /// Wait for the job once more, for a new URL.
    Poll(Shared, JobId),
    Tell(Event),
    Done,
}

impl Transfer {
    pub(crate) fn new(
        shared: &Shared,
        order: Order,
        can_restart: bool,
        now: Mono,
    ) -> Result<Self, BuildError> {
        let Order { url, job, policy } = order;
        let mut download = Download::new(url, &policy, shared.seed(), now)?;
        if job.is_some() {
            download = download.with_new_urls();
        }
        if !can_restart {
            download = download.without_restart();
        }
        let shared = shared.clone();
        let (told_end, transport, wait, polls) = (false, None, None, 0);
        Ok(Self { shared, download, job, told_end, transport, wait, polls })
    }

    /// Goes on behind what an earlier download has left.
    pub(crate) fn keep(&mut self, kept: Kept) {
        self.download = self.download.clone().with_kept(kept);
    }

    /// Forgets a request that was dropped before its answer had ended.
    pub(crate) fn abandon(&mut self) {
        self.download.abandon();
    }

    pub(crate) fn next(&mut self, now: Now) -> Next {
        match self.download.step(now.mono) {
            Step::WaitUntil(moment) => Next::Sleep(moment),
            Step::Done(_) => self.tell_end(),
            Step::NewUrl => match &self.job {
                Some(job) => Next::Poll(self.for_the_rest(now.mono), job.clone()),
                None => {
                    let event = self.download.no_new_url(now.mono);
                    Next::Tell(self.noted(event))
                }
            },
            Step::Request => {
                let offset = self.shared.session().clock_offset();
                match self.download.start(now, offset) {
                    Ok(request) => Next::Fetch(request),
                    Err(event) => Next::Tell(self.noted(event)),
                }
            }
        }
    }

    /// Returns a handle whose waits end with this download.
    fn for_the_rest(&self, now: Mono) -> Shared {
        let policy = self.shared.policy().clone();
        let policy = match self.download.deadline() {
            None => policy,
            Some(deadline) => {
                let rest = deadline.saturating_since(now);
                let (max_wait, exchange) = (policy.max_wait(), policy.exchange_limit());
                policy.with_max_wait(rest.min(max_wait)).with_exchange_limit(rest.min(exchange))
            }
        };
        self.shared.clone().with_policy(policy)
    }

    /// Tells the end once, unless another event has: a limit may pass while nothing is under way.
    fn tell_end(&mut self) -> Next {
        if self.told_end {
            return Next::Done;
        }
        let mut event = self.download.receiving();
        event.kind = EventKind::Ended;
        Next::Tell(self.noted(event))
    }

    fn noted(&mut self, event: Event) -> Event {
        self.told_end |= event.kind == EventKind::Ended;
        event
    }

    /// Returns the moment at which what is under way is given up.
    pub(crate) fn limit(&self) -> Mono {
        self.download.limit()
    }

    pub(crate) fn head(&mut self, now: Mono, head: &Parts) -> Opening {
        self.transport = None;
        self.download.head(now, head)
    }

    pub(crate) fn body<'b>(&mut self, now: Mono, bytes: &'b [u8]) -> Received<'b> {
        self.download.body(now, bytes)
    }

    pub(crate) fn ended(&mut self, now: Mono, end: Result<(), TransportError>) -> Event {
        let fault = end.as_ref().copied().map_err(TransportError::fault);
        self.transport = end.err();
        let event = self.download.ended(now, fault);
        self.noted(event)
    }

    /// Tells it how the wait for a new URL has ended.
    pub(crate) fn polled(&mut self, now: Mono, outcome: Result<Finished, WaitFailure>) -> Event {
        let (polls, event) = match outcome {
            Ok(finished) => {
                (finished.report.polls, self.download.new_url(now, finished.download_url))
            }
            Err(failure) => {
                let polls = failure.report.polls;
                self.wait = Some(failure);
                (polls, self.download.no_new_url(now))
            }
        };
        self.polls = self.polls.saturating_add(polls);
        self.noted(event)
    }

    /// Returns what to keep beside the bytes.
    pub(crate) fn part(&self) -> Option<Part> {
        self.download.part()
    }

    /// Returns how far it is, as an event.
    pub(crate) fn receiving(&self) -> Event {
        self.download.receiving()
    }

    pub(crate) const fn polls(&self) -> u32 {
        self.polls
    }

    pub(crate) const fn transport(&self) -> Option<&TransportError> {
        self.transport.as_ref()
    }

    /// Returns what becomes of the output, when the end was told.
    pub(crate) fn end(&mut self, now: Mono) -> End {
        let is_forgotten = self.download.bytes() == 0;
        match self.download.step(now) {
            Step::Done(Ok(_)) => End::Whole,
            // A later download would meet the same with the bytes that are there.
            Step::Done(Err(DownloadError { kind, .. })) => match kind {
                ErrorKind::Mismatch { .. } | ErrorKind::Fault(Fault::OtherLength) => End::Wrong,
                ErrorKind::Fault(Fault::Mismatch | Fault::Changed | Fault::WrongRange)
                    if is_forgotten =>
                {
                    End::Wrong
                }
                _ => End::Broken,
            },
            _ => End::Broken,
        }
    }

    pub(crate) fn finish(self) -> Result<Downloaded, DownloadFailure> {
        let Self { download, transport, wait, .. } = self;
        download.finish().map_err(|error| match wait {
            // Else it is the limit of the download that has ended both.
            Some(wait) if error.kind != ErrorKind::TimedOut => {
                DownloadFailure::NewUrl { error, wait: Box::new(wait) }
            }
            _ => {
                let counts = match error.kind {
                    ErrorKind::Fault(_) => true,
                    // Else it is the limit that has ended an exchange, not the other way round.
                    ErrorKind::TimedOut => matches!(error.report.last_fault, Some(Fault::Send(_))),
                    _ => false,
                };
                let transport = transport.filter(|_| counts).map(Box::new);
                DownloadFailure::Download { error, transport }
            }
        })
    }
}
