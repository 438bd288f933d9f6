//! Waits for a job on smol, over hyper without a connection pool.
//! `cargo run --example smol` runs it against a test service on this machine.

use std::error::Error;

use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::{BodyExt, Full, Limited};
use smol_hyper::rt::FuturesIo;
use tcss_export::{
    Credentials, JobId, Session,
    core::ANSWER_LIMIT,
    driver::{Body, Client, TransportError, async_fn},
};
use tcss_export_testkit::{EXAMPLE_SECRET_ID, EXAMPLE_SECRET_KEY, Service};

fn main() -> Result<(), Box<dyn Error>> {
    let service = Service::builder().script("RUNNING:40,RESET,SUCCESS".parse()?).start()?;
    let session = Session::new(service.url().parse()?);
    let credentials = Credentials::new(EXAMPLE_SECRET_ID, EXAMPLE_SECRET_KEY)?;
    let transport = async_fn(send, async |duration| _ = smol::Timer::after(duration).await);
    let client = Client::with_transport(session, credentials, transport);
    let finished = smol::block_on(client.wait(JobId::new("4711")?))?;
    println!("the file is at {}", finished.download_url);
    Ok(())
}

async fn send(request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
    let answer = exchange(request).await;
    answer.map_err(TransportError::connection)
}

/// Sends one request over a new connection.
async fn exchange(
    mut request: Request<Bytes>,
) -> Result<Response<Body>, Box<dyn Error + Send + Sync>> {
    let address = request.uri().authority().ok_or("the URL has no host")?.to_string();
    // An HTTP/1.1 request names only the path.
    *request.uri_mut() = Uri::from_static("/");
    let stream = smol::net::TcpStream::connect(address).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(FuturesIo::new(stream)).await?;
    let _connection = smol::spawn(connection);
    let (head, body) = sender.send_request(request.map(Full::new)).await?.into_parts();
    let body = Limited::new(body, ANSWER_LIMIT).collect().await?;
    Ok(Response::from_parts(head, body.to_bytes().into()))
}
