//! A file server as the object store is one: a file, its entity tag and its checksum, given out by
//! the rules of RFC 9110, and what goes wrong with that.

use bytes::Bytes;
use crc::{CRC_64_XZ, Crc};
use http::{HeaderMap, Request, Response, response::Parts};
use tcss_export::SendFault;

pub(crate) const CRC64: &str = "x-cos-hash-crc64ecma";

/// A file as it is at one time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct File {
    pub(crate) bytes: Bytes,
    pub(crate) etag: Option<String>,
    pub(crate) names_crc: bool,
}

/// How one request is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Play {
    Well,
    /// No answer comes, and the transport says why.
    Unsent(SendFault),
    /// No answer comes, and nothing says so.
    Silence,
    /// The connection breaks after so many bytes of the body.
    Cut(usize),
    /// After so many bytes of the body nothing more comes.
    Stall(usize),
    /// The length is not declared, but the end of the body shows.
    Chunked,
    /// As before, and the connection breaks after so many bytes.
    ChunkedCut(usize),
    /// Neither the length nor the end of the body shows.
    Endless,
    /// One byte more comes than was declared.
    Beyond,
    /// A range is answered with the whole file.
    Whole,
    /// A range is given of whatever file there is, and all of it where it has no such range.
    AnyFile,
    /// A range begins one byte later than was asked for.
    Elsewhere,
    /// No more than so many bytes of what was asked for.
    Less(usize),
    /// As before, and the length of the file is not named.
    LessOfUnknown(usize),
    /// The whole file has another checksum than its bytes.
    WrongCrc,
    /// The bytes are in a coding.
    Gzip,
    /// There is said to be nothing of the range, if it is of this file.
    Unsatisfied,
    Redirect,
    Expired,
    Denied,
    Gone,
    /// A status, and a page that says no more.
    Status(u16),
}

/// What comes of a request.
#[derive(Debug)]
pub(crate) struct Answer {
    /// None if no answer comes.
    pub(crate) head: Option<Parts>,
    pub(crate) body: Bytes,
    pub(crate) end: End,
}

/// How an answer, or the wait for it, ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Well,
    Broken(SendFault),
    /// The transport notices nothing.
    Silence,
}

static CRC: Crc<u64> = Crc::<u64>::new(&CRC_64_XZ);

pub(crate) fn crc64(bytes: &[u8]) -> u64 {
    CRC.checksum(bytes)
}

/// The file of most tests.
pub(crate) fn digits() -> File {
    File::new("123456789")
}

impl File {
    /// Has a strong entity tag and a checksum.
    pub(crate) fn new(bytes: impl Into<Bytes>) -> Self {
        Self { bytes: bytes.into(), etag: Some("\"v1\"".into()), names_crc: true }
    }

    pub(crate) fn with_etag(mut self, etag: &str) -> Self {
        self.etag = Some(etag.into());
        self
    }

    pub(crate) fn without_etag(mut self) -> Self {
        self.etag = None;
        self
    }

    pub(crate) fn without_crc(mut self) -> Self {
        self.names_crc = false;
        self
    }

    fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn answer(&self, request: &Request<()>, play: Play) -> Answer {
        let headers = request.headers();
        match play {
            Play::Unsent(fault) => return Answer::none(End::Broken(fault)),
            Play::Silence => return Answer::none(End::Silence),
            Play::Redirect => return redirect(),
            Play::Expired => return xml(403, "AccessDenied", "Request has expired"),
            Play::Denied => return xml(403, "AccessDenied", "Access Denied."),
            Play::Gone => return xml(404, "NoSuchKey", "The specified key does not exist."),
            Play::Status(status) => return Answer::new(status, &[], "<html> a page </html>"),
            _ => {}
        }
        let asked = first_byte(headers);
        if play == Play::Unsatisfied && self.goes_by_range(headers, play) {
            return self.unsatisfied();
        }
        let mut answer = match asked.filter(|_| self.goes_by_range(headers, play)) {
            Some(first) if first >= self.len() && play != Play::AnyFile => {
                return self.unsatisfied();
            }
            Some(first) if first < self.len() => self.partial(first, self.len()),
            _ => self.whole(),
        };
        self.spoil(&mut answer, asked.unwrap_or_default(), play);
        answer
    }

    fn goes_by_range(&self, headers: &HeaderMap, play: Play) -> bool {
        let is_strong = |etag: &&String| !etag.starts_with("W/");
        let etag = self.etag.as_ref().filter(is_strong).map(|etag| etag.as_bytes());
        match play {
            Play::Whole => false,
            Play::AnyFile => true,
            _ => headers.get("if-range").is_none_or(|if_range| Some(if_range.as_bytes()) == etag),
        }
    }

    fn whole(&self) -> Answer {
        let length = self.len().to_string();
        self.with_file_headers(Answer::new(200, &[("content-length", &length)], self.bytes.clone()))
    }

    fn partial(&self, first: usize, end: usize) -> Answer {
        let range = format!("bytes {first}-{}/{}", end - 1, self.len());
        let length = (end - first).to_string();
        let headers = [("content-length", &*length), ("content-range", &range)];
        self.with_file_headers(Answer::new(206, &headers, self.bytes.slice(first..end)))
    }

    fn unsatisfied(&self) -> Answer {
        let mut answer = xml(416, "InvalidRange", "The requested range cannot be satisfied.");
        answer.set("content-range", &format!("bytes */{}", self.len()));
        answer
    }

    fn with_file_headers(&self, mut answer: Answer) -> Answer {
        if let Some(etag) = &self.etag {
            answer.set("etag", etag);
        }
        if self.names_crc {
            answer.set(CRC64, &crc64(&self.bytes).to_string());
        }
        answer
    }

    fn spoil(&self, answer: &mut Answer, asked: usize, play: Play) {
        match play {
            Play::Cut(at) => answer.cut(at, End::Broken(SendFault::Truncated)),
            Play::Stall(at) => answer.cut(at, End::Silence),
            Play::Chunked => answer.chunk(),
            Play::ChunkedCut(at) => {
                answer.chunk();
                answer.body.truncate(at);
                answer.end = End::Broken(SendFault::Connection);
            }
            Play::Endless => answer.remove("content-length"),
            Play::Beyond => answer.body = [&answer.body[..], b"+"].concat().into(),
            Play::Elsewhere if asked + 1 < self.len() => {
                *answer = self.partial(asked + 1, self.len());
            }
            Play::Less(length) | Play::LessOfUnknown(length) if answer.body.len() > length => {
                let first = self.len() - answer.body.len();
                *answer = self.partial(first, first + length);
                if matches!(play, Play::LessOfUnknown(_)) {
                    let range = format!("bytes {first}-{}/*", first + length - 1);
                    answer.set("content-range", &range);
                }
            }
            Play::WrongCrc => answer.set(CRC64, "1"),
            Play::Gzip => answer.set("content-encoding", "gzip"),
            _ => {}
        }
    }
}

impl Answer {
    pub(crate) fn new(status: u16, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Self {
        let builder = Response::builder().status(status);
        let builder =
            headers.iter().fold(builder, |builder, (name, value)| builder.header(*name, *value));
        let (head, ()) = builder.body(()).expect("a status and headers").into_parts();
        Self { head: Some(head), body: body.into(), end: End::Well }
    }

    fn none(end: End) -> Self {
        Self { head: None, body: Bytes::new(), end }
    }

    fn headers_mut(&mut self) -> &mut HeaderMap {
        &mut self.head.as_mut().expect("a head").headers
    }

    pub(crate) fn set(&mut self, name: &'static str, value: &str) {
        self.headers_mut().insert(name, value.parse().expect("a header value"));
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.set(name, value);
        self
    }

    pub(crate) fn remove(&mut self, name: &'static str) {
        self.headers_mut().remove(name);
    }

    pub(crate) fn without(mut self, name: &'static str) -> Self {
        self.remove(name);
        self
    }

    /// Lets no more than the bytes before `at` come; an answer that is not longer stays whole.
    fn cut(&mut self, at: usize, end: End) {
        if at < self.body.len() {
            self.body.truncate(at);
            self.end = end;
        }
    }

    fn chunk(&mut self) {
        self.remove("content-length");
        self.set("transfer-encoding", "chunked");
    }
}

/// Returns where a range begins; it is asked for in this one form.
fn first_byte(headers: &HeaderMap) -> Option<usize> {
    let range = headers.get("range")?.to_str().expect("ASCII");
    let first = range.strip_prefix("bytes=").and_then(|range| range.strip_suffix('-'));
    Some(first.and_then(|first| first.parse().ok()).expect("a range that has no end"))
}

/// Returns an error of the object store.
pub(crate) fn xml(status: u16, code: &str, message: &str) -> Answer {
    let body = format!(
        "<?xml version='1.0' encoding='utf-8' ?>\n<Error>\n\t<Code>{code}</Code>\n\t\
         <Message>{message}</Message>\n\t<Resource>/a.csv</Resource>\n\t\
         <RequestId>x-1</RequestId>\n\t<TraceId>t-1</TraceId>\n</Error>\n"
    );
    Answer::new(status, &[("content-type", "application/xml")], body)
}

fn redirect() -> Answer {
    Answer::new(302, &[("location", "https://other.example/a.csv?q-signature=EXAMPLE")], "")
}
