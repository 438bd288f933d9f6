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
#[cfg(feature = "ureq")]
pub use tcss_export_ureq as ureq;
