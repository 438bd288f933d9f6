//! The wait on a thread of its own, and what is told of it while it lasts.

use std::sync::mpsc::Sender;

use tcss_export::{
    Event, Finished, JobId, Report, SavedWait, Session, TranscriptLine, WaitFailure, Waiter,
    driver::clock, ureq::Client,
};

use crate::{
    failure::Failure,
    news::{Desk, News, tell},
    output::Reader,
    signals::Signal,
    telling::Telling,
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

/// How listening to a wait has ended.
pub(crate) enum End {
    Outcome(Result<Finished, WaitFailure>),
    /// Nobody reads the events any more.
    Unread,
    Stopped(Signal, Box<Report>),
}

/// Follows a job and tells the news as they come. At the end nothing of it is left on the
/// terminal.
pub(crate) fn wait(
    desk: &Desk,
    client: &Client,
    job: &JobId,
    telling: &mut Telling<'_>,
) -> Result<End, Failure> {
    let (client, job) = (client.clone(), job.clone());
    desk.start(move |sender| follow(&client, job, sender));
    let mut last: Option<Box<State>> = None;
    loop {
        match desk.next() {
            News::Waiting(state) => {
                if telling.state(&state)? == Reader::Gone {
                    return Ok(End::Unread);
                }
                last = Some(state);
            }
            News::Waited { lines, outcome } => {
                let event = last.and_then(|last| last.event);
                telling.end(&lines, (*outcome).as_ref(), event.as_ref())?;
                return Ok(End::Outcome(*outcome));
            }
            News::Signal(signal) => {
                let report = last.and_then(|last| last.given_up()).unwrap_or_default();
                telling.given_up(&report)?;
                return Ok(End::Stopped(signal, report));
            }
            _ => panic!("the thread of the wait has panicked"),
        }
    }
}

fn follow(client: &Client, job: JobId, sender: &Sender<News>) {
    let mut wait = client.follow(job);
    wait.record();
    let mut event = None;
    loop {
        let (lines, saved) = (wait.take_transcript(), wait.save());
        tell(sender, News::Waiting(Box::new(State { event, lines, saved })));
        event = wait.next();
        if event.is_none() {
            let lines = wait.take_transcript();
            return tell(sender, News::Waited { lines, outcome: Box::new(wait.outcome()) });
        }
    }
}
