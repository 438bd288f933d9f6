//! What the blocking download does to its output.

use std::{io::Write, mem};

use tcss_export_core::download::{Kept, Note};

use crate::download::{End, FileError, Output};

/// Opens a target, the first time it is called, and returns what an earlier download has left.
pub(super) fn open<W>(output: &mut Output<W>) -> Result<Option<Kept>, FileError> {
    match mem::replace(output, Output::Closed) {
        Output::Target(target) => {
            let (part, kept) = target.open()?;
            *output = Output::Part(part);
            Ok(kept)
        }
        opened => {
            *output = opened;
            Ok(None)
        }
    }
}

pub(super) fn start_over<W>(output: &mut Output<W>, note: Option<&Note>) -> Result<(), FileError> {
    match output {
        Output::Part(part) => part.start_over(note),
        _ => Ok(()),
    }
}

pub(super) fn write<W: Write>(output: &mut Output<W>, bytes: &[u8]) -> Result<(), FileError> {
    match output {
        Output::Part(part) => part.write(bytes),
        Output::Writer(writer) => writer.write_all(bytes).map_err(FileError::of_writer),
        Output::Target(_) | Output::Taken | Output::Closed => Ok(()),
    }
}

pub(super) fn close<W: Write>(output: &mut Output<W>, end: End) -> Result<(), FileError> {
    match mem::replace(output, Output::Closed) {
        Output::Part(part) => part.close(end),
        // Else it is the download's own error that counts.
        Output::Writer(mut writer) if end == End::Whole => {
            writer.flush().map_err(FileError::of_writer)
        }
        _ => Ok(()),
    }
}
