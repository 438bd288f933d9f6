//! Creates a job, waits for it and downloads its file over a blocking transport that is built from
//! TCP streams and httparse.
//! `cargo run --example tcp` runs it against a test service; the real one would require TLS.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{TcpStream, ToSocketAddrs},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, Uri, header};
use tcss_export::{
    Credentials, Session, Source,
    actions::{AssetType, CreateExportComplianceStatusListJob},
    driver::{
        AddressError, AddressPolicy, Blocking, Body, Limits, Transport, TransportError,
        blocking::Client, clock,
    },
};
use tcss_export_testkit::{EXAMPLE_SECRET_ID, EXAMPLE_SECRET_KEY, ServedFile, Service};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let service = Service::builder()
        .script("RUNNING:40,RESET,SUCCESS".parse()?)
        .file(ServedFile::bytes("report.csv", "id,status\r\n1,PASSED\r\n"))
        .download_faults("CUT:5".parse()?)
        .start()?;
    let session = Session::new(service.url().parse()?);
    let credentials = Credentials::new(EXAMPLE_SECRET_ID, EXAMPLE_SECRET_KEY)?;
    let client = Client::with_transport(session, credentials, Tcp);

    let create = CreateExportComplianceStatusListJob::all(AssetType::HOST);
    let job = client.send(&create)?.response.job_id;
    let finished = client.wait(job.clone())?;
    let source = Source::new(finished.download_url).of_job(job);
    // `download` writes to a file instead.
    let mut report = Vec::new();
    client.download_into(source, &mut report)?.outcome()?;
    println!("{}", String::from_utf8_lossy(&report));
    Ok(())
}

struct Tcp;

impl Transport for Tcp {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        let limits = Limits::of(&request);
        let stream = connect(request.uri(), &limits.address_policy, limits.read_limit())?;
        Ok(exchange(stream, &request)?.map(Body::from_reader))
    }

    async fn sleep(&self, duration: Duration) {
        clock::sleep(duration);
    }
}

impl Blocking for Tcp {}

/// Connects to the first permitted address that accepts. The limit applies to each read, so a
/// server that sends single bytes can exceed the limit of the exchange.
fn connect(uri: &Uri, address_policy: &AddressPolicy, limit: Duration) -> io::Result<TcpStream> {
    let authority = uri.authority().ok_or(io::ErrorKind::InvalidInput)?;
    let resolved = authority.as_str().to_socket_addrs()?;
    let permitted = AddressError::filter(authority.host(), address_policy, resolved);
    let permitted = permitted.map_err(io::Error::other)?;
    let mut streams = permitted.iter().map(|address| TcpStream::connect_timeout(address, limit));
    let stream = streams.find_map(Result::ok).ok_or(io::ErrorKind::ConnectionRefused)?;
    stream.set_read_timeout(Some(limit))?;
    stream.set_write_timeout(Some(limit))?;
    Ok(stream)
}

/// Sends the request and reads the head of the answer. The body ends with the connection.
fn exchange(
    mut stream: TcpStream,
    request: &Request<Bytes>,
) -> io::Result<Response<BufReader<TcpStream>>> {
    stream.write_all(&request_bytes(request))?;
    let mut answer = BufReader::new(stream);
    let mut head = Vec::new();
    let mut lines = answer.by_ref().take(HEAD_LIMIT);
    while !head.ends_with(b"\r\n\r\n") {
        if lines.read_until(b'\n', &mut head)? == 0 {
            return Err(broken("the connection ended inside the head of the answer"));
        }
    }
    Ok(response(&head)?.map(|()| answer))
}

const HEAD_LIMIT: u64 = 64 * 1024;

/// Writes the request as HTTP/1.0, so that the answer is not chunked.
fn request_bytes(request: &Request<Bytes>) -> Vec<u8> {
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    let mut bytes = format!("{} {target} HTTP/1.0\r\n", request.method()).into_bytes();
    for (name, value) in request.headers() {
        bytes.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    if !request.body().is_empty() {
        bytes.extend(format!("content-length: {}\r\n", request.body().len()).into_bytes());
    }
    bytes.extend(b"\r\n");
    bytes.extend(request.body());
    bytes
}

fn response(bytes: &[u8]) -> io::Result<Response<()>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Response::new(&mut headers);
    head.parse(bytes).map_err(broken)?;
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::from_u16(head.code.unwrap_or(0)).map_err(broken)?;
    for header in head.headers {
        let value = HeaderValue::from_bytes(header.value).map_err(broken)?;
        let name = HeaderName::from_bytes(header.name.as_bytes()).map_err(broken)?;
        response.headers_mut().append(name, value);
    }
    match response.headers().contains_key(header::TRANSFER_ENCODING) {
        true => Err(broken("the answer is chunked")),
        false => Ok(response),
    }
}

fn broken(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, error)
}
