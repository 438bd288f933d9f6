use http::{Request, response::Parts};
use tcss_export_core::{
    BuildError, Finished, JobId, Mono, Now,
    download::{
        Download, DownloadError, Downloaded, ErrorKind, Event, Kept, Opening, Part, Received, Step,
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
    deadline: Option<Mono>,
    transport: Option<TransportError>,
    wait: Option<WaitFailure>,
    polls: u32,
}

/// What a loop has to do next.
#[derive(Debug)]
pub(crate) enum Next {
    Sleep(Mono),
    Fetch(Request<()>),
    /// Poll the job once more, for a new URL.
    Poll(JobId),
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
        let deadline = policy.total_limit().map(|limit| now.saturating_add(limit));
        let mut download = Download::new(url, &policy, shared.seed(), now)?;
        if job.is_some() {
            download = download.with_new_urls();
        }
        if !can_restart {
            download = download.without_restart();
        }
        let shared = shared.clone();
        Ok(Self { shared, download, job, deadline, transport: None, wait: None, polls: 0 })
    }

    /// Goes on behind what an earlier download has left.
    pub(crate) fn keep(&mut self, kept: Kept) {
        self.download = self.download.clone().with_kept(kept);
    }

    pub(crate) fn next(&mut self, now: Now) -> Next {
        match self.download.step(now.mono) {
            Step::WaitUntil(moment) => Next::Sleep(moment),
            Step::Done(_) => Next::Done,
            Step::NewUrl => match &self.job {
                Some(job) => Next::Poll(job.clone()),
                None => Next::Tell(self.download.no_new_url(now.mono)),
            },
            Step::Request => {
                let offset = self.shared.session().clock_offset();
                self.download.start(now, offset).map_or_else(Next::Tell, Next::Fetch)
            }
        }
    }

    /// Whether the limit of the whole download has passed, even if bytes are still coming.
    pub(crate) fn is_over(&self, now: Mono) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= now)
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
        self.download.ended(now, fault)
    }

    /// Takes how the wait for a new URL has ended.
    pub(crate) fn polled(&mut self, now: Mono, outcome: Result<Finished, WaitFailure>) -> Event {
        match outcome {
            Ok(finished) => {
                self.polls = self.polls.saturating_add(finished.report.polls);
                self.download.new_url(now, finished.download_url)
            }
            Err(failure) => {
                self.polls = self.polls.saturating_add(failure.report.polls);
                self.wait = Some(failure);
                self.download.no_new_url(now)
            }
        }
    }

    /// Returns what to keep beside the bytes.
    pub(crate) fn part(&self) -> Option<Part> {
        self.download.part()
    }

    /// Whether bytes are coming, and how many are there.
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
        match self.download.step(now) {
            Step::Done(Ok(_)) => End::Whole,
            Step::Done(Err(DownloadError { kind: ErrorKind::Mismatch { .. }, .. })) => End::Wrong,
            _ => End::Broken,
        }
    }

    pub(crate) fn finish(self) -> Result<Downloaded, DownloadFailure> {
        let Self { download, transport, wait, .. } = self;
        download.finish().map_err(|error| match wait {
            Some(wait) => DownloadFailure::NewUrl { error, wait: Box::new(wait) },
            None => {
                let counts = matches!(error.kind, ErrorKind::Fault(_) | ErrorKind::TimedOut);
                let transport = transport.filter(|_| counts).map(Box::new);
                DownloadFailure::Download { error, transport }
            }
        })
    }
}
