//! Downloads by the pure half alone: the field cases, each rule of resuming and starting over, and
//! every sequence of answers up to a length.
//!
//! A debug build goes through all sequences of up to 2 or 3 exchanges, a release build through all
//! of up to 3 or 4: `cargo test --release -p tcss-export --test download`.

mod checks;
mod endings;
mod exhaustive;
mod failures;
mod field_cases;
mod handling;
mod keeping;
mod known;
mod limits;
mod names;
mod properties;
mod ranges;
mod refusals;
mod renewing;
mod resuming;
mod same_file;
mod secrets;
mod server;
mod strange;
mod trial;
mod urls;
#[path = "../common/with.rs"]
mod with;
