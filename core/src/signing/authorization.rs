use alloc::vec::Vec;
use core::fmt::{self, Write};

use http::HeaderValue;

use super::{ALGORITHM, CredentialScope, Signature, SignedHeaders};
use crate::{
    credentials::Credentials,
    error::{BuildError, Field, Reason},
};

/// Returns the value of the `Authorization` header, marked sensitive.
///
/// # Errors
///
/// [`Reason::InvalidCharacter`] for [`Field::Service`] if the scope's service cannot stand in a
/// header.
pub fn authorization(
    credentials: &Credentials,
    scope: &CredentialScope<'_>,
    signed_headers: &SignedHeaders,
    signature: &Signature,
) -> Result<HeaderValue, BuildError> {
    let (id, signature) = (credentials.secret_id(), signature.as_str());
    let fixed = "TC3-HMAC-SHA256 Credential=/yyyy-mm-dd//tc3_request, SignedHeaders=, Signature=";
    let names = signed_headers.as_str();
    let exact = fixed.len() + id.len() + scope.service().len() + names.len() + signature.len();
    let mut text = Bytes(Vec::with_capacity(exact));
    write!(
        text,
        "{ALGORITHM} Credential={id}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    .expect("memory takes text of any length");
    let mut value = HeaderValue::try_from(text.0)
        .map_err(|_| BuildError::new(Field::Service, Reason::InvalidCharacter))?;
    value.set_sensitive(true);
    Ok(value)
}

struct Bytes(Vec<u8>);

impl Write for Bytes {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}
