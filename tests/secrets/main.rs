//! Nothing secret is ever printed: every public type that can hold a
//! secret is shown in both ways, down its whole chain of sources, and searched.

mod answers;
mod before_sending;
#[path = "../common/mod.rs"]
mod common;
mod looking;
mod samples;
mod search;
mod urls;
mod waiting;
#[path = "../common/with.rs"]
mod with;
