//! A server of files as the object store is one, and what goes wrong with it.

#[path = "../common/file_server.rs"]
mod file_server;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, response::Parts};
use tcss_export::driver::TransportErrorKind;

pub(crate) use file_server::{CRC64, File, crc64, first_byte};

/// How one request is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Play {
    Well,
    /// No answer comes, and the transport says why.
    Unsent(TransportErrorKind),
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
    /// Where a checksum is named, it is that of other bytes.
    WrongCrc,
    /// No checksum is named.
    NoCrc,
    /// The bytes are in a coding.
    Gzip,
    /// There is said to be nothing of the range, if it is of this file.
    Unsatisfied,
    /// There is said to be nothing of the range, whatever file it is of.
    AnyUnsatisfied,
    /// A range is given as if it were the whole file.
    RangeAsWhole,
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
    Broken(TransportErrorKind),
    /// The transport notices nothing.
    Silence,
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
        let is_unsatisfied = match play {
            Play::Unsatisfied => self.goes_by_range(headers, play),
            Play::AnyUnsatisfied => asked.is_some(),
            _ => false,
        };
        if is_unsatisfied {
            return self.unsatisfied().into();
        }
        let mut answer: Answer = match asked.filter(|_| self.goes_by_range(headers, play)) {
            Some(first) if first >= self.len() && play != Play::AnyFile => {
                return self.unsatisfied().into();
            }
            Some(first) if first < self.len() => self.partial(first, self.len()).into(),
            _ => self.whole().into(),
        };
        self.spoil(&mut answer, asked.unwrap_or_default(), play);
        answer
    }

    fn goes_by_range(&self, headers: &HeaderMap, play: Play) -> bool {
        match play {
            Play::Whole => false,
            Play::AnyFile => true,
            _ => self.fits_condition(headers),
        }
    }

    fn spoil(&self, answer: &mut Answer, asked: usize, play: Play) {
        match play {
            Play::Cut(at) => answer.cut(at, End::Broken(TransportErrorKind::Truncated)),
            Play::Stall(at) => answer.cut(at, End::Silence),
            Play::Chunked => answer.chunk(),
            Play::ChunkedCut(at) => {
                answer.chunk();
                answer.body.truncate(at);
                answer.end = End::Broken(TransportErrorKind::Connection);
            }
            Play::Endless => answer.remove("content-length"),
            Play::Beyond => answer.body = [&answer.body[..], b"+"].concat().into(),
            Play::Elsewhere if asked + 1 < self.len() => {
                *answer = self.partial(asked + 1, self.len()).into();
            }
            Play::Less(length) | Play::LessOfUnknown(length) if answer.body.len() > length => {
                let first = self.len() - answer.body.len();
                *answer = self.partial(first, first + length).into();
                if matches!(play, Play::LessOfUnknown(_)) {
                    let range = format!("bytes {first}-{}/*", first + length - 1);
                    answer.set("content-range", &range);
                }
            }
            Play::RangeAsWhole => {
                if let Some(head) = &mut answer.head {
                    head.status = StatusCode::OK;
                }
            }
            Play::WrongCrc if self.names_crc => answer.set(CRC64, "1"),
            Play::NoCrc => answer.remove(CRC64),
            Play::Gzip => answer.set("content-encoding", "gzip"),
            _ => {}
        }
    }
}

impl From<Response<Bytes>> for Answer {
    fn from(response: Response<Bytes>) -> Self {
        let (head, body) = response.into_parts();
        Self { head: Some(head), body, end: End::Well }
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

/// Returns an error of the object store.
pub(crate) fn xml(status: u16, code: &str, message: &str) -> Answer {
    file_server::xml(status, code, message).into()
}

fn redirect() -> Answer {
    Answer::new(302, &[("location", "https://other.example/a.csv?q-signature=EXAMPLE")], "")
}
