//! The thread of a service: sockets in, answers out.

use std::error::Error;
use std::fmt;
use std::future::pending;
use std::io;
use std::net::TcpListener as StdListener;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime;
use tokio::sync::oneshot;

use super::answer::Answer;
use super::arrived::Arrived;
use super::body::AnswerBody;
use super::desk::Desk;

/// How long to wait when the system has no room for one more connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Starts to serve, until the other end of `stopped` is dropped.
pub(super) fn spawn(
    listener: StdListener,
    desk: Arc<Desk>,
    stopped: oneshot::Receiver<()>,
) -> io::Result<JoinHandle<()>> {
    listener.set_nonblocking(true)?;
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let listener = {
        let _guard = runtime.enter();
        TcpListener::from_std(listener)?
    };
    // The runtime goes down with the closure, and with it every connection.
    thread::Builder::new().name("tcss-testkit".to_owned()).spawn(move || {
        runtime.spawn(accept(listener, desk));
        let _ = runtime.block_on(stopped);
    })
}

async fn accept(listener: TcpListener, desk: Arc<Desk>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(serve(stream, Arc::clone(&desk)));
            }
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

async fn serve(stream: TcpStream, desk: Arc<Desk>) {
    // Without it answers are only late.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| answer(Arc::clone(&desk), request));
    let served = http1::Builder::new()
        .auto_date_header(false)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    // An error is a client that went away, or an end that the script asked for.
    drop(served);
}

async fn answer(
    desk: Arc<Desk>,
    request: Request<Incoming>,
) -> Result<Response<AnswerBody>, NoAnswer> {
    let arrived = Arrived::read(request).await.map_err(|_| NoAnswer)?;
    match desk.answer(&arrived) {
        Answer::Respond(response) => Ok(*response),
        Answer::Close => Err(NoAnswer),
        Answer::Never => pending().await,
    }
}

/// Tells hyper to close the connection as it is.
#[derive(Debug)]
struct NoAnswer;

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no answer")
    }
}

impl Error for NoAnswer {}
