//! Tests the service over a socket: refusals, scripts, actions, downloads and their faults.

mod actions;
mod added;
mod download_faults;
mod downloads;
mod refusals;
mod sdks;
mod steps;
mod support;
