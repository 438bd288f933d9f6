//! The stages of TC3-HMAC-SHA256, each a type that can be used alone.
//!
//! [`CanonicalRequest`] ► [`StringToSign`] ► [`SigningKey`] ► [`Signature`] ► [`authorization`].
//! A [`Session`](crate::Session) runs them all. Use the stages to sign for another service, or to
//! find out where two implementations differ.
//!
//! ```
//! use tcss_export_core::{Credentials, signing::*};
//!
//! let credentials = Credentials::new("AKIDEXAMPLE", "EXAMPLEKEY")?;
//! let headers = CanonicalHeaders::new([
//!     ("content-type", "application/json"),
//!     ("host", "cvm.tencentcloudapi.com"),
//! ])?;
//! let request = CanonicalRequest::new("POST", "/", "", &headers, HexDigest::of(b"{}"));
//! let text = StringToSign::new(Timestamp::new(1_551_113_065)?, "cvm", request.hash());
//! let signature = SigningKey::derive(&credentials, &text.scope()).sign(&text);
//! let value = authorization(&credentials, &text.scope(), headers.names(), &signature)?;
//! assert!(value.is_sensitive());
//! # Ok::<(), tcss_export_core::BuildError>(())
//! ```
//!
//! Rules: [Signature v3](https://www.tencentcloud.com/document/product/1163/52898).

mod authorization;
mod canonical_request;
mod signing_key;
mod string_to_sign;

pub use self::{
    authorization::authorization,
    canonical_request::{CanonicalHeaders, CanonicalRequest, HexDigest},
    signing_key::{Signature, SigningKey},
    string_to_sign::{ALGORITHM, CredentialScope, StringToSign, Timestamp},
};
pub(crate) use self::{
    authorization::{authorization_head, with_signature},
    canonical_request::{SESSION_HEADERS, request_hash},
};
