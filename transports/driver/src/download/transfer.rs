use http::{Request, Response};
use tcss_export_core::{
    BuildError, Finished, JobId, Mono, Now,
    download::{
        Download, Downloaded, ErrorKind, Event, EventKind, Fault, Kept, Note, Opening, Received,
        Step,
    },
};

use super::{failure::DownloadFailure, part_file::End, source::Source};
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
    stage: Stage,
    /// What is to be told.
    event: Option<Event>,
    transport: Option<TransportError>,
    wait: Option<WaitFailure>,
    polls: u32,
}

/// What has to be done before core is asked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Idle,
    /// The body that comes is the file from its first byte on.
    StartingOver,
    /// A body is coming.
    Reading,
    /// The output is closed.
    Closed,
}

/// What a loop has to do next.
#[derive(Debug)]
pub(crate) enum Next {
    Sleep(Mono),
    /// Send a request and hand over its [answer](Transfer::answered).
    Fetch(Request<()>),
    /// Throw away what is in the output; the note is of what comes.
    StartOver(Option<Note>),
    /// Read a [piece](Transfer::piece) of the body, or its [end](Transfer::ended).
    Read,
    /// Wait for the job once more and hand over the [outcome](Transfer::polled).
    Poll(Shared, JobId),
    /// Close the output.
    Close(End),
    Tell(Event),
    Done,
}

impl Transfer {
    pub(crate) fn new(
        shared: &Shared,
        source: Source,
        can_restart: bool,
        now: Mono,
    ) -> Result<Self, BuildError> {
        let Source { url, job, policy } = source;
        let mut download = Download::new(url, &policy, shared.seed(), now)?;
        if job.is_some() {
            download = download.with_new_urls();
        }
        if !can_restart {
            download = download.without_restart();
        }
        let (shared, stage, event) = (shared.clone(), Stage::Idle, None);
        let (transport, wait, polls) = (None, None, 0);
        Ok(Self { shared, download, job, stage, event, transport, wait, polls })
    }

    /// Goes on behind what an earlier download has left.
    pub(crate) fn resume(&mut self, kept: Kept) {
        self.download.resume(kept);
    }

    /// Forgets a request that was dropped before its answer had come.
    pub(crate) fn abandon(&mut self) {
        if self.stage == Stage::Idle {
            self.download.abandon();
        }
    }

    pub(crate) fn next(&mut self, now: Now) -> Next {
        if self.stage == Stage::StartingOver {
            self.stage = Stage::Reading;
            return Next::StartOver(self.download.note());
        }
        match self.event.take() {
            // The output is closed before the end is told.
            Some(event) if event.kind == EventKind::Ended && self.stage != Stage::Closed => {
                self.event = Some(event);
                self.close(now.mono)
            }
            Some(event) => Next::Tell(event),
            None => self.go_on(now),
        }
    }

    fn go_on(&mut self, now: Now) -> Next {
        match self.stage {
            Stage::Reading => return Next::Read,
            Stage::Closed => return Next::Done,
            Stage::Idle | Stage::StartingOver => {}
        }
        let event = match self.download.step(now.mono) {
            Step::WaitUntil(moment) => return Next::Sleep(moment),
            // A limit may pass while nothing is under way.
            Step::Done(_) => {
                let mut event = self.download.receiving();
                event.kind = EventKind::Ended;
                event
            }
            Step::NewUrl => match &self.job {
                Some(job) => return Next::Poll(self.for_the_rest(now.mono), job.clone()),
                None => self.download.no_new_url(now.mono),
            },
            Step::Request => {
                let offset = self.shared.session().clock_offset();
                match self.download.start(now, offset) {
                    Ok(request) => return Next::Fetch(request),
                    Err(event) => event,
                }
            }
        };
        self.event = Some(event);
        self.next(now)
    }

    fn close(&mut self, now: Mono) -> Next {
        self.stage = Stage::Closed;
        Next::Close(match self.download.step(now) {
            Step::Done(Ok(_)) => End::Whole,
            Step::Done(Err(error)) if error.spoils_part() => End::Wrong,
            _ => End::Partial,
        })
    }

    /// Returns a handle whose waits end with this download.
    fn for_the_rest(&self, now: Mono) -> Shared {
        let shared = self.shared.clone();
        match self.download.deadline() {
            Some(deadline) => shared.until(now, deadline),
            None => shared,
        }
    }

    /// Returns the moment at which what is under way is given up.
    pub(crate) fn limit(&self) -> Mono {
        self.download.limit()
    }

    /// Takes the answer to a request; returns its body if that is to be read.
    pub(crate) fn answered<B>(
        &mut self,
        now: Mono,
        answer: Result<Response<B>, TransportError>,
    ) -> Option<B> {
        let (head, body) = match answer {
            Ok(answer) => answer.into_parts(),
            Err(error) => {
                self.ended(now, Err(error));
                return None;
            }
        };
        self.transport = None;
        self.stage = match self.download.head(now, &head) {
            Opening::Drop => {
                self.ended(now, Ok(()));
                return None;
            }
            Opening::StartOver => Stage::StartingOver,
            Opening::Append | Opening::Read => Stage::Reading,
        };
        self.event = Some(self.download.receiving());
        Some(body)
    }

    /// Takes a piece of the body; the answer has ended if it says so.
    pub(crate) fn piece<'b>(&mut self, now: Mono, bytes: &'b [u8]) -> Received<'b> {
        let received = self.download.body(now, bytes);
        match received {
            Received::Drop => self.ended(now, Ok(())),
            _ => self.event = Some(self.download.receiving()),
        }
        received
    }

    /// Takes the end of an answer, or why there is none.
    pub(crate) fn ended(&mut self, now: Mono, end: Result<(), TransportError>) {
        let fault = end.as_ref().copied().map_err(TransportError::fault);
        self.transport = end.err();
        self.event = Some(self.download.ended(now, fault));
        self.stage = Stage::Idle;
    }

    /// Tells it how the wait for a new URL has ended.
    pub(crate) fn polled(&mut self, now: Mono, outcome: Result<Finished, WaitFailure>) {
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
        self.event = Some(event);
    }

    pub(crate) const fn polls(&self) -> u32 {
        self.polls
    }

    pub(crate) const fn transport(&self) -> Option<&TransportError> {
        self.transport.as_ref()
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
