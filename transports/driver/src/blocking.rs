//! The blocking client.

mod client;
mod download;
mod here;
mod wait_all;

use tcss_export_core::{Event, Finished};
#[cfg(feature = "serde")]
use tcss_export_core::{SavedWait, TranscriptLine};

use self::here::{run, this_thread};
pub use self::{
    client::{Client, Closure, blocking_fn},
    download::Download,
    wait_all::WaitAll,
};
use crate::{asynchronous, error::WaitFailure, transport::Transport};

/// A wait for one job: an iterator over its events, which sleeps and sends as it goes.
#[derive(Debug)]
#[must_use = "a wait does nothing until its events are drained"]
pub struct Wait<T>(asynchronous::Wait<T>);

impl<T: Transport> Wait<T> {
    /// Waits for what is left and returns the outcome.
    ///
    /// # Errors
    ///
    /// A [`WaitFailure`] whose `kind` says why there is no file.
    pub fn outcome(self) -> Result<Finished, WaitFailure> {
        run(self.0.outcome())
    }
}

impl<T: Transport> Iterator for Wait<T> {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        run(self.0.next())
    }
}

/// What a wait can be kept by.
#[cfg(feature = "serde")]
impl<T: Transport> Wait<T> {
    /// Puts the wait aside, to be resumed in another process.
    pub fn save(&mut self) -> SavedWait {
        self.0.save()
    }

    /// Begins to write down what happens from here on; [`take_transcript`](Self::take_transcript)
    /// gives the lines.
    pub fn record(&mut self) {
        self.0.record();
    }

    /// Gives away the lines that were written since the last time.
    pub fn take_transcript(&mut self) -> Vec<TranscriptLine> {
        self.0.take_transcript()
    }
}
