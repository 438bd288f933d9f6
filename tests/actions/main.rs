//! The typed actions besides the poll: bodies that go out, and answers that come in.

#[path = "../common/mod.rs"]
mod common;
mod create;
mod download_url;
mod exchange;
mod manage_list;
mod properties;
