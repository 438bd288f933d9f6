//! The interface between a client and an HTTP library.

use std::{
    fmt,
    future::poll_fn,
    io, iter, mem,
    pin::{Pin, pin},
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use futures_util::{
    future::{Either, select},
    stream::{self, Stream, StreamExt},
};
use http::{
    HeaderMap, HeaderName, HeaderValue, Request, Response, Version,
    header::{CONTENT_LENGTH, TRANSFER_ENCODING},
    response::Parts,
};
use tcss_export_core::{ANSWER_LIMIT, AddressPolicy, Limits, Mono, Now, TransportErrorKind};

use crate::{clock, lock, transport_error::TransportError};

/// The limit for making a connection, including proxy and TLS: 10 s.
///
/// The addresses of a name share it, so that a silent address leaves time for the next one. Over
/// hyper and reqwest each gets an equal share, and the second address family starts 300 ms after
/// the first. Over ureq each gets half the share of the one before.
///
/// Over hyper and reqwest the limit includes the DNS lookup. Over ureq the lookup has a second
/// limit of the same length.
pub const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// Idle connections are closed after this time, 50 s. The service closes them after 60 s.
pub const IDLE_LIMIT: Duration = Duration::from_secs(50);

/// The size limit of an answer's head, in bytes. It includes interim responses (status 1xx).
///
/// A proxy may add headers to the few of the service. A larger head ends the exchange with
/// [`TransportErrorKind::Connection`], since most such heads are a proxy's temporary error pages.
pub const HEAD_LIMIT: usize = 64 * 1024;

/// Returns the size of a head on the wire in bytes, without its reason phrase. For
/// [`check_head_size`].
pub fn head_size(headers: &HeaderMap) -> usize {
    let line = |(name, value): (&HeaderName, &HeaderValue)| {
        name.as_str().len() + ": ".len() + value.len() + "\r\n".len()
    };
    "HTTP/1.1 200 \r\n\r\n".len() + headers.iter().map(line).sum::<usize>()
}

/// Enforces [`HEAD_LIMIT`] over an HTTP client that has no such setting.
///
/// # Errors
///
/// [`TransportErrorKind::Connection`], if an answer's heads have more bytes together.
pub fn check_head_size(bytes: usize) -> Result<(), TransportError> {
    if bytes <= HEAD_LIMIT {
        return Ok(());
    }
    let problem = "the head of the answer is too large";
    Err(TransportError::new(TransportErrorKind::Connection, problem))
}

/// The largest number of headers of an answer. ureq's parser takes no more.
///
/// More headers end the exchange with [`TransportErrorKind::Connection`].
pub const HEADERS_LIMIT: usize = 128;

/// An HTTP client and its clock.
///
/// A [`Client`](crate::Client) over it is async on any runtime. Its futures are `Send` if those of
/// the transport are. A transport that blocks also implements [`Blocking`].
pub trait Transport {
    /// Sends one request exactly once and returns status, headers and body, whatever the status.
    ///
    /// It follows no redirect, decodes nothing, and changes no byte of the URL or the body. The
    /// header `host` is already set; a request to the service also has `content-type`. Each must be
    /// sent exactly once.
    ///
    /// [`Limits::of`](tcss_export_core::Limits::of) returns the limits of a request.
    /// The transport enforces the address policy. The client enforces the times itself, except over
    /// a [`Blocking`] transport, which must do so here and in each read of the body.
    ///
    /// # Errors
    ///
    /// A [`TransportError`] whose [`kind`](TransportError::kind) decides what happens next.
    fn send(
        &self,
        request: Request<Bytes>,
    ) -> impl Future<Output = Result<Response<Body>, TransportError>>;

    /// Sends as [`send`](Self::send) does, as a future that does not borrow the transport; `None`
    /// if the transport has none.
    ///
    /// A download with several connections needs it, because it keeps their requests while it waits
    /// for others. Over a transport without it, a download uses one connection.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use bytes::Bytes;
    /// # use http::{Request, Response};
    /// # use tcss_export_driver::{Body, OwnedSend, Transport, TransportError};
    /// # #[derive(Clone)] struct MyTransport;
    /// # impl Transport for MyTransport {
    /// # async fn send(&self, _: Request<Bytes>) -> Result<Response<Body>, TransportError> {
    /// #     Ok(Response::new(Bytes::new().into()))
    /// # }
    /// # async fn sleep(&self, _: Duration) {}
    /// fn send_owned(&self, request: Request<Bytes>) -> Option<OwnedSend> {
    ///     let transport = self.clone();
    ///     Some(Box::pin(async move { transport.send(request).await }))
    /// }
    /// # }
    /// ```
    fn send_owned(&self, request: Request<Bytes>) -> Option<OwnedSend> {
        drop(request);
        None
    }

    /// Sleeps for this duration. It may return early: the client then checks the clock.
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()>;

    /// Reads both clocks. Override it if [`sleep`](Self::sleep) follows another clock than
    /// the system's.
    fn now(&self) -> Now {
        clock::now()
    }
}

/// The future of [`Transport::send_owned`].
pub type OwnedSend = Pin<Box<dyn Future<Output = Result<Response<Body>, TransportError>> + Send>>;

/// The most pooled clients that one transport keeps.
const MOST_CLIENTS: usize = 8;

/// Pooled HTTP clients, one for each [`AddressPolicy`]. For libraries that check addresses by
/// client and not by request. Clones share them.
#[derive(Clone)]
pub struct ClientsByPolicy<C> {
    build: Arc<dyn Fn(&AddressPolicy) -> C + Send + Sync>,
    built: Arc<Mutex<Vec<(AddressPolicy, C)>>>,
}

impl<C: Clone> ClientsByPolicy<C> {
    /// Creates an empty set. `build` makes each client when a request first needs it.
    pub fn new(build: impl Fn(&AddressPolicy) -> C + Send + Sync + 'static) -> Self {
        Self { build: Arc::new(build), built: Arc::default() }
    }

    /// Returns the client for a policy.
    pub fn get(&self, policy: &AddressPolicy) -> C {
        let mut built = lock(&self.built);
        if let Some((_, client)) = built.iter().find(|(known, _)| known == policy) {
            return client.clone();
        }
        let client = (self.build)(policy);
        if built.len() == MOST_CLIENTS {
            built.remove(0);
        }
        built.push((policy.clone(), client.clone()));
        client
    }
}

impl<C> fmt::Debug for ClientsByPolicy<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientsByPolicy(..)")
    }
}

/// The default maximum number of threads on which a [`Blocking`] transport is called.
///
/// 16 threads can start 19 requests a second, which the default budget permits, as long as an
/// answer takes at most 0.8 s.
pub const BLOCKING_THREADS: usize = 16;

/// A transport whose futures are ready at the first poll, because they block.
///
/// A [`blocking::Client`](crate::blocking::Client) needs one. Such a transport enforces the limits
/// of each request itself. It should sleep with [`clock::sleep`], so that an answer that arrives on
/// another thread, or a [`Cancel`](crate::blocking::Cancel), can end a pause.
pub trait Blocking: Transport {
    /// Returns the number of threads on which `wait_all`, or a download with several connections,
    /// may call this transport at once. With 0, all calls run on the caller's thread. A transport
    /// for tests whose clock moves without waiting returns 0, because its clock would run ahead of
    /// the other threads.
    fn threads(&self) -> usize {
        BLOCKING_THREADS
    }
}

/// The body of a response, a stream of its bytes as they arrive.
pub struct Body(Pin<Box<dyn Stream<Item = Result<Bytes, TransportError>> + Send>>);

impl Body {
    /// Creates a body from a stream.
    pub fn from_stream(
        stream: impl Stream<Item = Result<Bytes, TransportError>> + Send + 'static,
    ) -> Self {
        Self(Box::pin(stream))
    }

    /// Creates a body from a blocking reader. A failed read becomes a [`TransportError`] of the
    /// kind [`TransportErrorKind::Truncated`], unless its sources determine another kind, such as a
    /// timeout.
    pub fn from_reader(reader: impl io::Read + Send + 'static) -> Self {
        Self::from_reader_with(reader, |e| {
            TransportError::of_chain(e, TransportErrorKind::Truncated)
        })
    }

    /// Creates a body from a blocking reader and a function that explains its errors.
    pub fn from_reader_with(
        reader: impl io::Read + Send + 'static,
        explain: fn(io::Error) -> TransportError,
    ) -> Self {
        let mut pieces = Pieces { reader, buffer: BytesMut::new(), size: FIRST_PIECE };
        let pieces = iter::from_fn(move || pieces.next().map_err(explain).transpose());
        Self::from_stream(stream::iter(pieces))
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self::from_stream(stream::iter((!bytes.is_empty()).then_some(Ok(bytes))))
    }
}

impl Stream for Body {
    type Item = Result<Bytes, TransportError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.as_mut().poll_next(context)
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Body(..)")
    }
}

const FIRST_PIECE: usize = 4 * 1024;
const LARGEST_PIECE: usize = 256 * 1024;

/// A reader whose pieces double in size: little memory for an answer, few reads for a file.
struct Pieces<R> {
    reader: R,
    buffer: BytesMut,
    size: usize,
}

impl<R: io::Read> Pieces<R> {
    fn next(&mut self) -> io::Result<Option<Bytes>> {
        let Self { reader, buffer, size } = self;
        if buffer.len() < *size {
            buffer.resize(*size, 0);
        }
        loop {
            return match reader.read(buffer) {
                Ok(0) => Ok(None),
                Ok(length) => {
                    if length == *size {
                        *size = LARGEST_PIECE.min(2 * *size);
                    }
                    Ok(Some(buffer.split_to(length.min(buffer.len())).freeze()))
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => Err(error),
            };
        }
    }
}

/// Sleeps for this duration. It may return early.
pub(crate) async fn sleep<T: Transport>(transport: &T, duration: Duration) {
    let end = transport.now().mono.saturating_add(duration);
    transport.sleep(duration).await;
    if transport.now().mono < end {
        // A wake-up ended the sleep early. Unless the task yields, nothing may wake it again.
        yield_now().await;
    }
}

/// Lets other tasks run.
pub(crate) async fn yield_now() {
    let mut must_yield = true;
    poll_fn(|context| match mem::take(&mut must_yield) {
        true => {
            context.waker().wake_by_ref();
            Poll::Pending
        }
        false => Poll::Ready(()),
    })
    .await;
}

/// Drops the future if it is not ready by this moment.
pub(crate) async fn within<T: Transport, O>(
    transport: &T,
    end: Mono,
    future: impl Future<Output = Result<O, TransportError>>,
) -> Result<O, TransportError> {
    let timeout = async {
        // A sleep may return early, so the clock decides.
        while transport.now().mono < end {
            sleep(transport, end.saturating_since(transport.now().mono)).await;
        }
    };
    match select(pin!(future), pin!(timeout)).await {
        Either::Left((result, _)) => result,
        Either::Right(_) => Err(TransportError::new(TransportErrorKind::Timeout, "timed out")),
    }
}

/// Sends a request that starts now and reads its whole answer, within a limit.
///
/// The user chose the endpoint, so it may have any address. But a loopback endpoint may use `http`,
/// so its name must resolve to loopback.
pub(crate) async fn exchange<T: Transport>(
    transport: &T,
    mut request: Request<Bytes>,
    is_loopback: bool,
    now: Mono,
    limit: Duration,
) -> Result<Response<Bytes>, TransportError> {
    let policy = if is_loopback { AddressPolicy::Loopback } else { AddressPolicy::Any };
    let mut limits = Limits::new(policy);
    limits.total = Some(limit);
    let url = request.uri().clone();
    request.extensions_mut().insert(limits);
    within(transport, now.saturating_add(limit), async {
        let (head, body) = transport.send(request).await?.into_parts();
        let answer = read_answer(&head, body).await?;
        Ok(Response::from_parts(head, answer))
    })
    .await
    .map_err(|error| error.with_server(&url))
}

/// Reads a whole answer of the service, up to [`ANSWER_LIMIT`].
async fn read_answer(head: &Parts, mut body: Body) -> Result<Bytes, TransportError> {
    let mut answer = BytesMut::new();
    while let Some(piece) = body.next().await {
        let piece = match piece {
            // Some servers send no `close_notify` of TLS. The JSON shows whether the answer is
            // complete.
            Err(e) if e.kind() == TransportErrorKind::Truncated && ends_by_close(head) => break,
            piece => piece?,
        };
        if answer.len() + piece.len() > ANSWER_LIMIT {
            let problem = "the answer is larger than 1 MiB";
            return Err(TransportError::new(TransportErrorKind::TooLarge, problem));
        }
        answer.extend_from_slice(&piece);
    }
    Ok(answer.freeze())
}

/// Returns whether only the end of the connection ends the body (RFC 9112, 6.3).
fn ends_by_close(head: &Parts) -> bool {
    head.version < Version::HTTP_2
        && !head.headers.contains_key(CONTENT_LENGTH)
        && !head.headers.contains_key(TRANSFER_ENCODING)
}
