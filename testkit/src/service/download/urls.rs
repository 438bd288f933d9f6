use std::collections::BTreeMap;

/// The URLs of a file: they look signed and are known by their whole text.
pub(super) struct Urls {
    base: String,
    path: String,
    window: u32,
    /// Until when each target holds, in unix seconds.
    handed_out: BTreeMap<String, i64>,
}

/// How a target stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Good,
    Expired,
    /// Nobody got it like this.
    Unknown,
}

impl Urls {
    pub(super) fn new(base: String, name: &str, window: u32) -> Self {
        let path = format!("/{}", encoded(name));
        Self { base, path, window, handed_out: BTreeMap::new() }
    }

    pub(super) fn set_base(&mut self, base: String) {
        self.base = base;
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Returns a URL that nobody had before.
    pub(super) fn hand_out(&mut self, now: i64) -> String {
        let end = now.saturating_add(self.window.into());
        let path = &self.path;
        let serial = self.handed_out.len() + 1;
        let target = format!(
            "{path}?q-sign-algorithm=sha1&q-ak=AKIDEXAMPLE&q-sign-time={now}%3B{end}\
             &q-key-time={now}%3B{end}&q-header-list=host&q-url-param-list=\
             &q-signature=EXAMPLE{serial}",
        );
        let url = format!("{}{target}", self.base);
        self.handed_out.insert(target, end);
        url
    }

    pub(super) fn standing(&self, target: &str, now: i64) -> Standing {
        match self.handed_out.get(target) {
            Some(end) if now <= *end => Standing::Good,
            Some(_) => Standing::Expired,
            None => Standing::Unknown,
        }
    }

    /// Lets a target hold no longer.
    pub(super) fn revoke(&mut self, target: &str) {
        if let Some(end) = self.handed_out.get_mut(target) {
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
    fn a_name_is_one_part_of_a_path() {
        assert_eq!(encoded("p/q+(1) ü.csv"), "p%2Fq%2B%281%29%20%C3%BC.csv");
    }

    #[test]
    fn d2_a_url_holds_to_the_last_second_of_its_window() {
        let mut urls = Urls::new(String::new(), "f", 3600);
        let url = urls.hand_out(1_699_979_400);
        assert_eq!(urls.standing(&url, 1_699_983_000), Standing::Good);
        assert_eq!(urls.standing(&url, 1_699_983_001), Standing::Expired);
    }
}
