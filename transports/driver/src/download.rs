//! What the blocking and the async download share: what is asked for, where it goes, and how it can
//! fail.

mod failure;
mod file_error;
mod files;
mod locked;
mod output;
mod part_file;
mod paths;
mod source;
mod target;
pub(crate) mod transfer;

pub use self::{
    failure::DownloadFailure,
    file_error::{FileError, FileErrorKind},
    source::Source,
    target::Target,
};
pub(crate) use self::{
    output::Output,
    part_file::{End, PartFile},
};
