//! A download under any sequence of operations never panics, reports the number of bytes written,
//! and discards bytes only if it starts over. A file that it calls complete has the checksum that
//! the server named and, from a server that keeps to HTTP, the bytes of exactly one version.
//!
//! The first line of the input is the URL, a tab and options: `p` for a pipe, `u` for new URLs, `c`
//! to require a checksum, `l` and `n` to allow loopback and private networks. Each further line is
//! one operation: `s` starts a request, `h` is the head of an answer (status and headers, separated
//! by tabs), `b` a piece of its body, `e` its end, `a` abandons the request, `u` is a new URL, `n`
//! the lack of one, `t` lets time pass, and `k` is part metadata with the bytes of the part. `v`
//! sets the version that the server has and how it answers, `r` is its answer, `p` the next bytes
//! of its body, and `c` a crash that leaves this number of bytes behind.
#![no_main]

use std::{net::IpAddr, ops::Range, sync::LazyLock, time::Duration};

use crc::{CRC_64_XZ, Crc, Table};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, response::Parts};
use libfuzzer_sys::fuzz_target;
use tcss_export_core::{
    AddressPolicy, ClockOffset, DownloadUrl, Limits, Mono, Now, TransportErrorKind, Wall,
    download::{Download, EventKind, Opening, Part, PartMetadata, Policy, Received, Step},
};

fuzz_target!(|input: &[u8]| {
    let mut lines = input.split(|byte| *byte == b'\n');
    let Some(mut machine) = lines.next().and_then(Machine::new) else { return };
    for line in lines.take(200) {
        let Some((operation, rest)) = line.split_first() else { continue };
        machine.operate(*operation, rest);
        machine.check();
    }
    machine.finish();
});

/// A download, the target that it writes to and the server that it reads from.
struct Machine {
    download: Download,
    policy: Policy,
    url: String,
    now: Duration,
    sink: Vec<u8>,
    /// The part metadata that a crash leaves behind, and the checksum that must be in it.
    saved: (Option<String>, Option<u64>),
    can_restart: bool,
    has_new_urls: bool,
    has_started: bool,
    /// The number of bytes after the previous operation.
    counted: u64,
    server: Server,
    request: Request<()>,
    /// The rest of the body that the server is sending.
    sending: Option<(u8, Range<usize>)>,
    /// The checksum that the answers in the sink have named.
    named_crc64: Option<u64>,
    /// Each byte so far came from the server, and its tags identify the versions.
    is_honest: bool,
}

const SIZE_LIMIT: usize = 1 << 10;
const TOTAL_LIMIT: Duration = Duration::from_secs(200);

impl Machine {
    fn new(line: &[u8]) -> Option<Self> {
        let text = str::from_utf8(line).ok()?;
        let (url, options) = text.split_once('\t').unwrap_or((text, ""));
        let mut policy = Policy::default();
        policy.allow_http = true;
        policy.size_limit = Some(SIZE_LIMIT as u64);
        policy.total_limit = Some(TOTAL_LIMIT);
        policy.require_crc64 = options.contains('c');
        policy.allow_loopback = options.contains('l');
        if options.contains('n') {
            policy.private_networks = AddressPolicy::TENCENT_NETWORKS.into();
        }
        let (can_restart, has_new_urls) = (!options.contains('p'), options.contains('u'));
        Some(Self {
            download: download(url, &policy, can_restart, has_new_urls)?,
            policy,
            url: url.to_owned(),
            now: Duration::ZERO,
            sink: vec![],
            saved: (None, None),
            can_restart,
            has_new_urls,
            has_started: false,
            counted: 0,
            server: Server::default(),
            request: Request::new(()),
            sending: None,
            named_crc64: None,
            is_honest: true,
        })
    }

    fn operate(&mut self, operation: u8, rest: &[u8]) {
        match operation {
            b's' => self.start(),
            b'h' => self.raw_head(rest),
            b'b' => self.raw_body(rest),
            b'e' => self.ended(rest),
            b'a' => self.download.abandon(),
            b'u' => self.new_url(rest),
            b'n' => {
                self.download.no_new_url(self.mono());
            }
            b't' => self.now += Duration::from_millis(u64::from(number(rest))),
            b'k' if !self.has_started => self.resume(rest),
            b'v' => self.server = Server::new(rest),
            b'r' => self.answer(),
            b'p' => self.piece(number(rest) as usize),
            b'c' if self.can_restart => self.crash(number(rest) as usize),
            _ => {}
        }
    }

    fn mono(&self) -> Mono {
        Mono::from_origin(self.now)
    }

    fn start(&mut self) {
        self.has_started = true;
        let now = Now { wall: Wall::from_unix_seconds(1_699_979_400), mono: self.mono() };
        let Ok(request) = self.download.start(now, ClockOffset::default()) else { return };
        self.sending = None;
        self.check_address(&request);
        let (_, rest) = self.url.split_once("://").expect("a URL");
        let path = &rest[rest.find(['/', '?']).unwrap_or(rest.len())..];
        let slash = if path.starts_with('/') { "" } else { "/" };
        let target = request.uri().path_and_query().map(|target| target.to_string());
        assert_eq!(target, Some(format!("{slash}{path}")));
        let headers = request.headers();
        assert!(headers.contains_key("host") && headers["accept-encoding"] == "identity");
        match headers.get("range") {
            Some(range) => {
                // The range may begin with the last byte that was written.
                let last = self.sink.len() - 1;
                assert!([last, last + 1].iter().any(|first| *range == format!("bytes={first}-")));
                assert!(headers.contains_key("if-range") && headers.len() == 4);
            }
            None => assert_eq!(headers.len(), 2),
        }
        self.request = request;
    }

    /// An address in the URL is one that the options allow, and the transport learns so.
    fn check_address(&self, request: &Request<()>) {
        let permitted = Limits::of(request).address_policy;
        let host = request.uri().host().expect("a host").trim_matches(['[', ']']);
        let Ok(address) = host.parse::<IpAddr>() else { return };
        assert!(permitted.permits(address), "{address}");
        assert!(!address.is_loopback() || self.policy.allow_loopback, "{address}");
        if let IpAddr::V4(v4) = address {
            let is_allowed = v4.octets()[0] == 10 && !self.policy.private_networks.is_empty();
            assert!(!v4.is_private() || is_allowed, "{address}");
        }
    }

    fn raw_head(&mut self, text: &[u8]) {
        let Some(head) = head(text) else { return };
        self.is_honest &= !self.head(&head);
    }

    /// Returns whether a file follows.
    fn head(&mut self, head: &Parts) -> bool {
        let opening = self.download.head(self.mono(), head);
        if opening == Opening::StartOver {
            assert!(self.can_restart);
            self.sink.clear();
        }
        let has_file = matches!(opening, Opening::StartOver | Opening::Append);
        if has_file {
            let known = self.named_crc64.filter(|_| !self.sink.is_empty());
            self.named_crc64 = named_crc64(&head.headers).or(known);
        }
        if opening == Opening::StartOver {
            let metadata = self.download.metadata().map(|metadata| metadata.to_text());
            self.saved = (metadata, self.named_crc64);
        }
        has_file
    }

    fn answer(&mut self) {
        let (head, range) = self.server.answer(self.request.headers());
        if self.head(&head) {
            self.is_honest &= self.server.is_honest();
            self.sending = Some((self.server.version, range));
        }
    }

    fn raw_body(&mut self, bytes: &[u8]) {
        self.is_honest &= !self.body(bytes);
    }

    fn piece(&mut self, length: usize) {
        let Some((version, range)) = self.sending.take() else { return };
        let end = range.end.min(range.start.saturating_add(length));
        self.sending = Some((version, end..range.end));
        self.body(&VERSIONS[usize::from(version)][range.start..end]);
    }

    /// Returns whether bytes of the file were written or skipped.
    fn body(&mut self, bytes: &[u8]) -> bool {
        match self.download.body(self.mono(), bytes) {
            Received::Write(written) => {
                assert!(bytes.ends_with(written) && self.now < TOTAL_LIMIT);
                self.sink.extend_from_slice(written);
                assert!(written.is_empty() || self.sink.len() <= SIZE_LIMIT);
                !bytes.is_empty()
            }
            Received::Nothing | Received::Drop => false,
        }
    }

    fn ended(&mut self, text: &[u8]) {
        let end = match text.first() {
            // The transport notices that the server has more to send.
            None if self.sending.take().is_some_and(|(_, left)| !left.is_empty()) => {
                Err(TransportErrorKind::Truncated)
            }
            None => Ok(()),
            Some(b'c') => Err(TransportErrorKind::Connection),
            Some(b't') => Err(TransportErrorKind::Timeout),
            Some(b'p') => Err(TransportErrorKind::Permanent),
            Some(b'l') => Err(TransportErrorKind::TooLarge),
            Some(_) => Err(TransportErrorKind::Truncated),
        };
        self.sending = None;
        let event = self.download.ended(self.mono(), end);
        assert_eq!((event.bytes, event.total), (self.download.bytes(), self.download.total()));
    }

    fn new_url(&mut self, text: &[u8]) {
        let Some(text) = str::from_utf8(text).ok().filter(|text| !text.is_empty()) else { return };
        let url = DownloadUrl::new(text).expect("not empty");
        let event = self.download.new_url(self.mono(), url);
        if event.kind == EventKind::NewUrl {
            text.clone_into(&mut self.url);
            self.check_secret();
        }
    }

    fn resume(&mut self, text: &[u8]) {
        let at = text.iter().rposition(|byte| *byte == b'\t').unwrap_or(text.len());
        let Some(metadata) = str::from_utf8(&text[..at]).ok().and_then(PartMetadata::from_text)
        else {
            return;
        };
        assert_eq!(PartMetadata::from_text(&metadata.to_text()).as_ref(), Some(&metadata));
        let mut part = Part::new(metadata);
        let bytes = text.get(at + 1..).unwrap_or_default();
        part.read(bytes);
        let before = self.download.bytes();
        self.download.resume(part);
        if self.download.bytes() != before {
            self.sink = bytes.to_vec();
        }
        self.is_honest = false;
    }

    /// Ends the download and resumes with what lies on the disk.
    fn crash(&mut self, length: usize) {
        if matches!(self.download.step(self.mono()), Step::Done(_)) {
            return;
        }
        let (can_restart, has_new_urls) = (self.can_restart, self.has_new_urls);
        let download = download(&self.url, &self.policy, can_restart, has_new_urls);
        self.download = download.expect("accepted before");
        if let Some(metadata) = self.saved.0.as_deref().and_then(PartMetadata::from_text) {
            let mut part = Part::new(metadata);
            let length = length.min(part.limit() as usize).min(self.sink.len());
            part.read(&self.sink[..length]);
            self.download.resume(part);
        }
        self.sink.truncate(self.download.bytes() as usize);
        (self.counted, self.sending) = (self.download.bytes(), None);
        self.named_crc64 = self.saved.1;
    }

    fn check(&mut self) {
        let bytes = self.download.bytes();
        assert!(bytes >= self.counted || bytes == 0, "a download discards all bytes or none");
        self.counted = bytes;
        // Discarded bytes stay in the target until new ones arrive.
        let is_counted = bytes == self.sink.len() as u64 || (bytes == 0 && self.can_restart);
        assert!(
            is_counted,
            "the download counts {bytes} bytes, the target has {}",
            self.sink.len()
        );
        let now = self.mono();
        match self.download.clone().step(now) {
            Step::WaitUntil(moment) => assert!(moment > now),
            Step::Done(Err(error)) => assert!(!error.to_string().contains(char::is_control)),
            _ => {}
        }
    }

    fn check_secret(&self) {
        let Some((open, query)) = self.url.split_once('?') else { return };
        let shown = format!("{:?}", self.download);
        // Short words may occur by chance.
        let words = query.split(|c: char| !c.is_alphanumeric()).filter(|word| word.len() >= 12);
        for word in words.filter(|word| !open.contains(word)) {
            assert!(!shown.contains(word), "{shown}");
        }
    }

    fn finish(self) {
        self.check_secret();
        let sink = self.sink;
        let Ok(downloaded) = self.download.finish() else { return };
        assert_eq!(downloaded.bytes, sink.len() as u64);
        assert_eq!(downloaded.report.total, Some(downloaded.bytes));
        assert_eq!(downloaded.crc64, CRC64.checksum(&sink));
        assert!(downloaded.verified || !self.policy.require_crc64);
        if let Some(named) = self.named_crc64 {
            assert!(downloaded.verified && named == downloaded.crc64, "{named}");
        }
        assert!(!self.is_honest || VERSIONS.contains(&sink), "{downloaded:?}");
        if let Some(name) = &downloaded.report.suggested_name {
            assert!(!name.is_empty() && !name.starts_with('.'));
            assert!(!name.contains(['/', '\\', ':']) && !name.contains(char::is_control));
        }
    }
}

fn download(url: &str, policy: &Policy, can_restart: bool, has_new_urls: bool) -> Option<Download> {
    let url = DownloadUrl::new(url)?;
    let download = Download::new(url, policy, 7, Mono::default()).ok()?;
    let download = if can_restart { download } else { download.without_restart() };
    Some(if has_new_urls { download.with_new_urls() } else { download })
}

/// The versions of the file. No two have the same byte anywhere, and the first two have one length.
static VERSIONS: LazyLock<[Vec<u8>; 3]> = LazyLock::new(|| {
    [(0, 600), (1, 600), (2, 400)].map(|(version, length)| {
        (0..length).map(|at: usize| (at % 83) as u8 * 3 + version).collect()
    })
});

static CRC64: Crc<u64, Table<16>> = Crc::<u64, Table<16>>::new(&CRC_64_XZ);

/// A server that has one version of the file and answers as HTTP says, with settings.
#[derive(Default)]
struct Server {
    version: u8,
    names_crc64: bool,
    /// Sends no length, and no total length of ranges.
    hides_length: bool,
    /// Sends this tag for every version.
    tag: Option<&'static str>,
    has_weak_tags: bool,
    ignores_range: bool,
    ignores_if_range: bool,
    sends_short_ranges: bool,
}

impl Server {
    fn new(settings: &[u8]) -> Self {
        let is_set = |letter| settings.contains(&letter);
        Self {
            version: settings.first().map_or(0, |letter| letter % 3),
            names_crc64: is_set(b'c'),
            hides_length: is_set(b'h'),
            tag: is_set(b't').then_some("same"),
            has_weak_tags: is_set(b'w'),
            ignores_range: is_set(b'r'),
            ignores_if_range: is_set(b'i'),
            sends_short_ranges: is_set(b's'),
        }
    }

    /// Returns whether equal tags mean equal bytes.
    const fn is_honest(&self) -> bool {
        self.tag.is_none()
    }

    fn answer(&self, request: &HeaderMap) -> (Parts, Range<usize>) {
        let bytes = &VERSIONS[usize::from(self.version)];
        let weak = if self.has_weak_tags { "W/" } else { "" };
        let tag = self.tag.map_or_else(|| format!("v{}", self.version), str::to_owned);
        let tag = format!("{weak}\"{tag}\"");
        let mut response = Response::builder().header("etag", &tag);
        if self.names_crc64 {
            response = response.header("x-cos-hash-crc64ecma", CRC64.checksum(bytes));
        }
        let is_same = self.ignores_if_range || request.get("if-range").is_none_or(|v| *v == tag);
        let first = request.get("range").and_then(first_of_range);
        let first = first.filter(|_| is_same && !self.ignores_range);
        let (range, response) = match first {
            None => (0..bytes.len(), response.status(200)),
            Some(first) if first >= bytes.len() => {
                let range = format!("bytes */{}", bytes.len());
                (0..0, response.status(416).header("content-range", range))
            }
            Some(first) => {
                let most = if self.sends_short_ranges { 100 } else { bytes.len() };
                let range = first..bytes.len().min(first + most);
                let total = bytes.len().to_string();
                let total = if self.hides_length { "*" } else { &total };
                let text = format!("bytes {first}-{}/{total}", range.end - 1);
                (range, response.status(206).header("content-range", text))
            }
        };
        let response = match self.hides_length {
            true => response.header("transfer-encoding", "chunked"),
            false => response.header("content-length", range.len()),
        };
        (response.body(()).expect("valid headers").into_parts().0, range)
    }
}

fn first_of_range(value: &HeaderValue) -> Option<usize> {
    value.to_str().ok()?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
}

/// Reads the checksum of an accepted answer, which may name it more than once.
fn named_crc64(headers: &HeaderMap) -> Option<u64> {
    let value = headers.get("x-cos-hash-crc64ecma")?.to_str().expect("an accepted checksum");
    Some(value.trim().parse().expect("an accepted checksum"))
}

fn number(text: &[u8]) -> u32 {
    str::from_utf8(text).ok().and_then(|text| text.parse().ok()).unwrap_or(1_000)
}

fn head(text: &[u8]) -> Option<Parts> {
    let mut fields = text.split(|byte| *byte == b'\t');
    let status: u16 = str::from_utf8(fields.next()?).ok()?.parse().ok()?;
    let mut response = Response::new(());
    *response.status_mut() = status.try_into().ok()?;
    for field in fields.take(8) {
        let colon = field.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(&field[..colon]).ok()?;
        let value = HeaderValue::from_bytes(field[colon + 1..].trim_ascii()).ok()?;
        response.headers_mut().append(name, value);
    }
    Some(response.into_parts().0)
}
