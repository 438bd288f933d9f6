//! Runs the binary against test services: the arguments, output, exit codes and signals of each
//! command.
#![cfg(unix)]

mod answers;
mod check;
mod compare;
mod connections;
mod create;
mod demo;
mod download;
mod events;
mod help;
mod install;
mod jobs;
mod keys;
mod limits;
mod output;
mod picture;
mod recording;
mod replay;
mod result;
mod run;
mod serve;
mod signing;
mod sources;
mod state;
mod stopping;
mod support;
mod targets;
mod terminal;
mod usage;
mod wait;
