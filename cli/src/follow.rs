//! The wait on a thread of its own, and all that happens to it as one row of news.

use std::{
    panic::{self, AssertUnwindSafe},
    sync::mpsc::{self, Receiver, Sender},
    thread,
};

use tcss_export::{
    Event, Finished, JobId, Report, SavedWait, Session, TranscriptLine, WaitFailure, Waiter,
    driver::clock, ureq::Client,
};

use crate::signals::{self, Signal};

/// What the main thread is told.
pub(crate) enum News {
    GoesOn(Box<State>),
    Ended {
        lines: Vec<TranscriptLine>,
        outcome: Box<Result<Finished, WaitFailure>>,
    },
    Signal(Signal),
    /// Nothing more will come, by a fault of this program that has been told already.
    Lost,
}

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

/// Begins to follow a job.
///
/// Whoever stops listening ends nothing that is under way: the thread ends with the process.
pub(crate) fn start(client: Client, job: JobId) -> Receiver<News> {
    let (sender, news) = mpsc::channel();
    let of_signals = sender.clone();
    signals::watch(move |signal| of_signals.send(News::Signal(signal)).is_ok());
    thread::spawn(move || {
        let followed = AssertUnwindSafe(|| follow(&client, job, &sender));
        if panic::catch_unwind(followed).is_err() {
            tell(&sender, News::Lost);
        }
    });
    news
}

fn follow(client: &Client, job: JobId, sender: &Sender<News>) {
    let mut wait = client.follow(job);
    wait.record();
    let mut event = None;
    loop {
        let (lines, saved) = (wait.take_transcript(), wait.save());
        tell(sender, News::GoesOn(Box::new(State { event, lines, saved })));
        event = wait.next();
        if event.is_none() {
            let lines = wait.take_transcript();
            return tell(sender, News::Ended { lines, outcome: Box::new(wait.outcome()) });
        }
    }
}

/// Nobody listens any more only when the process is about to end.
fn tell(sender: &Sender<News>, news: News) {
    let _ = sender.send(news);
}
