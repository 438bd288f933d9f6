//! The binary as a user runs it, against a service in this process.
#![cfg(unix)]

mod answers;
mod demo;
mod keys;
mod output;
mod result;
mod serve;
mod signing;
mod support;
mod tls;
mod usage;
mod wait;
