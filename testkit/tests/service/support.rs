//! A client of a few lines, with signing code of its own.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use tcss_export_testkit::{Builder, Clock, Service};

pub(crate) const ID: &str = "AKIDEXAMPLE";
pub(crate) const KEY: &str = "EXAMPLEKEY";
/// The service's time: 2023-11-14T22:13:20Z.
pub(crate) const NOW: i64 = 1_700_000_000;

/// Returns a service whose clock stands at [`NOW`] and which knows [`ID`].
pub(crate) fn service() -> Builder {
    Service::builder().key(ID, KEY).clock(Clock::fixed(NOW))
}

/// A call that a service would accept, until something in it is changed.
pub(crate) struct Call {
    pub(crate) method: &'static str,
    pub(crate) target: &'static str,
    pub(crate) action: &'static str,
    pub(crate) id: &'static str,
    pub(crate) key: &'static str,
    pub(crate) timestamp: i64,
    pub(crate) date: &'static str,
    pub(crate) service: &'static str,
    pub(crate) signed_headers: &'static str,
    pub(crate) payload: Option<&'static str>,
    pub(crate) body: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) without: Vec<&'static str>,
}

impl Call {
    pub(crate) fn job(job: &str) -> Self {
        Self::action("DescribeExportJobResult", format!(r#"{{"JobId":"{job}"}}"#))
    }

    pub(crate) fn action(action: &'static str, body: impl Into<String>) -> Self {
        Self {
            method: "POST",
            target: "/",
            action,
            id: ID,
            key: KEY,
            timestamp: NOW,
            date: "2023-11-14",
            service: "tcss",
            signed_headers: "content-type;host;x-tc-action",
            payload: None,
            body: body.into(),
            headers: Vec::new(),
            without: Vec::new(),
        }
    }

    /// Adds a header after the call is signed.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Leaves a header out after the call is signed.
    pub(crate) fn without(mut self, name: &'static str) -> Self {
        self.without.push(name);
        self
    }

    /// Puts another value in a header's place after the call is signed.
    pub(crate) fn replace(self, name: &'static str, value: &str) -> Self {
        self.without(name).with(name, value)
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut text = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        let signed = self.signed();
        let kept = signed.iter().filter(|header| !self.without.contains(&header.0.as_str()));
        for (name, value) in kept.chain(&self.headers) {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str(&format!("Content-Length: {}\r\n\r\n{}", self.body.len(), self.body));
        text.into_bytes()
    }

    fn signed(&self) -> Vec<(String, String)> {
        let timestamp = self.timestamp.to_string();
        let headers = [
            ("Host", "127.0.0.1"),
            ("Content-Type", "application/json"),
            ("X-TC-Action", self.action),
            ("X-TC-Version", "2020-11-01"),
            ("X-TC-Timestamp", &timestamp),
            ("Authorization", &self.authorization()),
        ];
        headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
    }

    fn authorization(&self) -> String {
        let mut signed = "content-type:application/json\nhost:127.0.0.1\n".to_owned();
        if self.signed_headers.contains("x-tc-action") {
            signed.push_str(&format!("x-tc-action:{}\n", self.action.to_lowercase()));
        }
        let hash = hex::encode(Sha256::digest(self.payload.unwrap_or(&self.body)));
        let canonical = format!("{}\n/\n\n{signed}\n{}\n{hash}", self.method, self.signed_headers);
        let scope = format!("{}/{}/tc3_request", self.date, self.service);
        let hash = hex::encode(Sha256::digest(canonical));
        let text = format!("TC3-HMAC-SHA256\n{}\n{scope}\n{hash}", self.timestamp);
        let mut key = format!("TC3{}", self.key).into_bytes();
        for part in [self.date, self.service, "tc3_request", &text] {
            let mac = Hmac::<Sha256>::new_from_slice(&key).expect("any length");
            key = mac.chain_update(part).finalize().into_bytes().to_vec();
        }
        format!(
            "TC3-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={}, Signature={}",
            self.id,
            self.signed_headers,
            hex::encode(key)
        )
    }
}

/// An answer as it came, without its connection.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> serde_json::Value {
        let body: serde_json::Value = serde_json::from_str(&self.body).expect("JSON");
        body["Response"].clone()
    }

    pub(crate) fn code(&self) -> String {
        self.json()["Error"]["Code"].as_str().unwrap_or("no error").to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let line = |line: &'_ str| line.to_lowercase().starts_with(&format!("{name}: "));
        let found = self.head.lines().find(|text| line(text));
        found.and_then(|text| text.split_once(": ")).map(|(_, value)| value)
    }
}

pub(crate) fn connect(addr: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(addr).expect("a listening service");
    // Only ends a test that would hang.
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    stream
}

/// Sends bytes on a connection of their own and returns all that comes back.
pub(crate) fn exchange(addr: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = connect(addr);
    stream.write_all(bytes).expect("a reading service");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an end");
    answer
}

pub(crate) fn send(service: &Service, call: Call) -> Answer {
    let text = exchange(service.addr(), &call.with("Connection", "close").bytes());
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    Answer { head: head.to_owned(), body: body.to_owned() }
}
