//! Follows a job with next to nothing: a TCP stream of std and httparse, blocking.
//!
//! `cargo run --example tcp`; a test service on a loopback port stands in for the real one, which
//! would want TLS around the stream.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode};
use tcss_export::{
    ANSWER_LIMIT, Credentials, JobId, Policy, Session,
    driver::{Functions, Shared, TransportError, blocking, clock},
};
use tcss_export_testkit::{EXAMPLE_SECRET_ID, EXAMPLE_SECRET_KEY, Service};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let service = Service::builder().script("RUNNING:40,RESET,SUCCESS".parse()?).start()?;
    let shared = Shared::new(Session::new(service.url().parse()?));
    let credentials = Credentials::new(EXAMPLE_SECRET_ID, EXAMPLE_SECRET_KEY)?;
    let functions = Functions {
        now: clock::now,
        sleep: clock::sleep,
        credentials: |_fresh| Ok(credentials.clone()),
        send: |request| exchange(&request).map_err(TransportError::from),
    };
    let finished = blocking::wait(&shared, JobId::new("4711")?, functions).outcome()?;
    println!("the file is at {}", finished.download_url);
    Ok(())
}

/// One connection, one exchange: the answer ends where the connection does.
fn exchange(request: &Request<Bytes>) -> io::Result<Response<Bytes>> {
    let authority = request.uri().authority().ok_or(io::ErrorKind::InvalidInput)?;
    let mut stream = TcpStream::connect(authority.as_str())?;
    stream.set_read_timeout(Some(Policy::EXCHANGE_LIMIT))?;
    stream.write_all(&wire(request))?;
    let mut answer = Vec::new();
    stream.take(2 * ANSWER_LIMIT as u64).read_to_end(&mut answer)?;
    response(&answer)
}

fn wire(request: &Request<Bytes>) -> Vec<u8> {
    let mut bytes = b"POST / HTTP/1.1\r\n".to_vec();
    for (name, value) in request.headers() {
        bytes.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    let length = request.body().len();
    bytes.extend(format!("connection: close\r\ncontent-length: {length}\r\n\r\n").into_bytes());
    bytes.extend(request.body());
    bytes
}

fn response(answer: &[u8]) -> io::Result<Response<Bytes>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(end) = head.parse(answer).map_err(broken)? else {
        return Err(broken("the answer is cut"));
    };
    let mut response = Response::new(Bytes::copy_from_slice(&answer[end..]));
    *response.status_mut() = StatusCode::from_u16(head.code.unwrap_or(0)).map_err(broken)?;
    for header in head.headers {
        let value = HeaderValue::from_bytes(header.value).map_err(broken)?;
        let name = http::HeaderName::from_bytes(header.name.as_bytes()).map_err(broken)?;
        response.headers_mut().append(name, value);
    }
    let declared =
        response.headers().get("content-length").and_then(|v| v.to_str().ok()?.parse().ok());
    if declared.is_some_and(|declared: usize| declared != response.body().len()) {
        return Err(broken("the answer is cut"));
    }
    Ok(response)
}

fn broken(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, error)
}
