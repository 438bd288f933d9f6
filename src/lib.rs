#![cfg_attr(docsrs, feature(doc_cfg))]
// Its examples need both clients.
#![cfg_attr(
    any(not(doctest), all(feature = "hyper", feature = "ureq")),
    doc = include_str!("../README.md")
)]
#![cfg_attr(
    all(doctest, not(all(feature = "hyper", feature = "ureq"))),
    doc = "Gets compliance reports out of Tencent Container Security Service."
)]

#[doc(inline)]
pub use tcss_export_core::*;
pub use tcss_export_driver as driver;
#[doc(inline)]
pub use tcss_export_driver::{
    Budget, CredentialSource, DownloadFailure, FileError, SendError, Source, Target,
    TransportError, WaitFailure,
};
#[cfg(feature = "hyper")]
pub use tcss_export_hyper as hyper;
#[cfg(feature = "reqwest")]
pub use tcss_export_reqwest as reqwest;
#[cfg(feature = "ureq")]
pub use tcss_export_ureq as ureq;

/// Compiles the examples of the guide.
#[cfg(all(doctest, feature = "hyper", feature = "serde", feature = "ureq"))]
#[doc = include_str!("../docs/guide.md")]
mod guide {}
