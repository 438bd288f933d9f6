use alloc::{boxed::Box, string::String};
use core::{fmt, str::FromStr};

use serde::Serialize;

use crate::error::{BuildError, Field, Reason};

/// The id of an export job: an opaque text, of which only the empty one is refused.
///
/// The service gives UUIDs, numbers and other texts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize), serde(try_from = "String"))]
pub struct JobId(Box<str>);

impl JobId {
    /// Creates a job id.
    ///
    /// # Errors
    ///
    /// [`Reason::Empty`] for [`Field::JobId`].
    pub fn new(id: impl Into<String>) -> Result<Self, BuildError> {
        let id = id.into();
        if id.is_empty() {
            return Err(BuildError::new(Field::JobId, Reason::Empty));
        }
        Ok(Self(id.into_boxed_str()))
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        crate::text::brief(&self.0).fmt(f)
    }
}

impl FromStr for JobId {
    type Err = BuildError;

    fn from_str(id: &str) -> Result<Self, BuildError> {
        Self::new(id)
    }
}

impl TryFrom<String> for JobId {
    type Error = BuildError;

    fn try_from(id: String) -> Result<Self, BuildError> {
        Self::new(id)
    }
}
