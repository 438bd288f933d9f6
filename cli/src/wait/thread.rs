//! The wait on a thread of its own, and what is told of it while it lasts.

use tcss_export::{
    Event, Finished, JobId, Report, SavedWait, Session, TranscriptLine, WaitFailure, Waiter,
    driver::clock, ureq::Client,
};

use super::Reporter;
use crate::{
    background::{Desk, Teller},
    failure::Failure,
    terminal::{output::Reader, signals::Signal},
};

/// A wait after one of its events, or before the first.
pub(crate) struct State {
    pub(crate) event: Option<Event>,
    /// What is new in the transcript.
    pub(crate) lines: Vec<TranscriptLine>,
    /// What is known of it if it is given up here.
    pub(crate) saved: SavedWait,
}

impl State {
    /// Returns the id of the answer that the event follows.
    pub(crate) fn request_id(&self) -> Option<&str> {
        self.lines.iter().find_map(|line| match line {
            TranscriptLine::Polled(polled) => polled.request_id(),
            _ => None,
        })
    }

    /// Returns what was seen, as of now.
    pub(crate) fn given_up(self) -> Option<Box<Report>> {
        let mut session = Session::new(self.saved.site().parse().ok()?);
        let waiter = Waiter::resume(self.saved, clock::now(), &mut session).ok()?;
        waiter.finish().err().map(|error| error.report)
    }
}

/// A wait after its end.
struct Waited {
    /// What is new in the transcript.
    lines: Vec<TranscriptLine>,
    outcome: Result<Finished, WaitFailure>,
}

/// How listening to a wait has ended.
pub(crate) enum End {
    Finished(Finished),
    Failed(WaitFailure),
    /// Nobody reads the events any more.
    Unread,
    Stopped(Signal, Box<Report>),
}

/// Waits for a job and tells the news as they come. At the end nothing of it is left on the
/// terminal.
pub(crate) fn listen(
    desk: &Desk,
    client: &Client,
    job: &JobId,
    reporter: &mut Reporter<'_>,
) -> Result<End, Failure> {
    let (client, job) = (client.clone(), job.clone());
    let work = desk.start(move |teller| work(&client, job, teller));
    let mut last: Option<Box<State>> = None;
    let heard = work.listen(|state| match reporter.state(&state) {
        Ok(Reader::There) => {
            last = Some(state);
            Ok(())
        }
        Ok(Reader::Gone) => Err(None),
        Err(failure) => Err(Some(failure)),
    });
    match heard {
        Ok(None) => {
            let Waited { lines, outcome } = work.result();
            let event = last.and_then(|last| last.event);
            reporter.end(&lines, outcome.as_ref(), event.as_ref())?;
            Ok(outcome.map_or_else(End::Failed, End::Finished))
        }
        Ok(Some(signal)) => {
            let report = last.and_then(|last| last.given_up()).unwrap_or_default();
            reporter.given_up(&report)?;
            Ok(End::Stopped(signal, report))
        }
        Err(None) => Ok(End::Unread),
        Err(Some(failure)) => Err(failure),
    }
}

fn work(client: &Client, job: JobId, teller: &Teller<Box<State>>) -> Waited {
    let mut wait = client.follow(job);
    wait.record();
    let mut event = None;
    loop {
        let (lines, saved) = (wait.take_transcript(), wait.save());
        teller.tell(Box::new(State { event, lines, saved }));
        event = wait.next();
        if event.is_none() {
            let lines = wait.take_transcript();
            return Waited { lines, outcome: wait.outcome() };
        }
    }
}
