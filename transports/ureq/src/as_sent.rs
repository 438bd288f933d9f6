//! Keeps ureq from decoding a body, and from sending cookies.
//!
//! Built with its features `gzip`, `brotli` or `charset`, which any crate of a program may turn on
//! for all of them, ureq decodes what it receives, whatever it was told to accept; built with
//! `cookies`, it adds a header to what it sends. There is no setting against that. It goes by three
//! headers, so these stand under other names of the same length until it has read them.

use http::{
    HeaderMap, HeaderName,
    header::{CONTENT_ENCODING, CONTENT_TYPE, SET_COOKIE},
};
use ureq::{
    Error,
    unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport},
};

/// The headers, and what stands in their place.
const HIDDEN: [(HeaderName, HeaderName); 3] = [
    (CONTENT_ENCODING, HeaderName::from_static("zz-wire-encoding")),
    (CONTENT_TYPE, HeaderName::from_static("zz-wire-type")),
    (SET_COOKIE, HeaderName::from_static("zz-wire-sc")),
];

/// Hides headers from ureq on every connection.
#[derive(Debug)]
pub(crate) struct AsSent;

/// Gives the headers of an answer their names again.
pub(crate) fn reveal(headers: &mut HeaderMap) {
    for (name, stand_in) in HIDDEN {
        let values: Vec<_> = headers.get_all(&stand_in).iter().cloned().collect();
        headers.remove(stand_in);
        for value in values {
            headers.append(&name, value);
        }
    }
}

impl<In: Transport> Connector<In> for AsSent {
    type Out = Hiding<In>;

    fn connect(
        &self,
        _: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, Error> {
        Ok(chained.map(|inner| Hiding { inner, is_in_head: true }))
    }
}

/// A connection that hides headers.
#[derive(Debug)]
pub(crate) struct Hiding<T> {
    inner: T,
    /// The head of an answer is not there yet, or not all of it.
    is_in_head: bool,
}

impl<T: Transport> Transport for Hiding<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        // It is a request, and what comes next is the head of its answer.
        self.is_in_head = true;
        self.inner.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let is_progress = self.inner.await_input(timeout)?;
        if self.is_in_head {
            self.is_in_head = !hide_in(self.inner.buffers());
        }
        Ok(is_progress)
    }

    fn is_open(&mut self) -> bool {
        self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}

/// Hides headers in what has been read; ureq consumes nothing of a head before all of it is there.
/// Tells whether that is so.
fn hide_in(buffers: &mut dyn Buffers) -> bool {
    let mut input = buffers.input().to_vec();
    let is_whole = hide(&mut input);
    if input != buffers.input() {
        buffers.input_consume(input.len());
        // With nothing left in it, the buffer has room for what it held.
        if let Some(room) = buffers.input_append_buf().get_mut(..input.len()) {
            room.copy_from_slice(&input);
            buffers.input_appended(input.len());
        }
    }
    is_whole
}

/// Renames headers; tells whether the head is whole that no other follows.
fn hide(bytes: &mut [u8]) -> bool {
    let mut is_last = None;
    let lines = bytes.split_inclusive_mut(|byte| *byte == b'\n');
    for line in lines.filter(|line| line.ends_with(b"\n")) {
        match is_last {
            // An empty line before a head is none of it.
            None if line.trim_ascii().is_empty() => {}
            None => is_last = Some(!is_interim(line)),
            Some(true) if line.trim_ascii().is_empty() => return true,
            Some(false) if line.trim_ascii().is_empty() => is_last = None,
            Some(_) => rename(line),
        }
    }
    false
}

/// Whether a status line has a status from 100 to 199: another head follows.
fn is_interim(status_line: &[u8]) -> bool {
    let status = status_line.split(|byte| *byte == b' ').nth(1);
    status.is_some_and(|status| status.len() >= 3 && status.starts_with(b"1"))
}

fn rename(line: &mut [u8]) {
    for (name, stand_in) in HIDDEN {
        let (name, stand_in) = (name.as_str().as_bytes(), stand_in.as_str().as_bytes());
        let Some((start, rest)) = line.split_at_mut_checked(name.len()) else { continue };
        if rest.starts_with(b":") && start.eq_ignore_ascii_case(name) {
            start.copy_from_slice(stand_in);
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn hidden(text: &str) -> (String, bool) {
        let mut bytes = text.as_bytes().to_vec();
        let is_whole = hide(&mut bytes);
        (String::from_utf8(bytes).unwrap(), is_whole)
    }

    #[test]
    fn each_stand_in_is_as_long_as_its_header() {
        for (name, stand_in) in HIDDEN {
            assert_eq!(name.as_str().len(), stand_in.as_str().len());
        }
    }

    #[test]
    fn both_headers_are_hidden_however_they_are_written() {
        let head = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nX-Content-Type: a\r\n\
            CONTENT-TYPE:text/csv\r\nContent-Types: b\r\n\r\nContent-Type: c\r\n";
        let expected = "HTTP/1.1 200 OK\r\nzz-wire-encoding: gzip\r\nX-Content-Type: a\r\n\
            zz-wire-type:text/csv\r\nContent-Types: b\r\n\r\nContent-Type: c\r\n";
        assert_eq!(hidden(head), (expected.to_owned(), true));
        let bare = "HTTP/1.1 200 OK\ncontent-type: text/csv\n\ncontent-type: c\n";
        let expected = "HTTP/1.1 200 OK\nzz-wire-type: text/csv\n\ncontent-type: c\n";
        assert_eq!(hidden(bare), (expected.to_owned(), true));
    }

    #[test]
    fn a_head_that_is_not_whole_is_hidden_line_by_line() {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: a\r\nContent-Encoding: gzip";
        let expected = "HTTP/1.1 200 OK\r\nzz-wire-type: a\r\nContent-Encoding: gzip";
        assert_eq!(hidden(head), (expected.to_owned(), false));
        let rest = [expected, "\r\n\r\n"].concat();
        assert_eq!(hidden(&rest).0.matches("zz-wire-encoding").count(), 1);
    }

    #[test]
    fn after_an_interim_head_the_next_one_counts() {
        let heads = "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\n\
            Content-Type: a\r\n";
        let (text, is_whole) = hidden(heads);
        assert!(text.ends_with("\r\nzz-wire-type: a\r\n") && !is_whole, "{text}");
        assert!(!hidden("HTTP/1.1 100 Continue\r\n\r\n").1);
        assert!(hidden("\r\nHTTP/1.1 204 No Content\r\n\r\n").1);
    }

    #[test]
    fn what_was_hidden_is_revealed() {
        let mut headers = HeaderMap::new();
        headers.append("zz-wire-encoding", HeaderValue::from_static("gzip"));
        headers.append("zz-wire-encoding", HeaderValue::from_static("br"));
        headers.append("zz-wire-type", HeaderValue::from_static("text/csv"));
        reveal(&mut headers);
        let codings: Vec<_> = headers.get_all(CONTENT_ENCODING).iter().collect();
        assert_eq!(codings, ["gzip", "br"]);
        assert_eq!(headers.len(), 3);
        assert_eq!(headers[CONTENT_TYPE], "text/csv");
    }
}
