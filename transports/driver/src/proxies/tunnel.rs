//! `CONNECT` without I/O: the request for a tunnel, and the proxy's answer (RFC 9110, 9.3.6).

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{StatusCode, Uri, header::PROXY_AUTHENTICATE};

use super::{Proxy, TunnelError, host_and_port};
use crate::transport::{HEAD_LIMIT, HEADERS_LIMIT};

/// Each interim response counts as at least this many bytes, because each read of the answer parses
/// all of them again.
const MIN_COUNTED_SIZE: usize = 512;

impl Proxy {
    /// Returns the `CONNECT` request for the host of a URL. It shows the proxy only host and port.
    /// With a login it is a secret.
    pub fn connect_request(&self, url: &Uri) -> String {
        let host = host_and_port(url);
        let login = self.login.as_ref().map(|login| STANDARD.encode(login.join(":")));
        let login = login.map(|login| format!("Proxy-Authorization: Basic {login}\r\n"));
        let login = login.unwrap_or_default();
        format!("CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n{login}\r\n")
    }

    /// Returns whether the bytes received so far open a tunnel: any final status 2xx does. `false`
    /// means that the answer is incomplete.
    ///
    /// # Errors
    ///
    /// A [`TunnelError`] if the proxy refuses, or if its answer is not HTTP, is larger than
    /// [`HEAD_LIMIT`] or has bytes after its head. An interim response (status 1xx) counts as at
    /// least 512 bytes.
    pub fn opens_tunnel(&self, answer: &[u8]) -> Result<bool, TunnelError> {
        let head = final_head(answer).map_err(|error| TunnelError::failed(self, error))?;
        let Some(head) = head else { return Ok(false) };
        if !head.status.is_success() {
            return Err(TunnelError::refused(self, head.status).with_challenges(head.challenges));
        }
        // The client sends the first bytes of TLS and HTTP, so the proxy added these.
        match head.rest.is_empty() {
            true => Ok(true),
            false => Err(TunnelError::failed(self, "the proxy sent more than its answer")),
        }
    }
}

/// The final head, after all interim responses.
struct FinalHead<'a> {
    status: StatusCode,
    /// The values of `Proxy-Authenticate`.
    challenges: Vec<&'a [u8]>,
    /// The bytes after the head.
    rest: &'a [u8],
}

fn final_head(mut bytes: &[u8]) -> Result<Option<FinalHead<'_>>, String> {
    let mut counted = 0;
    loop {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_LIMIT];
        let mut answer = httparse::Response::new(&mut headers);
        let parsed = answer.parse(bytes);
        let parsed = parsed.map_err(|error| format!("the proxy's answer is not HTTP: {error}"))?;
        let length = match parsed {
            httparse::Status::Complete(length) => length,
            // At least one more byte follows.
            httparse::Status::Partial => bytes.len() + 1,
        };
        // One read may return both the byte past the limit and the rest of the head.
        if counted + length > HEAD_LIMIT {
            return Err("the head of the answer is too large".into());
        }
        let (true, Some(code)) = (parsed.is_complete(), answer.code) else { return Ok(None) };
        let status = StatusCode::from_u16(code).map_err(|error| error.to_string())?;
        let challenges = answer.headers.iter().filter(|h| is_challenge(h)).map(|h| h.value);
        let challenges = challenges.collect();
        bytes = bytes.get(length..).unwrap_or_default();
        if !status.is_informational() {
            return Ok(Some(FinalHead { status, challenges, rest: bytes }));
        }
        counted += length.max(MIN_COUNTED_SIZE);
    }
}

fn is_challenge(header: &httparse::Header<'_>) -> bool {
    header.name.eq_ignore_ascii_case(PROXY_AUTHENTICATE.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxies::Proxies;

    fn proxy(url: &str) -> Proxy {
        let proxies = Proxies::from_variables(|name| (name == "https_proxy").then(|| url.into()));
        proxies.proxy_for(&"gw.example".parse().unwrap()).unwrap().unwrap()
    }

    fn request(proxy_url: &str, url: &'static str) -> String {
        proxy(proxy_url).connect_request(&Uri::from_static(url))
    }

    fn opens(answer: &[u8]) -> Result<bool, TunnelError> {
        proxy("p.example").opens_tunnel(answer)
    }

    /// Returns the reason for which this answer opens no tunnel.
    fn problem(answer: &[u8]) -> String {
        let error = opens(answer).unwrap_err();
        let source = std::error::Error::source(&error).map(ToString::to_string);
        format!("{error}: {}", source.unwrap_or_default())
    }

    #[test]
    fn a_connect_request_has_host_and_port() {
        let text = request("p.example", "https://gw.example/");
        assert_eq!(text, "CONNECT gw.example:443 HTTP/1.1\r\nHost: gw.example:443\r\n\r\n");
        let text = request("p.example", "https://[2001:db8::1]:8443/");
        assert!(text.starts_with("CONNECT [2001:db8::1]:8443 HTTP/1.1\r\n"), "{text}");
        let text = request("p.example", "http://files.example/a");
        assert!(text.starts_with("CONNECT files.example:80 HTTP/1.1\r\n"), "{text}");
    }

    #[test]
    fn a_login_has_the_form_of_rfc_7617() {
        // The example of RFC 7617, section 2.
        let text = request("http://Aladdin:open%20sesame@p.example", "https://gw.example/");
        let header = "\r\nProxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n";
        assert!(text.ends_with(header), "{text}");
    }

    #[test]
    fn every_status_2xx_opens_a_tunnel() {
        for status in 200..300 {
            assert!(opens(format!("HTTP/1.1 {status} X\r\n\r\n").as_bytes()).unwrap(), "{status}");
        }
        for status in [301, 400, 403, 407, 502] {
            let text = problem(format!("HTTP/1.1 {status} X\r\n\r\n").as_bytes());
            assert!(text.contains(&format!("status {status}")), "{text}");
        }
        assert!(
            problem(b"HTTP/1.1 407 Who\r\nContent-Length: 3\r\n\r\nwhy").contains("status 407")
        );
    }

    #[test]
    fn a_refusal_has_the_schemes_that_the_proxy_accepts() {
        let answer = b"HTTP/1.1 407 Who\r\nProxy-Authenticate: NTLM\r\nVia: x\r\n\
            proxy-authenticate: Basic realm=\"a, b\"\r\n\r\n";
        let Err(TunnelError::Refused { schemes, .. }) = opens(answer) else { panic!() };
        assert_eq!(*schemes, ["NTLM", "Basic"]);
    }

    #[test]
    fn interim_responses_are_skipped() {
        let interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 E\r\nLink: x\r\n\r\n";
        assert!(!opens(interim.as_bytes()).unwrap());
        assert!(opens(format!("{interim}HTTP/1.1 200 OK\r\n\r\n").as_bytes()).unwrap());
        assert!(
            problem(format!("{interim}HTTP/1.1 403 X\r\n\r\n").as_bytes()).contains("status 403")
        );
    }

    #[test]
    fn interim_responses_count_as_512_bytes_each() {
        let with_interim = |count| {
            ["HTTP/1.1 100 \r\n\r\n".repeat(count), "HTTP/1.1 200 \r\n\r\n".into()].concat()
        };
        assert!(opens(with_interim(127).as_bytes()).unwrap());
        assert!(problem(with_interim(128).as_bytes()).contains("too large"));
    }

    #[test]
    fn only_a_complete_answer_opens_a_tunnel() {
        let answer = b"HTTP/1.0 200 Connected\r\nVia: 1.1 x\r\n\r\n";
        for length in 0..answer.len() {
            assert!(!opens(&answer[..length]).unwrap(), "{length} bytes");
        }
        assert!(opens(answer).unwrap());
    }

    #[test]
    fn bytes_after_the_answer_and_bytes_that_are_not_http_are_errors() {
        assert!(problem(b"HTTP/1.1 200 OK\r\n\r\n\x16").contains("more than its answer"));
        assert!(problem(b"SSH-2.0-x\r\n").contains("failed"));
        assert!(problem(b"HTTP/1.1 099 X\r\n\r\n").contains("failed"));
    }

    #[test]
    fn the_head_of_the_answer_has_the_limits_of_every_head() {
        let of_length = |length: usize| {
            let (start, end) = ("HTTP/1.1 200 OK\r\nX: ", "\r\n\r\n");
            [start, &"x".repeat(length - start.len() - end.len()), end].concat().into_bytes()
        };
        assert!(opens(&of_length(HEAD_LIMIT)).unwrap());
        assert!(!opens(&of_length(HEAD_LIMIT)[..HEAD_LIMIT - 1]).unwrap());
        assert!(problem(&of_length(HEAD_LIMIT + 1)[..HEAD_LIMIT]).contains("too large"));
        // Read at once, it is too large as well.
        assert!(problem(&of_length(HEAD_LIMIT + 1)).contains("too large"));
        let with_headers = |count| format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: y\r\n".repeat(count));
        assert!(opens(with_headers(HEADERS_LIMIT).as_bytes()).unwrap());
        assert!(problem(with_headers(HEADERS_LIMIT + 1).as_bytes()).contains("too many headers"));
    }
}
