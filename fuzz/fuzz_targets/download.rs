//! A download under any sequence of operations never panics, counts the bytes that it has written,
//! and discards bytes only if it starts over.
//!
//! The first line of the input is the URL. Each further line is one operation: `s` starts a
//! request, `h` is the head of an answer (status and headers, separated by tabs), `b` a piece of
//! its body, `e` its end, `a` abandons the request, `u` is a new URL, `n` the lack of one, `t` lets
//! time pass, `k` is part metadata with the bytes of the part, and `o` an option.
#![no_main]

use std::time::Duration;

use http::{HeaderName, HeaderValue, Response, response::Parts};
use libfuzzer_sys::fuzz_target;
use tcss_export_core::{
    ClockOffset, DownloadUrl, Mono, Now, TransportErrorKind, Wall,
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

/// A download and the target that it writes to.
struct Machine {
    download: Download,
    url: String,
    now: Duration,
    sink: Vec<u8>,
    can_restart: bool,
    has_started: bool,
    /// The number of bytes after the previous operation.
    counted: u64,
}

const SIZE_LIMIT: usize = 1 << 10;
const TOTAL_LIMIT: Duration = Duration::from_secs(200);

impl Machine {
    fn new(line: &[u8]) -> Option<Self> {
        let text = str::from_utf8(line).ok()?;
        let mut policy = Policy::default();
        policy.allow_http = true;
        policy.size_limit = Some(SIZE_LIMIT as u64);
        policy.total_limit = Some(TOTAL_LIMIT);
        let url = DownloadUrl::new(text)?;
        let download = Download::new(url, &policy, 7, Mono::default()).ok()?;
        Some(Self {
            download,
            url: text.to_owned(),
            now: Duration::ZERO,
            sink: vec![],
            can_restart: true,
            has_started: false,
            counted: 0,
        })
    }

    fn operate(&mut self, operation: u8, rest: &[u8]) {
        match operation {
            b's' => self.start(),
            b'h' => self.head(rest),
            b'b' => self.body(rest),
            b'e' => self.ended(rest),
            b'a' => self.download.abandon(),
            b'u' => self.new_url(rest),
            b'n' => {
                self.download.no_new_url(self.mono());
            }
            b't' => self.now += Duration::from_millis(u64::from(number(rest))),
            b'k' if !self.has_started => self.resume(rest),
            b'o' if !self.has_started => self.option(rest),
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
    }

    fn head(&mut self, text: &[u8]) {
        let Some(head) = head(text) else { return };
        let opening = self.download.head(self.mono(), &head);
        if opening == Opening::StartOver {
            assert!(self.can_restart);
            self.sink.clear();
        }
    }

    fn body(&mut self, bytes: &[u8]) {
        match self.download.body(self.mono(), bytes) {
            Received::Write(written) => {
                assert!(bytes.ends_with(written) && self.now < TOTAL_LIMIT);
                self.sink.extend_from_slice(written);
                assert!(written.is_empty() || self.sink.len() <= SIZE_LIMIT);
            }
            Received::Nothing | Received::Drop => {}
        }
    }

    fn ended(&mut self, text: &[u8]) {
        let end = match text.first() {
            None => Ok(()),
            Some(b'c') => Err(TransportErrorKind::Connection),
            Some(b't') => Err(TransportErrorKind::Timeout),
            Some(b'p') => Err(TransportErrorKind::Permanent),
            Some(b'l') => Err(TransportErrorKind::TooLarge),
            Some(_) => Err(TransportErrorKind::Truncated),
        };
        let event = self.download.ended(self.mono(), end);
        assert_eq!((event.bytes, event.total), (self.download.bytes(), self.download.total()));
    }

    fn new_url(&mut self, text: &[u8]) {
        let Some(text) = str::from_utf8(text).ok().filter(|text| !text.is_empty()) else { return };
        let url = DownloadUrl::new(text).expect("not empty");
        let event = self.download.new_url(self.mono(), url);
        if event.kind == EventKind::NewUrl {
            text.clone_into(&mut self.url);
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
    }

    fn option(&mut self, text: &[u8]) {
        let download = self.download.clone();
        match text.first() {
            Some(b'p') => {
                self.can_restart = false;
                self.download = download.without_restart();
            }
            Some(b'u') => self.download = download.with_new_urls(),
            _ => {}
        }
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
        self.check_secret();
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
        let sink = self.sink;
        let Ok(downloaded) = self.download.finish() else { return };
        assert_eq!(downloaded.bytes, sink.len() as u64);
        assert_eq!(downloaded.report.total, Some(downloaded.bytes));
        if let Some(name) = &downloaded.report.suggested_name {
            assert!(!name.is_empty() && !name.starts_with('.'));
            assert!(!name.contains(['/', '\\', ':']) && !name.contains(char::is_control));
        }
    }
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
