#![cfg_attr(docsrs, feature(doc_cfg))]
// The examples need both clients.
#![cfg_attr(
    any(not(doctest), all(feature = "hyper", feature = "ureq")),
    doc = include_str!("../README.md")
)]
#![cfg_attr(
    all(doctest, not(all(feature = "hyper", feature = "ureq"))),
    doc = "Creates, follows and downloads exports of Tencent Container Security Service."
)]

/// The state machines without I/O, for a loop of your own: signing, answers, waits, downloads.
#[doc(no_inline)]
pub use tcss_export_core as core;
#[doc(inline)]
pub use tcss_export_core::{Credentials, DownloadUrl, Endpoint, JobId, Language, Session, signing};
#[doc(inline)]
pub use tcss_export_driver::{CredentialSource, Source, Target};
/// The async client over hyper (feature `hyper`).
#[cfg(feature = "hyper")]
pub use tcss_export_hyper as hyper;
/// The async client over reqwest (feature `reqwest`).
#[cfg(feature = "reqwest")]
pub use tcss_export_reqwest as reqwest;
/// The blocking client over ureq (feature `ureq`).
#[cfg(feature = "ureq")]
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
            DescribeExportJobResultResponse, ExportJobInfo, ExportStatus, RunTimeFilter,
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
        HEAD_LIMIT, HEADERS_LIMIT, IDLE_LIMIT, Proxies, ResourceLimit, Transport, TransportError,
        TunnelError, Wait, Worker, async_fn, blocking, blocking_fn, clock,
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
