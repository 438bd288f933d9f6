//! The core of tcss-export: signs requests of Tencent Container Security Service, parses its
//! answers, follows an export job and downloads its file.
//!
//! It performs no I/O and has no clock, environment, thread, lock or log. Bytes, time, seeds and
//! credentials are arguments; requests and decisions are return values. The crate is `no_std`, but
//! its dependencies `http` and `crc64fast` require std.
//!
//! ```text
//! JobId ─► DescribeExportJobResult ─► Session: prepare, sign(credentials, now) ─► http::Request
//!                                                                                     │ any client
//! Outcome ◄─ Waiter ◄─ typed answer or typed error ◄─ read_answer(status, headers, bytes) ◄─┘
//!    └─► DownloadUrl ─► Download: which request to send, which bytes to write
//! ```
//!
//! - [`Session`] builds and signs requests for one [`Endpoint`]; [`read_answer`] parses answers.
//! - [`wait::Waiter`] decides when to poll and what to retry, by a [`wait::Policy`], until it has
//!   an [`wait::Outcome`].
//! - [`download::Download`] resumes, restarts and checks a download.
//! - [`RateBudget`] paces the requests of any number of waits.
//! - [`signing`] has the stages of the signature.
//! - [`actions::Action`] adds any other action of the service in a few lines.
//!
//! One poll without a waiter:
//!
//! ```
//! use tcss_export_core::{actions::*, *};
//! # fn send(_: http::Request<bytes::Bytes>) -> http::Response<&'static str> {
//! #     http::Response::new(r#"{"Response":{"ExportStatus":"RUNNING","ExportProgress":42.5}}"#)
//! # }
//!
//! let mut session = Session::new(Endpoint::international());
//! let credentials = Credentials::new("AKIDEXAMPLE", "EXAMPLEKEY")?;
//! let action = DescribeExportJobResult::new(JobId::new("4711")?);
//!
//! let now = Wall::from_unix_seconds(1_699_979_400); // from your clock
//! let request = session.request(&action, &credentials, now)?;
//! let response = send(request); // by your HTTP client
//! let answer = read_answer::<DescribeExportJobResult>(&response)?;
//! assert_eq!(answer.response.status, ExportStatus::Running);
//! assert_eq!(answer.response.progress, Some(42.5));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The feature `serde` adds saving, resuming, recording and replaying a wait, and intents to create
//! a job ([`Creation`]). Tested with Rust 1.95.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![no_std]

extern crate alloc;

pub mod actions;
mod answer;
mod budget;
#[cfg(feature = "serde")]
mod creation;
mod credentials;
pub mod download;
mod endpoint;
mod error;
pub mod header;
mod json;
mod limits;
mod response_error;
mod retry;
mod session;
pub mod signing;
pub mod text;
mod time;
pub mod wait;

#[cfg(feature = "serde")]
pub use self::creation::Creation;
pub use self::{
    actions::JobId,
    answer::{ANSWER_LIMIT, Answer, read_answer, read_object},
    budget::{RateBudget, Ticket},
    credentials::Credentials,
    download::DownloadUrl,
    endpoint::Endpoint,
    error::{BuildError, Field, Reason, TransportErrorKind},
    header::Language,
    limits::{AddressPolicy, Limits, Network},
    response_error::{Advice, ApiError, ErrorCode, ResponseError, ResponseErrorKind},
    session::{Prepared, Session},
    time::{ClockOffset, Mono, Now, Wall},
};
