//! What goes out, and what is refused before anything goes out.

#[path = "../common/mod.rs"]
mod common;
mod credential_texts;
mod endpoints;
mod foreign_actions;
mod headers;
mod job_ids;
mod kept;
mod prepared;
mod regions_and_labels;
mod requests;
mod token;
mod types;
