use http::{HeaderMap, HeaderValue};

use crate::{
    credentials::Credentials,
    error::{BuildError, Field, Reason},
    header,
    signing::{CredentialScope, SigningKey},
};

/// What stays the same while one set of credentials signs on one day.
#[derive(Clone)]
pub(super) struct Kept {
    credentials: Credentials,
    pub(super) scope: CredentialScope<'static>,
    pub(super) key: SigningKey,
    /// The session's headers and the token.
    pub(super) headers: HeaderMap,
}

impl Kept {
    /// Returns what is kept if it fits; the scope is the one of the moment being signed.
    pub(super) fn refresh<'k>(
        kept: &'k mut Option<Self>,
        headers: &HeaderMap,
        credentials: &Credentials,
        scope: CredentialScope<'static>,
    ) -> Result<&'k Self, BuildError> {
        let fits = |kept: &Self| kept.scope == scope && kept.credentials == *credentials;
        if !kept.as_ref().is_some_and(fits) {
            *kept = None;
        }
        match kept {
            Some(kept) => Ok(kept),
            None => Ok(kept.insert(Self::new(headers, credentials, scope)?)),
        }
    }

    fn new(
        headers: &HeaderMap,
        credentials: &Credentials,
        scope: CredentialScope<'static>,
    ) -> Result<Self, BuildError> {
        let mut headers = headers.clone();
        if let Some(token) = credentials.token() {
            let mut token = HeaderValue::from_str(token)
                .map_err(|_| BuildError::new(Field::Token, Reason::InvalidCharacter))?;
            token.set_sensitive(true);
            headers.insert(header::X_TC_TOKEN, token);
        }
        let key = SigningKey::derive(credentials, &scope);
        Ok(Self { credentials: credentials.clone(), scope, key, headers })
    }
}
