use std::fmt::Write as _;
use std::time::Duration;

/// What a [`WireServer`](super::WireServer) does with one request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WireAnswer {
    /// Sends bytes as they are.
    #[non_exhaustive]
    Send {
        /// The bytes.
        bytes: Vec<u8>,
        /// Whether the connection is closed behind them.
        close: bool,
        /// If set, how many bytes go out at a time, and the pause before each piece.
        slowly: Option<(usize, Duration)>,
    },
    /// Closes the connection without an answer.
    Close,
    /// Answers nothing and holds the connection open until the server is dropped.
    Hang,
}

impl WireAnswer {
    /// Makes an answer of these very bytes.
    #[must_use]
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self::Send { bytes: bytes.into(), close: false, slowly: None }
    }

    /// Makes a response of status 200 with a JSON body.
    #[must_use]
    pub fn json(body: impl AsRef<[u8]>) -> Self {
        Self::response(200, &[("Content-Type", "application/json")], body)
    }

    /// Makes a response; a Content-Length is added unless the headers frame the body themselves.
    #[must_use]
    pub fn response(status: u16, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        let reason = if status == 200 { "OK" } else { "Made-Up" };
        let mut head = format!("HTTP/1.1 {status} {reason}\r\n");
        // Writing to a text cannot fail.
        for (name, value) in headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        if !headers.iter().any(|(name, _)| frames_body(name)) {
            let _ = write!(head, "Content-Length: {}\r\n", body.len());
        }
        head.push_str("\r\n");
        Self::raw([head.as_bytes(), body].concat())
    }

    /// Closes the connection behind the answer; it is kept otherwise.
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
    fn a_length_that_is_given_is_kept() {
        let answer = WireAnswer::response(200, &[("content-length", "10")], "abc");
        assert_eq!(answer, WireAnswer::raw("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc"));
    }
}
