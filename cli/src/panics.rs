//! Panics as texts for the error object, instead of lines on stderr.

use std::{
    panic,
    sync::{Mutex, PoisonError},
};

static LAST: Mutex<String> = Mutex::new(String::new());

/// Keeps the text of each panic from now on, instead of printing it.
pub(crate) fn watch() {
    panic::set_hook(Box::new(|panic| {
        *LAST.lock().unwrap_or_else(PoisonError::into_inner) = panic.to_string();
    }));
}

/// Returns the text of the last panic: place and message.
pub(crate) fn last() -> String {
    LAST.lock().unwrap_or_else(PoisonError::into_inner).clone()
}
