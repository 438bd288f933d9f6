//! What the async download does to its output. Whatever takes it puts it back, unless it was
//! dropped meanwhile.

use std::mem;

use bytes::Bytes;
use futures_util::io::{AsyncWrite, AsyncWriteExt};
use tcss_export_core::download::{Kept, Note};

use crate::download::{End, FileError, Output, PartFile};

/// Runs work on a file: at once where the caller may block, else on a thread for files.
async fn on_files<T: Send + 'static>(
    may_block: bool,
    work: impl FnOnce() -> T + Send + 'static,
) -> T {
    if may_block { work() } else { blocking::unblock(work).await }
}

/// Opens a target, the first time it is called, and returns what an earlier download has left.
pub(super) async fn open<W>(
    output: &mut Output<W>,
    may_block: bool,
) -> Result<Option<Kept>, FileError> {
    match mem::replace(output, Output::Taken) {
        Output::Target(target) => {
            let (part, kept) = on_files(may_block, move || target.open()).await?;
            *output = Output::Part(part);
            Ok(kept)
        }
        opened => {
            *output = opened;
            Ok(None)
        }
    }
}

pub(super) async fn start_over<W>(
    output: &mut Output<W>,
    may_block: bool,
    note: Option<Note>,
) -> Result<(), FileError> {
    on_part(output, may_block, move |part| part.start_over(note.as_ref())).await
}

pub(super) async fn write<W: AsyncWrite + Unpin>(
    output: &mut Output<W>,
    may_block: bool,
    bytes: Bytes,
) -> Result<(), FileError> {
    match mem::replace(output, Output::Taken) {
        Output::Writer(mut writer) => {
            let result = writer.write_all(&bytes).await;
            *output = Output::Writer(writer);
            result.map_err(FileError::of_writer)
        }
        other => {
            *output = other;
            on_part(output, may_block, move |part| part.write(&bytes)).await
        }
    }
}

pub(super) async fn close<W: AsyncWrite + Unpin>(
    output: &mut Output<W>,
    may_block: bool,
    end: End,
) -> Result<(), FileError> {
    let result = match mem::replace(output, Output::Taken) {
        Output::Part(part) => on_files(may_block, move || part.close(end)).await,
        // Else it is the download's own error that counts.
        Output::Writer(mut writer) if end == End::Whole => {
            writer.flush().await.map_err(FileError::of_writer)
        }
        _ => Ok(()),
    };
    *output = Output::Closed;
    result
}

/// Works on the part, if there is one, on a thread for files.
async fn on_part<W>(
    output: &mut Output<W>,
    may_block: bool,
    work: impl FnOnce(&mut PartFile) -> Result<(), FileError> + Send + 'static,
) -> Result<(), FileError> {
    match mem::replace(output, Output::Taken) {
        Output::Part(mut part) => {
            let (part, result) = on_files(may_block, move || {
                let result = work(&mut part);
                (part, result)
            })
            .await;
            *output = Output::Part(part);
            result
        }
        other => {
            *output = other;
            Ok(())
        }
    }
}
