use alloc::{borrow::Cow, string::String};
use core::{fmt, str::FromStr};

use serde::Serialize;

use crate::{
    error::{BuildError, Field, Reason},
    text::brief,
};

/// The kind of assets that a compliance check looks at.
///
/// The service lists the known kinds at sibling actions only, so any other text can be given as
/// well; only the empty one is refused.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct AssetType(Cow<'static, str>);

impl AssetType {
    /// Containers.
    pub const CONTAINER: Self = Self(Cow::Borrowed("ASSET_CONTAINER"));
    /// Images.
    pub const IMAGE: Self = Self(Cow::Borrowed("ASSET_IMAGE"));
    /// Hosts.
    pub const HOST: Self = Self(Cow::Borrowed("ASSET_HOST"));
    /// Kubernetes.
    pub const K8S: Self = Self(Cow::Borrowed("ASSET_K8S"));
    /// containerd.
    pub const CONTAINERD: Self = Self(Cow::Borrowed("ASSET_CONTAINERD"));
    /// Containers of containerd.
    pub const CONTAINERD_CONTAINER: Self = Self(Cow::Borrowed("ASSET_CONTAINERD_CONTAINER"));
    /// Every kind that is known by name.
    pub const KNOWN: [Self; 6] = [
        Self::CONTAINER,
        Self::IMAGE,
        Self::HOST,
        Self::K8S,
        Self::CONTAINERD,
        Self::CONTAINERD_CONTAINER,
    ];

    /// Creates a kind from the service's text, known or not.
    ///
    /// # Errors
    ///
    /// [`Reason::Empty`] for [`Field::AssetType`].
    pub fn new(text: impl Into<String>) -> Result<Self, BuildError> {
        let text = text.into();
        if text.is_empty() {
            return Err(BuildError::new(Field::AssetType, Reason::Empty));
        }
        Ok(Self(Cow::Owned(text)))
    }

    /// Returns the service's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AssetType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        brief(&self.0).fmt(f)
    }
}

impl FromStr for AssetType {
    type Err = BuildError;

    fn from_str(text: &str) -> Result<Self, BuildError> {
        Self::new(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_text_is_the_known_kind() {
        assert_eq!("ASSET_K8S".parse(), Ok(AssetType::K8S));
    }

    #[test]
    fn empty_text_is_refused() {
        let error = AssetType::new("").unwrap_err();
        assert_eq!((error.field(), error.reason()), (Field::AssetType, Reason::Empty));
    }
}
