//! Panics as texts for the error object, instead of lines on stderr.

use std::{
    panic::{self, AssertUnwindSafe},
    sync::{Mutex, PoisonError},
};

use futures_util::FutureExt;

use crate::error::{Error, Result};

static LAST: Mutex<String> = Mutex::new(String::new());

/// From now on, keeps the text of each panic instead of printing it.
pub(crate) fn watch() {
    panic::set_hook(Box::new(|panic| {
        *LAST.lock().unwrap_or_else(PoisonError::into_inner) = panic.to_string();
    }));
}

/// Runs a future and turns a panic into an error.
pub(crate) async fn caught<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    let ended = AssertUnwindSafe(future).catch_unwind().await;
    ended.unwrap_or_else(|_| Err(Error::panicked(&last())))
}

/// Returns the location and message of the last panic.
fn last() -> String {
    LAST.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_becomes_an_error_with_the_exit_code_of_a_panic() {
        let panicked = caught(async { if true { panic!("expected") } else { Ok(()) } }).await;
        assert_eq!(panicked.expect_err("a panic").exit_code(), 101);
        assert!(caught(async { Ok(()) }).await.is_ok());
    }
}
