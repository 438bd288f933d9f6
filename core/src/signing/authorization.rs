use alloc::string::String;

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
    with_signature(&authorization_head(credentials, scope, signed_headers), signature)
}

/// Returns the value up to the signature.
pub(crate) fn authorization_head(
    credentials: &Credentials,
    scope: &CredentialScope<'_>,
    signed_headers: &str,
) -> String {
    let text = [
        ALGORITHM,
        " Credential=",
        credentials.secret_id(),
        "/",
        scope.date(),
        "/",
        scope.service(),
        "/",
        TERMINATOR,
        ", SignedHeaders=",
        signed_headers,
        ", Signature=",
    ];
    text.concat()
}

/// Appends the signature to the result of [`authorization_head`].
pub(crate) fn with_signature(head: &str, signature: &Signature) -> Result<HeaderValue, BuildError> {
    let text = [head.as_bytes(), signature.as_bytes()].concat();
    let mut value = HeaderValue::try_from(text)
        .map_err(|_| BuildError::new(Field::Service, Reason::InvalidCharacter))?;
    value.set_sensitive(true);
    Ok(value)
}
