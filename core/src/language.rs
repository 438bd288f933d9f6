use core::str::FromStr;

use crate::error::{BuildError, Field, Reason};

/// The language in which the service words its messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Language {
    /// `zh-CN`.
    Chinese,
    /// `en-US`.
    English,
}

impl Language {
    /// Returns the value of the header.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chinese => "zh-CN",
            Self::English => "en-US",
        }
    }
}

impl FromStr for Language {
    type Err = BuildError;

    /// # Errors
    ///
    /// [`Reason::Unknown`] for [`Field::Language`] for anything but `zh-CN` and `en-US`, in any
    /// case.
    fn from_str(text: &str) -> Result<Self, BuildError> {
        [Self::Chinese, Self::English]
            .into_iter()
            .find(|language| language.as_str().eq_ignore_ascii_case(text))
            .ok_or(BuildError::new(Field::Language, Reason::Unknown))
    }
}
