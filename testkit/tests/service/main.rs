//! The service, tested over a socket.

mod actions;
mod download_faults;
mod downloads;
mod refusals;
mod steps;
mod support;
