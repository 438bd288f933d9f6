//! The service as a client on a socket sees it.

mod refusals;
mod steps;
mod support;
