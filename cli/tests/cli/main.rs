//! Runs the binary against a service in this process.
#![cfg(unix)]

mod answers;
mod create;
mod demo;
mod download;
mod events;
mod help;
mod jobs;
mod keys;
mod output;
mod recording;
mod replay;
mod result;
mod run;
mod serve;
mod signing;
mod stopping;
mod support;
mod targets;
mod tls;
mod usage;
mod wait;
