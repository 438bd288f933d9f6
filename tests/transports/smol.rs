//! The hyper client on another runtime than tokio: connector, executor and timer are smol's.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use http::Uri;
use hyper::rt::{Executor, Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use smol::net::TcpStream;
use smol_hyper::rt::{FuturesIo, SmolTimer};
use tcss_export::{JobId, Session, hyper::Client};
use tcss_export_testkit::Service;
use tower_service::Service as Connect;

use crate::setup::{SECRET_ID, SECRET_KEY, credentials, hasty};

#[derive(Clone)]
struct Connector;

struct Stream(FuturesIo<TcpStream>);

/// Spawns on smol's own executor.
#[derive(Clone)]
struct Spawn;

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Spawn {
    fn execute(&self, future: F) {
        smol::spawn(future).detach();
    }
}

impl Connect<Uri> for Connector {
    type Response = Stream;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Stream>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(async move {
            let address = uri.authority().expect("an endpoint has a host").to_string();
            Ok(Stream(FuturesIo::new(TcpStream::connect(address).await?)))
        })
    }
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl Write for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

#[test]
fn a_job_is_followed_on_smol() {
    let script = "RUNNING:10,ERROR:InternalError,RESET,SUCCESS".parse().unwrap();
    let key = Service::builder().key(SECRET_ID, SECRET_KEY);
    let service = key.script(script).start().unwrap();
    let session = Session::new(service.url().parse().unwrap());
    let client = Client::with_connector(session, credentials(), Connector, Spawn, SmolTimer::new());
    let client = client.with_policy(hasty());
    let job = JobId::new("4711").unwrap();
    let finished = smol::block_on(client.wait(job)).unwrap();
    assert_eq!((finished.report.polls, finished.report.retries), (4, 2));
}
