//! A file server that behaves like the object store, and its faults.

#[path = "../../../../tests/common/file_server.rs"]
mod file_server;

use std::{collections::VecDeque, time::Duration};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use tcss_export_core::TransportErrorKind;

pub(crate) use file_server::{File, crc64};

/// The answer to one request.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) head: Result<Response<()>, TransportErrorKind>,
    pub(crate) body: VecDeque<Piece>,
}

/// A piece of a body.
#[derive(Clone, Debug)]
pub(crate) enum Piece {
    Bytes(Bytes),
    /// A pause before the next piece.
    Pause(Duration),
    /// The connection breaks.
    Broken,
    /// Nothing more arrives, without an error.
    Hang,
}

impl File {
    /// Answers as RFC 9110 demands.
    pub(crate) fn answer(&self, request: &Request<()>) -> Reply {
        let headers = request.headers();
        let range = file_server::range(headers, self.len());
        let answer = match range.filter(|_| self.fits_condition(headers)) {
            Some(range) if range.is_empty() => self.unsatisfied(),
            Some(range) => self.partial(range.start, range.end),
            None => self.whole(),
        };
        answer.into()
    }
}

impl From<File> for Reply {
    fn from(file: File) -> Self {
        file.whole().into()
    }
}

impl From<Response<Bytes>> for Reply {
    fn from(response: Response<Bytes>) -> Self {
        let (head, body) = response.into_parts();
        let head = Ok(Response::from_parts(head, ()));
        Self { head, body: VecDeque::from([Piece::Bytes(body)]) }
    }
}

impl Reply {
    pub(crate) fn of(status: u16, body: impl Into<Bytes>) -> Self {
        let body = body.into();
        let length = body.len().to_string();
        file_server::response(status, &[("content-length", &length)], body).into()
    }

    pub(crate) fn unsent(fault: TransportErrorKind) -> Self {
        Self { head: Err(fault), body: VecDeque::new() }
    }

    pub(crate) fn expired() -> Self {
        file_server::xml(403, "AccessDenied", "Request has expired").into()
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(head) = &mut self.head {
            head.headers_mut().insert(name, value.parse().expect("a header"));
        }
        self
    }

    pub(crate) fn without(mut self, name: &'static str) -> Self {
        if let Ok(head) = &mut self.head {
            head.headers_mut().remove(name);
        }
        self
    }

    pub(crate) fn status(mut self, status: u16) -> Self {
        if let Ok(head) = &mut self.head {
            *head.status_mut() = StatusCode::from_u16(status).expect("a status");
        }
        self
    }

    /// Splits the body into pieces of this length.
    pub(crate) fn in_pieces(mut self, length: usize) -> Self {
        let bytes = self.bytes();
        self.body = bytes.chunks(length).map(|piece| Piece::Bytes(piece.to_vec().into())).collect();
        self
    }

    /// Cuts the body after this many bytes and appends this end.
    pub(crate) fn cut(mut self, length: usize, end: Piece) -> Self {
        let bytes = self.bytes();
        self.body = VecDeque::from([Piece::Bytes(bytes.slice(..length.min(bytes.len()))), end]);
        self
    }

    /// Breaks the connection after this many bytes of the body.
    pub(crate) fn broken(self, length: usize) -> Self {
        self.cut(length, Piece::Broken)
    }

    /// Pauses before each piece.
    pub(crate) fn slowly(mut self, each: Duration) -> Self {
        self.body = self.body.into_iter().flat_map(|piece| [Piece::Pause(each), piece]).collect();
        self
    }

    fn bytes(&self) -> Bytes {
        let pieces = self.body.iter().filter_map(|piece| match piece {
            Piece::Bytes(bytes) => Some(&bytes[..]),
            _ => None,
        });
        pieces.collect::<Vec<_>>().concat().into()
    }
}
