use alloc::string::String;
use core::fmt;

use zeroize::Zeroizing;

use crate::error::{BuildError, Field, Reason};

/// A key pair and its token. One set signs one request.
///
/// The secret key and the token are zeroized on drop, and appear in no `Debug` and no error.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    secret_id: String,
    secret_key: Zeroizing<String>,
    token: Option<Zeroizing<String>>,
}

impl Credentials {
    /// Creates credentials without a token.
    ///
    /// ```
    /// use tcss_export_core::{BuildError, Credentials, Field, Reason};
    ///
    /// assert!(Credentials::new("AKIDEXAMPLE", "EXAMPLEKEY").is_ok());
    ///
    /// let error = Credentials::new("AKIDEXAMPLE", "EXAMPLEKEY\n").unwrap_err();
    /// assert_eq!((error.field(), error.reason()), (Field::SecretKey, Reason::WhiteSpace));
    /// ```
    ///
    /// # Errors
    ///
    /// For [`Field::SecretId`] or [`Field::SecretKey`]: [`Reason::Empty`],
    /// [`Reason::WhiteSpace`] for white space and control characters, and
    /// [`Reason::InvalidCharacter`] for anything else outside ASCII, and for `/` and `,` in the id,
    /// which are separators in the `Authorization` header.
    pub fn new(
        secret_id: impl Into<String>,
        secret_key: impl Into<String>,
    ) -> Result<Self, BuildError> {
        let secret_id = secret_id.into();
        let secret_key = Zeroizing::new(secret_key.into());
        visible(&secret_id, Field::SecretId)?;
        if secret_id.contains(['/', ',']) {
            return Err(BuildError::new(Field::SecretId, Reason::InvalidCharacter));
        }
        visible(&secret_key, Field::SecretKey)?;
        Ok(Self { secret_id, secret_key, token: None })
    }

    /// Adds the token of temporary credentials; an empty one counts as none.
    ///
    /// # Errors
    ///
    /// For [`Field::Token`]: [`Reason::WhiteSpace`] and [`Reason::InvalidCharacter`] as in
    /// [`Credentials::new`].
    ///
    /// # Examples
    ///
    /// ```
    /// use tcss_export_core::Credentials;
    ///
    /// let temporary = Credentials::new("AKIDEXAMPLE", "EXAMPLEKEY")?.with_token("EXAMPLETOKEN")?;
    /// assert_eq!(temporary.token(), Some("EXAMPLETOKEN"));
    /// # Ok::<(), tcss_export_core::BuildError>(())
    /// ```
    pub fn with_token(mut self, token: impl Into<String>) -> Result<Self, BuildError> {
        let token = Zeroizing::new(token.into());
        self.token = None;
        if !token.is_empty() {
            visible(&token, Field::Token)?;
            self.token = Some(token);
        }
        Ok(self)
    }

    /// Returns the public half of the key pair.
    pub fn secret_id(&self) -> &str {
        &self.secret_id
    }

    /// Returns the secret half of the key pair, which no log may contain.
    pub fn secret_key(&self) -> &str {
        &self.secret_key
    }

    /// Returns the token of temporary credentials, which no log may contain.
    pub fn token(&self) -> Option<&str> {
        self.token.as_ref().map(|token| token.as_str())
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("secret_id", &self.secret_id)
            .field("has_token", &self.token.is_some())
            .finish_non_exhaustive()
    }
}

fn visible(text: &str, field: Field) -> Result<(), BuildError> {
    let reason = if text.is_empty() {
        Reason::Empty
    } else if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        Reason::WhiteSpace
    } else if !text.is_ascii() {
        Reason::InvalidCharacter
    } else {
        return Ok(());
    };
    Err(BuildError::new(field, reason))
}
