//! Creates compliance exports of [Tencent Container Security
//! Service](https://www.tencentcloud.com/document/product/1163), waits until they are ready and
//! downloads the files.
//!
//! It covers this one kind of job: it has no typed actions of other products, and no scheduler.
//! [`actions::Action`] adds another action of the service in a few lines.
//!
//! ```text
//! CreateExport.. ─► JobId ─► wait: signed polls, retries, a deadline ─► DownloadUrl
//!                                                                           │
//! report.csv ◄── verify length and CRC-64, rename ◄── download, resume ◄────┘
//! ```
//!
//! # A whole export
//!
//! Over ureq, on the calling thread. With [`hyper::Client`] or [`reqwest::Client`] the program is
//! the same with `.await` after `send`, `wait` and `outcome`.
//!
//! ```no_run
//! # #[cfg(feature = "ureq")] {
//! use tcss_export::actions::{AssetType, CreateExportComplianceStatusListJob};
//! use tcss_export::ureq::Client;
//! use tcss_export::{Credentials, Endpoint, Session, Source, Target};
//!
//! let session = Session::new(Endpoint::international());
//! let client = Client::new(session, Credentials::new("AKIDEXAMPLE", "EXAMPLEKEY")?);
//! let target = Target::new("report.csv");
//! target.check()?; // fails early, before a job exists
//!
//! let create = CreateExportComplianceStatusListJob::all(AssetType::HOST);
//! let job = client.send(&create)?.response.job_id;
//! let finished = client.wait(job.clone())?;
//! let source = Source::new(finished.download_url).of_job(job);
//! let downloaded = client.download(source, target)?.outcome()?;
//! println!("{} bytes, CRC-64 verified: {}", downloaded.bytes, downloaded.verified);
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where to look
//!
//! | to | see |
//! | --- | --- |
//! | choose an access point, a region or a language | [`Endpoint`], [`Session`] |
//! | pass keys, or a function that fetches them | [`Credentials`], [`CredentialSource`] |
//! | find keys in the environment, in files and in roles | [`credentials::Chain`] |
//! | create or list jobs | [`actions`] |
//! | set the poll interval, the deadline and the retries | [`wait::Policy`] |
//! | see each poll of a wait, or wait for many jobs | [`driver::Client::follow`], [`driver::Client::wait_all`] |
//! | save a wait and resume it in another process | [`wait::SavedWait`] |
//! | run an export as single steps of an engine or a queue | [`steps`] |
//! | set what a download accepts, and where the file goes | [`download::Policy`], [`Target`] |
//! | decide what to do on an error | [`error`] |
//! | share a rate limit, a proxy or a connection pool | [`driver::Budget`], [`driver::Proxies`], [`driver::Client`] |
//! | use your own HTTP client | [`driver::blocking_fn`], [`driver::async_fn`], [`driver::Transport`] |
//! | compare the stages of a signature | [`signing`] |
//! | write the loop yourself | [`core`] |
//!
//! The repository has a guide, a field guide to symptoms and error codes, and pages on the command
//! line, other HTTP clients and many exports.
//!
//! # Features
//!
//! None is on by default. They only add items; none changes how another one behaves.
//!
//! | feature | what it adds |
//! | --- | --- |
//! | `ureq` | [`ureq::Client`], blocking |
//! | `hyper` | [`hyper::Client`], async, on tokio or with a connector of another runtime |
//! | `reqwest` | [`reqwest::Client`], async, on tokio |
//! | `credentials` | [`credentials`]: environment, files, instance roles, roles to assume |
//! | `tower` | [`driver::Tower`]: any `tower_service::Service` over `http` types |
//! | `serde` | [`wait::SavedWait`], recordings of waits, and [`steps`] |
//! | `tracing` | spans and events of waits, exchanges and downloads, without secrets |
//!
//! Tested with Rust 1.95.

#![cfg_attr(docsrs, feature(doc_cfg))]

/// The state machines without I/O, for a loop of your own: signing, answers, waits, downloads.
#[doc(no_inline)]
pub use tcss_export_core as core;
#[doc(inline)]
pub use tcss_export_core::{Credentials, DownloadUrl, Endpoint, JobId, Language, Session, signing};
#[doc(inline)]
pub use tcss_export_driver::{CredentialSource, Source, Target};
#[cfg(feature = "hyper")]
#[doc(inline)]
pub use tcss_export_hyper as hyper;
#[cfg(feature = "reqwest")]
#[doc(inline)]
pub use tcss_export_reqwest as reqwest;
#[cfg(feature = "ureq")]
#[doc(inline)]
pub use tcss_export_ureq as ureq;

/// The actions of the service, and the trait for any other one.
pub mod actions {
    #[doc(inline)]
    pub use tcss_export_core::{
        Answer,
        actions::{
            Action, AssetType, CreateExportComplianceStatusListJob,
            CreateExportComplianceStatusListJobResponse, DescribeExportJobManageList,
            DescribeExportJobManageListResponse, DescribeExportJobResult,
            DescribeExportJobResultResponse, ExportJobInfo, ExportStatus, FromResponse,
            RunTimeFilter,
        },
    };
}

/// The wait for a job: its policy, events, outcome, and saving it.
pub mod wait {
    #[doc(inline)]
    pub use tcss_export_core::wait::{
        Backoff, DelayReason, ErrorKind, Event, EventKind, Fault, Finished, Policy, Remedy, Report,
        Retries,
    };
    #[cfg(feature = "serde")]
    #[doc(inline)]
    pub use tcss_export_core::wait::{ResumeError, SavedWait};
}

/// The download of a file: its policy, events and outcome.
pub mod download {
    #[doc(inline)]
    pub use tcss_export_core::download::{
        Backoff, Downloaded, ErrorKind, Event, EventKind, Fault, Policy, Refusal, Report,
    };
}

/// The client over any HTTP library, and its building blocks.
pub mod driver {
    #[doc(inline)]
    pub use tcss_export_core::{AddressPolicy, Limits, Network, TransportErrorKind, Wall};
    #[cfg(feature = "tower")]
    #[doc(inline)]
    pub use tcss_export_driver::Tower;
    #[cfg(any(feature = "hyper", feature = "reqwest", feature = "ureq"))]
    #[doc(inline)]
    pub use tcss_export_driver::tls;
    #[doc(inline)]
    pub use tcss_export_driver::{
        AddressError, BLOCKING_THREADS, Blocking, Body, Budget, CONNECT_LIMIT, Client, Download,
        HEAD_LIMIT, HEADERS_LIMIT, IDLE_LIMIT, OwnedSend, Proxies, ResourceLimit, Transport,
        TransportError, TunnelError, Wait, Worker, async_fn, blocking, blocking_fn, clock,
    };
}

/// Credentials from the environment, files, instance roles and roles to assume (feature
/// `credentials`).
#[cfg(feature = "credentials")]
pub mod credentials {
    #[doc(inline)]
    pub use tcss_export_driver::credentials::{
        AssumeRole, Chain, ChainError, FormatError, Found, Source, SourceError, SourceErrorKind,
        TccliFile, TccliKind, parse_ini, parse_tccli,
    };
}

/// Single steps of an export, for workflow engines and job queues (feature `serde`).
#[cfg(feature = "serde")]
pub mod steps {
    #[doc(inline)]
    pub use tcss_export_driver::steps::{FetchOutcome, PollOutcome, Start, StepError, WaitState};
}

/// The errors of clients.
pub mod error {
    #[doc(inline)]
    pub use tcss_export_core::{
        Advice, BuildError, ErrorCode, Field, Reason, ResponseError, ResponseErrorKind,
    };
    #[doc(inline)]
    pub use tcss_export_driver::{DownloadError, FileError, FileErrorKind, SendError, WaitError};
}

/// Compiles the examples of the README, which need both clients.
#[cfg(all(doctest, feature = "hyper", feature = "ureq"))]
#[doc = include_str!("../README.md")]
mod readme {}

/// Compiles the examples of the guide.
#[cfg(all(
    doctest,
    feature = "credentials",
    feature = "hyper",
    feature = "serde",
    feature = "ureq"
))]
#[doc = include_str!("../docs/guide.md")]
mod guide {}

/// Compiles the examples for other HTTP clients.
#[cfg(doctest)]
#[doc = include_str!("../docs/own-client.md")]
mod own_client {}
