//! The output of a download: a part file or a writer.

use std::mem;

use bytes::Bytes;
use futures_util::io::{AsyncWrite, AsyncWriteExt};
use tcss_export_core::download::{Part, PartMetadata};

use super::{
    error::{FileError, FileErrorKind},
    part_file::{End, PartFile},
    target::Target,
};
use crate::worker::Worker;

/// Where the bytes go.
///
/// Each operation moves the output out and puts it back afterwards. If its future is dropped in
/// between, the output stays [`Taken`](Self::Taken) and the download ends with an error.
#[derive(Debug)]
pub(crate) enum Output<W> {
    /// A target that is not open yet.
    Target(Target),
    /// An open part file, and a thread for its operations unless the caller may block.
    Part(PartFile, Option<Worker>),
    Writer(W),
    /// Moved out during an operation, or closed after the end of the download.
    Taken,
}

impl<W> Output<W> {
    pub(crate) const fn can_restart(&self) -> bool {
        !matches!(self, Self::Writer(_))
    }

    /// At the first call, opens a target and returns the part that an earlier download left.
    pub(super) async fn open(&mut self, blocks: bool) -> Result<Option<Part>, FileError> {
        match mem::replace(self, Self::Taken) {
            Self::Target(target) => {
                let worker = if blocks { Ok(None) } else { Worker::start().map(Some) };
                let worker = worker.map_err(FileError::io(FileErrorKind::Open, target.path()))?;
                let (file, part) = on_files(worker.as_ref(), move || target.open()).await??;
                *self = Self::Part(file, worker);
                Ok(part)
            }
            Self::Taken => Err(FileError::dropped()),
            opened => {
                *self = opened;
                Ok(None)
            }
        }
    }

    /// Empties the part file and writes new metadata.
    pub(super) async fn start_over(
        &mut self,
        metadata: Option<PartMetadata>,
    ) -> Result<(), FileError> {
        self.on_part(move |part| part.start_over(metadata.as_ref())).await
    }

    /// Fails if a part file has no room for this many bytes.
    pub(super) async fn check_room(&mut self, bytes: u64) -> Result<(), FileError> {
        self.on_part(move |part| part.check_room(bytes)).await
    }

    /// Runs `work` on the part file, if any.
    async fn on_part(
        &mut self,
        work: impl FnOnce(&mut PartFile) -> Result<(), FileError> + Send + 'static,
    ) -> Result<(), FileError> {
        let (mut part, worker) = match mem::replace(self, Self::Taken) {
            Self::Part(part, worker) => (part, worker),
            other => {
                *self = other;
                return Ok(());
            }
        };
        let (part, result) = on_files(worker.as_ref(), move || {
            let result = work(&mut part);
            (part, result)
        })
        .await?;
        *self = Self::Part(part, worker);
        result
    }
}

impl<W: AsyncWrite + Unpin> Output<W> {
    pub(super) async fn write(&mut self, bytes: Bytes) -> Result<(), FileError> {
        let mut writer = match mem::replace(self, Self::Taken) {
            Self::Writer(writer) => writer,
            other => {
                *self = other;
                return self.on_part(move |part| part.write(&bytes)).await;
            }
        };
        let result = writer.write_all(&bytes).await;
        *self = Self::Writer(writer);
        result.map_err(FileError::of_writer)
    }

    /// Renames a complete file to the target, or flushes the writer.
    pub(super) async fn close(&mut self, end: End) -> Result<(), FileError> {
        match mem::replace(self, Self::Taken) {
            Self::Part(part, worker) => {
                on_files(worker.as_ref(), move || part.close(end)).await.flatten()
            }
            // A failed download reports its own error, not the writer's.
            Self::Writer(mut writer) if end == End::Complete => {
                writer.flush().await.map_err(FileError::of_writer)
            }
            _ => Ok(()),
        }
    }
}

/// Runs a file operation on the worker, or on this thread if it has none.
async fn on_files<T: Send + 'static>(
    worker: Option<&Worker>,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, FileError> {
    match worker {
        Some(worker) => worker.run(work).await.map_err(FileError::of_writer),
        None => Ok(work()),
    }
}
