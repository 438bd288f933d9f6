//! Work on threads of its own, and all that happens to it and to this process as one row of news.

use std::{
    panic::{self, AssertUnwindSafe},
    sync::mpsc::{self, Receiver, Sender},
    thread,
};

use tcss_export::{
    BuildError, ClockOffset, Finished, TranscriptLine, WaitFailure, download::Event,
};

use crate::{
    creation::Created,
    fetch::Fetched,
    follow::State,
    signals::{self, Signal},
};

/// What the main thread is told.
pub(crate) enum News {
    /// A create was refused for the clock alone, and is sent once more.
    ClockCorrected(ClockOffset),
    /// A create has been answered, or not.
    Created(Box<Created>),
    /// A wait goes on.
    Waiting(Box<State>),
    Waited {
        lines: Vec<TranscriptLine>,
        outcome: Box<Result<Finished, WaitFailure>>,
    },
    /// A download goes on; a turn of it has words.
    Downloading {
        event: Event,
        turn: Option<String>,
    },
    /// A download has ended, or could not begin.
    Downloaded(Box<Result<Fetched, BuildError>>),
    Signal(Signal),
    /// Nothing more will come, by a fault of this program that has been told already.
    Lost,
}

/// Where the news come together.
///
/// Whoever stops listening ends nothing that is under way: the threads end with the process.
pub(crate) struct Desk {
    sender: Sender<News>,
    news: Receiver<News>,
}

impl Desk {
    /// Watches signals from here on.
    pub(crate) fn open() -> Self {
        let (sender, news) = mpsc::channel();
        let of_signals = sender.clone();
        signals::watch(move |signal| of_signals.send(News::Signal(signal)).is_ok());
        Self { sender, news }
    }

    /// Begins one piece of work.
    pub(crate) fn start(&self, work: impl FnOnce(&Sender<News>) + Send + 'static) {
        let sender = self.sender.clone();
        thread::spawn(move || {
            if panic::catch_unwind(AssertUnwindSafe(|| work(&sender))).is_err() {
                tell(&sender, News::Lost);
            }
        });
    }

    /// Waits for what comes next.
    pub(crate) fn next(&self) -> News {
        self.news.recv().unwrap_or(News::Lost)
    }
}

/// Nobody listens any more only when the process is about to end.
pub(crate) fn tell(sender: &Sender<News>, news: News) {
    let _ = sender.send(news);
}
