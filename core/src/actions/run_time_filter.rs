use alloc::{string::String, vec::Vec};

use serde::Serialize;

/// One condition on what an action lists or exports, the service's `RunTimeFilters`.
///
/// Which names and values mean something depends on the action.
///
/// Service page: [data types](https://www.tencentcloud.com/document/product/1163/52928).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
#[non_exhaustive]
pub struct RunTimeFilter {
    /// What is compared.
    pub name: String,
    /// What it is compared with.
    pub values: Vec<String>,
    /// Whether values must match as a whole. The service's note on this member speaks of a fuzzy
    /// query, so it is sent only if it is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exact_match: Option<bool>,
}

impl RunTimeFilter {
    /// Creates a condition that leaves the way of matching to the service.
    ///
    /// ```
    /// use tcss_export_core::RunTimeFilter;
    ///
    /// let failed = RunTimeFilter::new("ExportStatus", ["FAILURE"]);
    /// assert_eq!(failed.exact_match, None);
    /// ```
    pub fn new(name: impl Into<String>, values: impl IntoIterator<Item: Into<String>>) -> Self {
        let values = values.into_iter().map(Into::into).collect();
        Self { name: name.into(), values, exact_match: None }
    }

    /// Sets whether values must match as a whole.
    #[must_use]
    pub const fn with_exact_match(mut self, exact_match: bool) -> Self {
        self.exact_match = Some(exact_match);
        self
    }
}
