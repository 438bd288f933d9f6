//! The stages of a signature against signatures that other programs made, and their laws.

#[path = "../common/mod.rs"]
mod common;
mod documented;
mod f0_table;
mod field_cases;
mod laws;
mod range;
mod stages;
mod vectors;
mod verifier;
