//! Tests the download state machine of the core without I/O: each rule alone, random sequences of
//! faults, and every sequence of answers up to a length.
//!
//! A debug build tries all sequences of up to 2 or 3 exchanges, a release build all of up to 3 or 4:
//! `cargo test --release -p tcss-export --test download`.

mod bodies;
mod calls;
mod chunks;
mod exhaustive;
mod failures;
mod limits;
mod names;
mod not_found;
mod parts;
mod pipes;
mod properties;
mod ranges;
mod refusals;
mod renewing;
mod requests;
mod resuming;
mod run;
mod same_file;
mod secrets;
mod server;
#[path = "../common/with.rs"]
mod with;
