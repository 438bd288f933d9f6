//! The download of a file: what is told of it while it lasts, and how it ended.

mod progress;
mod result;
mod thread;
mod to_file;
mod turns;

pub(crate) use self::{to_file::Downloader, turns::Turns};
