use std::io::{self, Read};
use std::mem;

const HEAD_END: &[u8] = b"\r\n\r\n";

/// Cuts the bytes of one connection into requests.
#[derive(Default)]
pub(super) struct Requests {
    /// What came and belongs to no request yet.
    pending: Vec<u8>,
}

impl Requests {
    /// Reads the next request; `None` if the connection ends before it is whole.
    pub(super) fn next(&mut self, stream: &mut dyn Read) -> io::Result<Option<Vec<u8>>> {
        let mut piece = [0; 16 * 1024];
        loop {
            let whole = length(&self.pending).filter(|length| *length <= self.pending.len());
            if let Some(length) = whole {
                let rest = self.pending.split_off(length);
                return Ok(Some(mem::replace(&mut self.pending, rest)));
            }
            let count = stream.read(&mut piece)?;
            if count == 0 {
                return Ok(None);
            }
            self.pending.extend_from_slice(piece.get(..count).unwrap_or_default());
        }
    }
}

/// Returns how long the request is that starts here, once its head is there.
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
    use super::*;

    const TWO: &[u8] = b"POST / HTTP/1.1\r\ncontent-length: 3\r\n\r\nabcGET / HTTP/1.1\r\n\r\n";

    fn all(mut bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut requests = Requests::default();
        let mut found = Vec::new();
        while let Some(request) = requests.next(&mut bytes).expect("bytes in memory") {
            found.push(request);
        }
        found
    }

    #[test]
    fn a_body_ends_at_its_content_length() {
        assert_eq!(all(TWO), [&TWO[..41], b"GET / HTTP/1.1\r\n\r\n"]);
    }

    #[test]
    fn a_request_that_is_not_whole_is_none() {
        assert!(all(&TWO[..40]).is_empty());
    }
}
