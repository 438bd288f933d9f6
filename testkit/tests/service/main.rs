//! The service as a client on a socket sees it.

mod actions;
mod refusals;
mod steps;
mod support;
