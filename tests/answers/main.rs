//! From bytes to a typed answer or a typed error, whatever came.

mod api_errors;
#[path = "../common/mod.rs"]
mod common;
mod duplicates;
mod encodings;
mod errors;
mod foreign_actions;
mod members_of_an_answer;
mod properties;
mod reading;
mod redirects;
mod request_ids;
mod retry_after;
mod statuses;
mod what_is_no_answer;
