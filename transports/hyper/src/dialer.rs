//! Opens TCP connections, and tunnels through a proxy.

use std::{
    error::Error,
    io,
    pin::Pin,
    task::{Context, Poll},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{StatusCode, Uri, header::PROXY_AUTHENTICATE, uri::Scheme};
use hyper_util::{client::legacy::connect::HttpConnector, rt::TokioIo};
use tcss_export_core::AddressPolicy;
use tcss_export_driver::{Proxies, Proxy, TunnelError};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};
use tower_service::Service;

use crate::resolver::Resolver;

/// Opens a connection to a host, directly or through a proxy.
#[derive(Clone, Debug)]
pub(crate) struct Dialer {
    proxies: Proxies,
    address_policy: AddressPolicy,
}

pub(crate) type BoxError = Box<dyn Error + Send + Sync>;

impl Dialer {
    pub(crate) const fn new(proxies: Proxies, address_policy: AddressPolicy) -> Self {
        Self { proxies, address_policy }
    }
}

impl Service<Uri> for Dialer {
    type Response = TokioIo<TcpStream>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let (proxy, address_policy) =
            (self.proxies.proxy_for_url(&uri), self.address_policy.clone());
        Box::pin(async move {
            let Some(proxy) = proxy? else { return Ok(http(address_policy).call(uri).await?) };
            let address = Uri::builder().scheme("http").authority(proxy.to_string());
            let address = address.path_and_query("/").build()?;
            // The proxy resolves the target; only its own name is resolved here.
            let mut stream = http(AddressPolicy::Any).call(address).await?.into_inner();
            open_tunnel(&mut stream, &proxy, &uri).await?;
            Ok(TokioIo::new(stream))
        })
    }
}

fn http(address_policy: AddressPolicy) -> HttpConnector<Resolver> {
    let mut http = HttpConnector::new_with_resolver(Resolver::new(address_policy));
    http.enforce_http(false);
    http.set_nodelay(true);
    http
}

/// The largest head of a proxy's answer, in bytes.
const HEAD_LIMIT: usize = 16 * 1024;
const MOST_HEADERS: usize = 100;

/// Asks the proxy to connect the stream to the host of `uri`. It learns only host and port.
async fn open_tunnel(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    proxy: &Proxy,
    uri: &Uri,
) -> Result<(), BoxError> {
    stream.write_all(connect_request(proxy, uri).as_bytes()).await?;
    let answer = read_answer(stream).await?;
    if !answer.status.is_success() {
        let challenges = answer.challenges.iter().map(|value| &**value);
        return Err(TunnelError::refused(proxy, answer.status).with_challenges(challenges).into());
    }
    // In TLS and in HTTP the client speaks first, so these bytes are the proxy's.
    if answer.rest > 0 { Err("the proxy sent more than its answer".into()) } else { Ok(()) }
}

fn connect_request(proxy: &Proxy, uri: &Uri) -> String {
    let default_port = if uri.scheme() == Some(&Scheme::HTTP) { 80 } else { 443 };
    let (host, port) = (uri.host().unwrap_or_default(), uri.port_u16().unwrap_or(default_port));
    let login = match (proxy.username(), proxy.password()) {
        (None, None) => String::new(),
        (username, password) => {
            let (username, password) = (username.unwrap_or_default(), password.unwrap_or_default());
            let login = STANDARD.encode(format!("{username}:{password}"));
            format!("Proxy-Authorization: Basic {login}\r\n")
        }
    };
    format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n{login}\r\n")
}

/// The head of a proxy's answer.
struct Answer {
    status: StatusCode,
    /// The values of `Proxy-Authenticate`.
    challenges: Vec<Vec<u8>>,
    /// The number of bytes after the head.
    rest: usize,
}

/// Reads the head of an answer.
async fn read_answer(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Answer> {
    let mut bytes = Vec::with_capacity(1024);
    while bytes.len() < HEAD_LIMIT {
        if stream.read_buf(&mut bytes).await? == 0 {
            let problem = "the proxy closed the connection without a whole answer";
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, problem));
        }
        let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
        let mut answer = httparse::Response::new(&mut headers);
        let parsed = answer.parse(&bytes).map_err(not_http)?;
        if let (httparse::Status::Complete(head), Some(code)) = (parsed, answer.code) {
            let status = StatusCode::from_u16(code).map_err(io::Error::other)?;
            let is_challenge = |header: &&httparse::Header| {
                PROXY_AUTHENTICATE == *header.name.to_ascii_lowercase()
            };
            let challenges = answer.headers.iter().filter(is_challenge);
            let challenges = challenges.map(|header| header.value.to_owned()).collect();
            return Ok(Answer { status, challenges, rest: bytes.len() - head });
        }
    }
    Err(io::Error::other("the head of the proxy's answer is too large"))
}

fn not_http(error: httparse::Error) -> io::Error {
    io::Error::other(format!("the proxy's answer is not HTTP: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(url: &str) -> Proxy {
        let proxies = Proxies::from_variables(|name| (name == "https_proxy").then(|| url.into()));
        proxies.proxy_for(&"gw.example".parse().unwrap()).unwrap().unwrap()
    }

    fn uri(text: &'static str) -> Uri {
        Uri::from_static(text)
    }

    /// Opens a tunnel through a proxy that answers with these pieces, one read each, and hangs up.
    async fn answered(pieces: &[&[u8]]) -> Result<(), BoxError> {
        let (mut client, mut server) = tokio::io::duplex(64 * 1024);
        let play = async {
            for piece in pieces {
                server.write_all(piece).await.unwrap();
                tokio::task::yield_now().await;
            }
            drop(server);
        };
        let (proxy, uri) = (proxy("p.example"), uri("https://gw.example/"));
        tokio::join!(open_tunnel(&mut client, &proxy, &uri), play).0
    }

    async fn refusal(pieces: &[&[u8]]) -> String {
        answered(pieces).await.unwrap_err().to_string()
    }

    #[test]
    fn the_proxy_learns_host_and_port() {
        let text = connect_request(&proxy("p.example"), &uri("https://gw.example/"));
        assert_eq!(text, "CONNECT gw.example:443 HTTP/1.1\r\nHost: gw.example:443\r\n\r\n");
        let text = connect_request(&proxy("p.example"), &uri("https://[2001:db8::1]:8443/"));
        assert!(text.starts_with("CONNECT [2001:db8::1]:8443 HTTP/1.1\r\n"), "{text}");
        let text = connect_request(&proxy("p.example"), &uri("http://files.example/a"));
        assert!(text.starts_with("CONNECT files.example:80 HTTP/1.1\r\n"), "{text}");
    }

    #[test]
    fn a_login_is_that_of_rfc_7617() {
        // The example of its section 2.
        let proxy = proxy("http://Aladdin:open%20sesame@p.example");
        let text = connect_request(&proxy, &uri("https://gw.example/"));
        let header = "\r\nProxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n";
        assert!(text.ends_with(header), "{text}");
    }

    #[tokio::test]
    async fn an_answer_may_come_in_pieces() {
        for cut in 1..38 {
            let (one, two) = b"HTTP/1.0 200 Connected\r\nVia: 1.1 x\r\n\r\n".split_at(cut);
            assert!(answered(&[one, two]).await.is_ok(), "cut at {cut}");
        }
        assert!(answered(&[b"HTTP/1.1 204 No Content\r\n\r\n"]).await.is_ok());
    }

    #[tokio::test]
    async fn a_refusal_names_the_status() {
        let text = refusal(&[b"HTTP/1.1 407 Who\r\nContent-Length: 3\r\n\r\n", b"why"]).await;
        assert!(text.contains("status 407"), "{text}");
        assert!(refusal(&[b"HTTP/1.1 502 Bad\r\n\r\n"]).await.contains("status 502"));
    }

    #[tokio::test]
    async fn a_refusal_has_the_schemes_that_the_proxy_accepts() {
        let head =
            b"HTTP/1.1 407 x\r\nproxy-authenticate: NTLM\r\nProxy-Authenticate: Basic\r\n\r\n";
        let error = answered(&[head]).await.unwrap_err();
        let Some(TunnelError::Refused { schemes, .. }) = error.downcast_ref() else { panic!() };
        assert_eq!(**schemes, ["NTLM", "Basic"]);
    }

    #[tokio::test]
    async fn only_a_complete_answer_opens_a_tunnel() {
        assert!(refusal(&[]).await.contains("without a whole answer"));
        assert!(refusal(&[b"HTTP/1.1 200 OK\r\n"]).await.contains("without a whole answer"));
        assert!(refusal(&[b"HTTP/1.1 200 OK\r\n\r\n\x16"]).await.contains("more than its answer"));
        assert!(refusal(&[b"SSH-2.0-x\r\n"]).await.starts_with("the proxy's answer is not HTTP"));
        let endless = ["HTTP/1.1 200 OK\r\nX: ", &"x".repeat(2 * HEAD_LIMIT)].concat();
        assert!(refusal(&[endless.as_bytes()]).await.contains("too large"));
    }
}
