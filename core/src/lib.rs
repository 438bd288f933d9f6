//! The core of tcss-export.
#![no_std]
#![doc = ""]

extern crate alloc;

mod action;
pub mod actions;
mod advice;
mod answer;
mod budget;
mod clock_offset;
mod credentials;
mod download_url;
mod endpoint;
mod envelope;
mod error;
mod event;
pub mod header;
mod job_id;
mod outcome;
mod policy;
mod prepared;
mod response_error;
mod session;
pub mod signing;
pub mod text;
mod time;
mod waiter;

pub use self::{
    action::Action,
    actions::{DescribeExportJobResult, DescribeExportJobResultResponse, ExportStatus},
    advice::Advice,
    answer::{ANSWER_LIMIT, Answer, read_answer},
    budget::{RateBudget, Ticket},
    clock_offset::ClockOffset,
    credentials::Credentials,
    download_url::DownloadUrl,
    endpoint::Endpoint,
    error::{BuildError, Field, Reason},
    event::{Event, EventKind, Remedy},
    job_id::JobId,
    outcome::{Fault, Finished, Outcome, Report, SendFault, WaitError, WaitErrorKind},
    policy::{Backoff, Policy},
    prepared::Prepared,
    response_error::{ApiError, ErrorCode, ResponseError, ResponseErrorKind},
    session::{Language, Session},
    time::{Mono, Now, Wall},
    waiter::{StartError, Step, Waiter},
};
