//! Facade.
pub use tcss_export_core::*;
