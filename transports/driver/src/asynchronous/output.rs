//! What the async download does to its output. Whatever takes it puts it back, unless it was
//! dropped meanwhile.

use std::mem;

use blocking::unblock;
use bytes::Bytes;
use futures_util::io::{AsyncWrite, AsyncWriteExt};
use tcss_export_core::download::{Kept, Note};

use crate::download::{End, FileError, Output, PartFile};

/// Opens a target, the first time it is called, and returns what an earlier download has left.
pub(super) async fn open<W>(output: &mut Output<W>) -> Result<Option<Kept>, FileError> {
    match mem::replace(output, Output::Taken) {
        Output::Target(target) => {
            let (part, kept) = unblock(move || target.open()).await?;
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
    note: Option<Note>,
) -> Result<(), FileError> {
    on_part(output, move |part| part.start_over(note.as_ref())).await
}

pub(super) async fn write<W: AsyncWrite + Unpin>(
    output: &mut Output<W>,
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
            on_part(output, move |part| part.write(&bytes)).await
        }
    }
}

pub(super) async fn close<W: AsyncWrite + Unpin>(
    output: &mut Output<W>,
    end: End,
) -> Result<(), FileError> {
    let result = match mem::replace(output, Output::Taken) {
        Output::Part(part) => unblock(move || part.close(end)).await,
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
    work: impl FnOnce(&mut PartFile) -> Result<(), FileError> + Send + 'static,
) -> Result<(), FileError> {
    match mem::replace(output, Output::Taken) {
        Output::Part(mut part) => {
            let (part, result) = unblock(move || {
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
