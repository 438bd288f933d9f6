//! The wait for a job as a pure state machine, in virtual time.

mod calls;
mod clocks;
mod codes;
#[path = "../common/mod.rs"]
mod common;
mod credentials;
mod deadline;
mod errors;
mod failures;
mod harness;
mod lists;
mod policy;
mod progress;
mod properties;
mod sets;
mod statuses;
mod throttling;
#[path = "../common/with.rs"]
mod with;
