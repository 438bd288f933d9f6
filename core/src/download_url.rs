use alloc::string::String;
use core::fmt;

use crate::text::printable;

/// The presigned URL of an exported file.
///
/// Whoever has it can fetch the file, so `Debug` and `Display` hide its query; only
/// [`as_str`](Self::as_str) gives all of it, character for character as the service sent it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct DownloadUrl(String);

impl DownloadUrl {
    /// Creates a URL from the text of an answer; an empty one is none.
    ///
    /// ```
    /// use tcss_export_core::DownloadUrl;
    ///
    /// let url = DownloadUrl::new("https://h.example/a.csv?q-signature=EXAMPLE").unwrap();
    /// assert_eq!(url.to_string(), "https://h.example/a.csv?...");
    /// assert_eq!(DownloadUrl::new(""), None);
    /// ```
    #[must_use]
    pub fn new(url: impl Into<String>) -> Option<Self> {
        let url = url.into();
        (!url.is_empty()).then_some(Self(url))
    }

    /// Returns the whole URL, its secret query included.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the whole URL, its secret query included.
    #[must_use]
    pub fn into_string(self) -> String {
        self.0
    }
}

impl fmt::Display for DownloadUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let open = self.0.split(['?', '#']).next().unwrap_or_default();
        // Whatever else it is, its parts cannot be told apart.
        let Some((scheme, rest)) = open.split_once("://") else { return f.write_str("...") };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        // A user part would be a password.
        let host = authority.rsplit('@').next().unwrap_or_default();
        write!(f, "{}://{}{}", printable(scheme), printable(host), printable(path))?;
        if open.len() < self.0.len() { f.write_str("?...") } else { Ok(()) }
    }
}

impl fmt::Debug for DownloadUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DownloadUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    fn shown(url: &str) -> String {
        DownloadUrl::new(url).unwrap().to_string()
    }

    #[test]
    fn query_fragment_and_user_part_are_hidden() {
        assert_eq!(
            shown("https://h.example/a%2Fb.csv?sign=EXAMPLE"),
            "https://h.example/a%2Fb.csv?..."
        );
        assert_eq!(shown("https://h.example/a#EXAMPLE"), "https://h.example/a?...");
        assert_eq!(shown("https://u:EXAMPLE@h.example/a"), "https://h.example/a");
        assert_eq!(shown("https://h.example?EXAMPLE"), "https://h.example?...");
    }

    #[test]
    fn what_is_no_url_is_not_shown() {
        for text in ["h.example/a?EXAMPLE://x/y", "//u:EXAMPLE@h/x", "https:/u:EXAMPLE@h/a"] {
            assert_eq!(shown(text), "...");
        }
    }

    #[test]
    fn url_without_a_query_is_shown_whole() {
        assert_eq!(shown("http://1.2.3.4/result.csv"), "http://1.2.3.4/result.csv");
    }
}
