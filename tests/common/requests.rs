//! Requests that a test server has recorded, parsed without any HTTP library.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use tcss_export_testkit::wire::WireServer;

#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) line: String,
    /// Their names are in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    fn of(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|w| w == b"\r\n\r\n").expect("the end of the head");
        let head = String::from_utf8(bytes[..end].to_vec()).expect("a head of text");
        let (line, headers) = head.split_once("\r\n").expect("a request line");
        let split = |header: &str| {
            let (name, value) = header.split_once(": ").expect("name and value");
            (name.to_ascii_lowercase(), value.to_owned())
        };
        Self {
            line: line.into(),
            headers: headers.split("\r\n").map(split).collect(),
            body: bytes[end + 4..].to_vec(),
        }
    }

    /// Returns all values of a header.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let named = self.headers.iter().filter(|(known, _)| known == name);
        named.map(|(_, value)| value.as_str()).collect()
    }

    /// Returns the values of Range and If-Range, and fails if either is repeated.
    pub(crate) fn range(&self) -> (Option<&str>, Option<&str>) {
        (self.sole("range"), self.sole("if-range"))
    }

    fn sole(&self, name: &str) -> Option<&str> {
        let values = self.all(name);
        assert!(values.len() <= 1, "{name}: {values:?}");
        values.first().copied()
    }
}

pub(crate) fn requests(server: &WireServer) -> Vec<Request> {
    server.requests().iter().map(|bytes| Request::of(bytes)).collect()
}

/// Returns the only request that has arrived.
#[track_caller]
pub(crate) fn only_request(server: &WireServer) -> Request {
    let mut requests = requests(server);
    assert_eq!(requests.len(), 1, "requests on the wire");
    requests.remove(0)
}
