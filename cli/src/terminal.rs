//! What people see and do: output without secrets, progress, commands to paste, signals.

mod download_progress;
pub(crate) mod masking;
pub(crate) mod output;
mod rows;
pub(crate) mod shell;
pub(crate) mod signals;
mod wait_progress;

pub(crate) use self::{
    download_progress::{DownloadProgress, amount},
    rows::rows,
    wait_progress::WaitProgress,
};
