//! The blocking download.

use std::{
    fmt,
    io::{self, Write},
};

use futures_util::io::AllowStdIo;
use tcss_export_core::download::{Downloaded, Event};

use super::run;
use crate::{asynchronous, download::DownloadFailure, error::TransportError, transport::Transport};

/// A download: an iterator over its events, which sleeps, sends, reads and writes as it goes.
///
/// Only [`outcome`](Self::outcome) tells how it ended. The events end with
/// [`Ended`](tcss_export_core::download::EventKind::Ended) either way, and an error of the file
/// ends them without one.
///
/// Dropped before its end, it leaves what is there to a later download to the same target.
#[must_use = "a download does nothing until its events are drained"]
pub struct Download<T: Transport, W = io::Sink>(
    pub(super) asynchronous::Download<T, AllowStdIo<W>>,
);

impl<T: Transport, W: Write> Download<T, W> {
    /// Downloads what is left and returns the outcome.
    ///
    /// # Errors
    ///
    /// A [`DownloadFailure`] that says why there is no whole file.
    pub fn outcome(self) -> Result<Downloaded, DownloadFailure> {
        run(self.0.outcome())
    }

    /// Returns how often the job was polled for a new URL.
    #[must_use]
    pub const fn polls(&self) -> u32 {
        self.0.polls()
    }

    /// Returns what the transport said, if the last exchange gave no whole answer.
    #[must_use]
    pub const fn transport(&self) -> Option<&TransportError> {
        self.0.transport()
    }
}

impl<T: Transport, W: Write> Iterator for Download<T, W> {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        run(self.0.next())
    }
}

impl<T: Transport, W> fmt::Debug for Download<T, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
