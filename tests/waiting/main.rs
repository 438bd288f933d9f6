//! The wait for a job in virtual time.

mod broken_connections;
mod clocks;
#[path = "../common/mod.rs"]
mod common;
mod deadline;
mod errors;
mod exchange;
mod failures;
mod handling;
mod hopeless_codes;
mod passing_codes;
mod policy;
mod properties;
mod retry_after;
mod rig;
mod rotation;
mod statuses;
mod throttling;
#[path = "../common/with.rs"]
mod with;
