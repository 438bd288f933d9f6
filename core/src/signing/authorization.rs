use http::HeaderValue;

use super::{ALGORITHM, CredentialScope, Signature, string_to_sign::TERMINATOR};
use crate::{
    credentials::Credentials,
    error::{BuildError, Field, Reason},
};

/// Returns the value of the `Authorization` header, marked sensitive.
///
/// # Errors
///
/// [`Reason::InvalidCharacter`] for [`Field::Service`] if the scope's service is not a valid header
/// value.
pub fn authorization(
    credentials: &Credentials,
    scope: &CredentialScope<'_>,
    signed_headers: &str,
    signature: &Signature,
) -> Result<HeaderValue, BuildError> {
    let text: [&[u8]; 13] = [
        ALGORITHM.as_bytes(),
        b" Credential=",
        credentials.secret_id().as_bytes(),
        b"/",
        scope.date().as_bytes(),
        b"/",
        scope.service().as_bytes(),
        b"/",
        TERMINATOR.as_bytes(),
        b", SignedHeaders=",
        signed_headers.as_bytes(),
        b", Signature=",
        signature.as_bytes(),
    ];
    let mut value = HeaderValue::try_from(text.concat())
        .map_err(|_| BuildError::new(Field::Service, Reason::InvalidCharacter))?;
    value.set_sensitive(true);
    Ok(value)
}
