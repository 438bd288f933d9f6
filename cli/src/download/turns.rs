//! The course of a download in words.

use std::mem;

use tcss_export::{
    TransportError,
    download::{Event, EventKind, Fault},
    text::brief,
};

use crate::{
    failure::with_sources,
    terminal::{amount, masking::masked},
    wait::decision::when,
};

/// The course of a download, whose turns are told: where it breaks off, and how it goes on.
#[derive(Default)]
pub(crate) struct Turns {
    /// How many bytes were there at the last event.
    bytes: Option<u64>,
    /// Bytes of an answer are coming.
    is_under_way: bool,
    /// Bytes that were there count no more.
    starts_again: bool,
    has_gone_on: bool,
}

impl Turns {
    /// Words an event, if it is a turn; the cause is what the transport said of it.
    pub(crate) fn turn(&mut self, event: &Event, cause: Option<&TransportError>) -> Option<String> {
        let before = self.bytes.replace(event.bytes).unwrap_or(event.bytes);
        self.starts_again |= event.bytes < before;
        if event.kind != EventKind::Receiving {
            self.is_under_way = false;
            return worded(event, cause);
        }
        // An answer that tells of a fault has a body, too, but adds nothing to the file.
        if event.bytes <= before || self.is_under_way {
            return None;
        }
        self.is_under_way = true;
        if mem::take(&mut self.starts_again) {
            self.has_gone_on = false;
            return Some("starting again from the first byte".to_owned());
        }
        if before == 0 {
            return None;
        }
        self.has_gone_on = true;
        Some(format!("resuming after {}", amount(before, event.total)))
    }

    /// Whether the file went on behind bytes that were there, since it began with its first one.
    pub(crate) const fn has_gone_on(&self) -> bool {
        self.has_gone_on
    }
}

/// Words an event that is more than some bytes.
fn worded(event: &Event, cause: Option<&TransportError>) -> Option<String> {
    let text = match &event.kind {
        EventKind::Continuing => "the answer was shorter than requested; retrying at once".into(),
        EventKind::Retrying { fault, delay } => {
            let fault = match (fault, cause) {
                (Fault::Send(_), Some(cause)) => with_sources(cause),
                _ => fault.to_string(),
            };
            format!("{fault}; retrying {}", when(*delay))
        }
        EventKind::NeedsUrl { refusal: Some(refusal) } => {
            format!("{refusal}; a new URL is needed")
        }
        EventKind::NeedsUrl { refusal: None } => "the URL has expired; a new one is needed".into(),
        EventKind::NewUrl => "the job gave a new URL".to_owned(),
        _ => return None,
    };
    Some(brief(&masked(&text)).to_string())
}
