//! The answers of a raw-bytes server.

use std::fmt::Write as _;
use std::time::Duration;

/// The reaction of a [`WireServer`](super::WireServer) to one request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WireAnswer {
    /// Sends bytes as they are.
    #[non_exhaustive]
    Send {
        /// The bytes.
        bytes: Vec<u8>,
        /// Whether to close the connection after them.
        close: bool,
        /// The length of a piece and the pause before each, to send in pieces.
        slowly: Option<(usize, Duration)>,
    },
    /// Closes the connection without an answer.
    Close,
    /// Sends nothing and keeps the connection open until the server is dropped.
    Hang,
}

impl WireAnswer {
    /// Makes an answer of exactly these bytes.
    #[must_use]
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self::Send { bytes: bytes.into(), close: false, slowly: None }
    }

    /// Makes a response of status 200 with a JSON body.
    #[must_use]
    pub fn json(body: impl AsRef<[u8]>) -> Self {
        Self::response(200, &[("Content-Type", "application/json")], body)
    }

    /// Makes a response; adds a Content-Length unless the headers have one or a Transfer-Encoding.
    #[must_use]
    pub fn response(status: u16, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        let reason = if status == 200 { "OK" } else { "Made-Up" };
        let mut head = format!("HTTP/1.1 {status} {reason}\r\n");
        // Writing to a `String` cannot fail.
        for (name, value) in headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        if !headers.iter().any(|(name, _)| frames_body(name)) {
            let _ = write!(head, "Content-Length: {}\r\n", body.len());
        }
        head.push_str("\r\n");
        Self::raw([head.as_bytes(), body].concat())
    }

    /// Closes the connection after the answer, instead of keeping it open.
    #[must_use]
    pub fn then_close(mut self) -> Self {
        if let Self::Send { close, .. } = &mut self {
            *close = true;
        }
        self
    }

    /// Sends at most `piece` bytes at a time, with a pause before each piece.
    #[must_use]
    pub fn slowly(mut self, piece: usize, pause: Duration) -> Self {
        if let Self::Send { slowly, .. } = &mut self {
            *slowly = Some((piece, pause));
        }
        self
    }
}

fn frames_body(name: &str) -> bool {
    let framing = ["content-length", "transfer-encoding"];
    framing.iter().any(|known| name.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_declares_its_length() {
        let answer = WireAnswer::response(502, &[("Content-Type", "text/html")], "<p>");
        let text =
            "HTTP/1.1 502 Made-Up\r\nContent-Type: text/html\r\nContent-Length: 3\r\n\r\n<p>";
        assert_eq!(answer, WireAnswer::raw(text));
    }

    #[test]
    fn a_given_length_replaces_the_real_one() {
        let answer = WireAnswer::response(200, &[("content-length", "10")], "abc");
        assert_eq!(answer, WireAnswer::raw("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc"));
    }
}
