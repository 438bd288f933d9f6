//! A small client with signing code of its own.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use tcss_export_testkit::{Builder, Clock, DownloadFaults, SeenAnswer, ServedFile, Service};

pub(crate) const ID: &str = "AKIDEXAMPLE";
pub(crate) const KEY: &str = "EXAMPLEKEY";
/// The service's time: 2023-11-14T22:13:20Z.
pub(crate) const NOW: i64 = 1_700_000_000;

/// Returns a service with a clock fixed at [`NOW`] and the key [`ID`].
pub(crate) fn service() -> Builder {
    Service::builder().key(ID, KEY).clock(Clock::fixed(NOW))
}

/// A call that a service accepts unless a test changes it.
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

    /// Adds a header after signing.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Removes a header after signing.
    pub(crate) fn without(mut self, name: &'static str) -> Self {
        self.without.push(name);
        self
    }

    /// Replaces the value of a header after signing.
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

    pub(crate) fn authorization(&self) -> String {
        let mut signed = "content-type:application/json\nhost:127.0.0.1\n".to_owned();
        let further = [
            ("x-tc-action", self.action.to_lowercase()),
            ("x-tc-timestamp", self.timestamp.to_string()),
            ("x-tc-version", "2020-11-01".to_owned()),
        ];
        for (name, value) in further.iter().filter(|header| self.signed_headers.contains(header.0))
        {
            signed.push_str(&format!("{name}:{value}\n"));
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

/// A complete answer.
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
    // Ends a test that would hang.
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    stream
}

/// Sends bytes on a new connection and returns all bytes of the answer.
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

/// The file of most downloads: the input of the checksum's check value, then all byte values.
pub(crate) fn content() -> Vec<u8> {
    b"123456789".iter().copied().chain(0..=255).collect()
}

/// Starts a service with [`content`] as its file.
pub(crate) fn serving(faults: &str) -> Service {
    let faults = faults.parse::<DownloadFaults>().expect(faults);
    let file = ServedFile::bytes("r 1.csv", content());
    service().file(file).download_faults(faults).start().expect("a service")
}

/// An answer of the storage.
#[derive(Debug)]
pub(crate) struct Download {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Download {
    pub(crate) fn status(&self) -> &str {
        self.head.split(' ').nth(1).expect("a status")
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let line = self.head.lines().find(|line| line.to_lowercase().starts_with(name));
        line.and_then(|line| line.split_once(": ")).map(|(_, value)| value)
    }

    /// Returns the text of an element of an XML body.
    pub(crate) fn element(&self, name: &str) -> &str {
        let text = str::from_utf8(&self.body).expect("XML");
        let (_, rest) = text.split_once(&format!("<{name}>")).expect(text);
        rest.split_once(&format!("</{name}>")).expect(text).0
    }
}

/// Returns the target of a new URL.
pub(crate) fn target(service: &Service) -> String {
    target_of(service, &service.file_url().expect("a file"))
}

pub(crate) fn target_of(service: &Service, url: &str) -> String {
    url.strip_prefix(&service.url()).expect(url).to_owned()
}

/// Sends a request to the storage, with further headers, and reads to the end of the connection.
pub(crate) fn download(service: &Service, request: &str, headers: &str) -> Download {
    let mut stream = connect(service.addr());
    let head = format!("{request} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all(head.as_bytes()).expect("a reading service");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an end");
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
    let head = String::from_utf8(answer[..end].to_vec()).expect("text");
    Download { head, body: answer[end + 4..].to_vec() }
}

/// Downloads the file from a new URL.
pub(crate) fn get(service: &Service, headers: &str) -> Download {
    download(service, &format!("GET {}", target(service)), headers)
}

/// Returns the recorded answer to the last request.
pub(crate) fn last_answer(service: &Service) -> SeenAnswer {
    service.seen().last().expect("a request").answer.clone()
}
