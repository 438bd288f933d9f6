//! Requests as raw bytes.

use std::io;
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt};

const HEAD_END: &[u8] = b"\r\n\r\n";

/// All requests to a server, byte for byte.
#[derive(Default)]
pub(super) struct Requests(Mutex<Vec<Vec<u8>>>);

impl Requests {
    /// Adds a request and returns its position.
    pub(super) fn push(&self, request: Vec<u8>) -> usize {
        let mut requests = self.lock();
        requests.push(request);
        requests.len() - 1
    }

    pub(super) fn all(&self) -> Vec<Vec<u8>> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads the next request; `None` if the connection ends before its last byte. `buffer` keeps the
/// bytes after it.
pub(super) async fn next_request(
    stream: &mut (impl AsyncRead + Unpin),
    buffer: &mut Vec<u8>,
) -> io::Result<Option<Vec<u8>>> {
    loop {
        if let Some(length) = length(buffer).filter(|length| *length <= buffer.len()) {
            let rest = buffer.split_off(length);
            return Ok(Some(mem::replace(buffer, rest)));
        }
        buffer.reserve(16 * 1024);
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
}

/// Returns the length of the request at the start of these bytes, if they have its whole head.
fn length(bytes: &[u8]) -> Option<usize> {
    let head = bytes.windows(HEAD_END.len()).position(|window| window == HEAD_END)?;
    let text = String::from_utf8_lossy(bytes.get(..head)?);
    let body = text.lines().find_map(content_length).unwrap_or_default();
    Some((head + HEAD_END.len()).saturating_add(body))
}

fn content_length(line: &str) -> Option<usize> {
    let (name, value) = line.split_once(':')?;
    name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    const TWO: &[u8] = b"POST / HTTP/1.1\r\ncontent-length: 3\r\n\r\nabcGET / HTTP/1.1\r\n\r\n";

    fn all(mut bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut buffer = Vec::new();
        let mut found = Vec::new();
        let mut next = || next_request(&mut bytes, &mut buffer).now_or_never().expect("memory");
        while let Some(request) = next().expect("bytes in memory") {
            found.push(request);
        }
        found
    }

    #[test]
    fn a_body_ends_at_its_content_length() {
        assert_eq!(all(TWO), [&TWO[..41], b"GET / HTTP/1.1\r\n\r\n"]);
    }

    #[test]
    fn an_incomplete_request_is_none() {
        assert!(all(&TWO[..40]).is_empty());
    }
}
