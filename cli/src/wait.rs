//! A wait for a job: what is told of it while it lasts, and how it ended.

pub(crate) mod decision;
mod progress;
mod recording;
mod reporter;
pub(crate) mod status;
mod thread;

pub(crate) use self::{
    reporter::Reporter,
    thread::{End, listen},
};
