//! A file server that behaves like the object store, and its faults.

#[path = "../common/file_server.rs"]
mod file_server;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, response::Parts};
use tcss_export::driver::TransportErrorKind;

pub(crate) use file_server::{CRC64, File, crc64};

/// How the server replies to one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// As RFC 9110 demands.
    Correct,
    /// No answer; the transport reports this error.
    NoAnswer(TransportErrorKind),
    /// No answer and no error.
    Hang,
    /// The connection breaks after this many bytes of the body.
    Cut(usize),
    /// Nothing more arrives after this many bytes of the body.
    Stall(usize),
    /// Chunks instead of a declared length.
    Chunked,
    /// Chunks, and the connection breaks after this many bytes.
    ChunkedCut(usize),
    /// Neither a length nor chunks.
    NoLength,
    /// One byte more than declared.
    ExtraByte,
    /// The whole file, even to a range request.
    Whole,
    /// A range even if `If-Range` names another tag; the whole file if it has no such range.
    IgnoresIfRange,
    /// A range that starts one byte after the requested one.
    WrongRange,
    /// A range of at most this many bytes.
    ShortRange(usize),
    /// The same without the length of the file.
    ShortRangeNoTotal(usize),
    /// A wrong checksum, if the file has one.
    WrongCrc,
    NoCrc,
    Gzip,
    /// Status 416 if `If-Range` names this file.
    NotSatisfiable,
    /// Status 416 to any range request.
    AlwaysNotSatisfiable,
    RangeWithStatus200,
    Redirect,
    Expired,
    Denied,
    Gone,
    /// A status with an HTML page.
    Status(u16),
}

/// The answer to one request.
#[derive(Debug)]
pub(crate) struct Answer {
    /// `None` if no answer arrives.
    pub(crate) head: Option<Parts>,
    pub(crate) body: Bytes,
    pub(crate) end: End,
}

/// How an answer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Complete,
    Broken(TransportErrorKind),
    /// Nothing more arrives, without an error.
    Hang,
}

/// The file of most tests.
pub(crate) fn digits() -> File {
    File::new("123456789")
}

impl File {
    pub(crate) fn without_crc(mut self) -> Self {
        self.names_crc = false;
        self
    }

    pub(crate) fn answer(&self, request: &Request<()>, reply: Reply) -> Answer {
        let headers = request.headers();
        match reply {
            Reply::NoAnswer(fault) => return Answer::none(End::Broken(fault)),
            Reply::Hang => return Answer::none(End::Hang),
            Reply::Redirect => return redirect(),
            Reply::Expired => return xml(403, "AccessDenied", "Request has expired"),
            Reply::Denied => return xml(403, "AccessDenied", "Access Denied."),
            Reply::Gone => return xml(404, "NoSuchKey", "The specified key does not exist."),
            Reply::Status(status) => return Answer::new(status, &[], "<html> a page </html>"),
            _ => {}
        }
        let requested = first_byte(headers);
        let is_unsatisfied = match reply {
            Reply::NotSatisfiable => self.honors_range(headers, reply),
            Reply::AlwaysNotSatisfiable => requested.is_some(),
            _ => false,
        };
        if is_unsatisfied {
            return self.unsatisfied().into();
        }
        let mut answer: Answer = match requested.filter(|_| self.honors_range(headers, reply)) {
            Some(first) if first >= self.len() && reply != Reply::IgnoresIfRange => {
                return self.unsatisfied().into();
            }
            Some(first) if first < self.len() => self.partial(first, self.len()).into(),
            _ => self.whole().into(),
        };
        self.apply(&mut answer, requested.unwrap_or_default(), reply);
        answer
    }

    fn honors_range(&self, headers: &HeaderMap, reply: Reply) -> bool {
        match reply {
            Reply::Whole => false,
            Reply::IgnoresIfRange => true,
            _ => self.fits_condition(headers),
        }
    }

    /// Changes a correct answer as the reply says.
    fn apply(&self, answer: &mut Answer, requested: usize, reply: Reply) {
        match reply {
            Reply::Cut(at) => answer.cut(at, End::Broken(TransportErrorKind::Truncated)),
            Reply::Stall(at) => answer.cut(at, End::Hang),
            Reply::Chunked => answer.chunk(),
            Reply::ChunkedCut(at) => {
                answer.chunk();
                answer.body.truncate(at);
                answer.end = End::Broken(TransportErrorKind::Connection);
            }
            Reply::NoLength => answer.remove("content-length"),
            Reply::ExtraByte => answer.body = [&answer.body[..], b"+"].concat().into(),
            Reply::WrongRange if requested + 1 < self.len() => {
                *answer = self.partial(requested + 1, self.len()).into();
            }
            Reply::ShortRange(length) | Reply::ShortRangeNoTotal(length)
                if answer.body.len() > length =>
            {
                let first = self.len() - answer.body.len();
                *answer = self.partial(first, first + length).into();
                if matches!(reply, Reply::ShortRangeNoTotal(_)) {
                    let range = format!("bytes {first}-{}/*", first + length - 1);
                    answer.set("content-range", &range);
                }
            }
            Reply::RangeWithStatus200 => {
                if let Some(head) = &mut answer.head {
                    head.status = StatusCode::OK;
                }
            }
            Reply::WrongCrc if self.names_crc => answer.set(CRC64, "1"),
            Reply::NoCrc => answer.remove(CRC64),
            Reply::Gzip => answer.set("content-encoding", "gzip"),
            _ => {}
        }
    }
}

/// Returns the first byte of a range; requests that a download starts have no end.
pub(crate) fn first_byte(headers: &HeaderMap) -> Option<usize> {
    let range = file_server::range(headers, usize::MAX)?;
    assert_eq!(range.end, usize::MAX, "a range without an end");
    Some(range.start)
}

impl From<Response<Bytes>> for Answer {
    fn from(response: Response<Bytes>) -> Self {
        let (head, body) = response.into_parts();
        Self { head: Some(head), body, end: End::Complete }
    }
}

impl Answer {
    pub(crate) fn new(status: u16, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Self {
        file_server::response(status, headers, body).into()
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

    /// Keeps only the bytes before `at`; a shorter answer stays complete.
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

/// Returns an error of the object store.
pub(crate) fn xml(status: u16, code: &str, message: &str) -> Answer {
    file_server::xml(status, code, message).into()
}

fn redirect() -> Answer {
    Answer::new(302, &[("location", "https://other.example/a.csv?q-signature=EXAMPLE")], "")
}
