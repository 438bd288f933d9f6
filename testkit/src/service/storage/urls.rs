//! The presigned URLs of a file.

use std::collections::BTreeMap;

/// The URLs of a file: they look signed, and only their exact text is valid.
pub(crate) struct Urls {
    base: String,
    path: String,
    window: u32,
    /// The last valid second of each target, in unix time.
    ends: BTreeMap<String, i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UrlState {
    Valid,
    Expired,
    /// The storage never created a URL with this target.
    Unknown,
}

impl Urls {
    pub(super) fn new(base: String, name: &str, window: u32) -> Self {
        let path = format!("/{}", encoded(name));
        Self { base, path, window, ends: BTreeMap::new() }
    }

    pub(crate) fn set_base(&mut self, base: String) {
        self.base = base;
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Returns a new URL.
    pub(crate) fn create(&mut self, now: i64) -> String {
        let end = now.saturating_add(self.window.into());
        let path = &self.path;
        let serial = self.ends.len() + 1;
        let target = format!(
            "{path}?q-sign-algorithm=sha1&q-ak=AKIDEXAMPLE&q-sign-time={now}%3B{end}\
             &q-key-time={now}%3B{end}&q-header-list=host&q-url-param-list=\
             &q-signature=EXAMPLE{serial}",
        );
        let url = format!("{}{target}", self.base);
        self.ends.insert(target, end);
        url
    }

    pub(super) fn state(&self, target: &str, now: i64) -> UrlState {
        match self.ends.get(target) {
            Some(end) if now <= *end => UrlState::Valid,
            Some(_) => UrlState::Expired,
            None => UrlState::Unknown,
        }
    }

    pub(super) fn expire(&mut self, target: &str) {
        if let Some(end) = self.ends.get_mut(target) {
            *end = i64::MIN;
        }
    }
}

fn encoded(name: &str) -> String {
    let mut text = String::new();
    for byte in name.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                text.push(char::from(byte));
            }
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_segment_of_a_path() {
        assert_eq!(encoded("p/q+(1) ü.csv"), "p%2Fq%2B%281%29%20%C3%BC.csv");
    }

    #[test]
    fn a_url_is_valid_up_to_the_last_second_of_its_window() {
        let mut urls = Urls::new(String::new(), "f", 3600);
        let url = urls.create(1_699_979_400);
        assert_eq!(urls.state(&url, 1_699_983_000), UrlState::Valid);
        assert_eq!(urls.state(&url, 1_699_983_001), UrlState::Expired);
    }
}
