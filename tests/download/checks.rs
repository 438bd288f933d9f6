//! What an exchange has come to.

use tcss_export::{
    core::download::Opening,
    download::{EventKind, Fault},
};

use crate::{
    server::{File, Play, crc64},
    trial::Trial,
};

#[track_caller]
pub(crate) fn assert_retries(trial: &Trial, expected: &Fault) {
    let event = &trial.past.last().unwrap().event;
    let EventKind::Retrying { fault, .. } = &event.kind else { panic!("{event:?}") };
    assert_eq!(fault, expected);
}

/// The download has thrown away what was there, and gets all of the file in its next exchange.
#[track_caller]
pub(crate) fn assert_starts_over(trial: &mut Trial, file: &File, fault: &Fault) {
    assert_retries(trial, fault);
    assert_eq!(trial.download.bytes(), 0);
    trial.serve(file, Play::Well);
    let last = trial.past.last().unwrap();
    assert_eq!(last.request.headers().get("range"), None);
    assert_eq!(last.opening, Some(Opening::StartOver));
    assert_whole(trial, file);
}

#[track_caller]
pub(crate) fn assert_whole(trial: &mut Trial, file: &File) {
    let downloaded = trial.outcome().unwrap();
    assert_eq!(trial.sink, file.bytes);
    assert_eq!(downloaded.bytes, file.bytes.len() as u64);
    assert_eq!(downloaded.crc64, crc64(&file.bytes));
    assert_eq!(downloaded.verified, file.names_crc);
}
