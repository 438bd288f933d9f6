//! The service as a client on a socket sees it.

mod actions;
mod download_faults;
mod downloads;
mod refusals;
mod steps;
mod support;
