//! What carries requests.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use futures_util::stream::{Stream, StreamExt};
use http::{Request, Response};
use tcss_export_core::{ANSWER_LIMIT, Now, SendFault};

use crate::{clock, error::TransportError};

/// An HTTP client, and the time that passes while it is at work.
///
/// The futures of a [`Client`](crate::Client) cross threads if those of its transport do. A
/// [`blocking::Client`](crate::blocking::Client) polls them on its own thread; those of a blocking
/// transport are ready when they are polled first.
pub trait Transport {
    /// The body of an answer, piece by piece as it comes.
    type Body: Stream<Item = Result<Bytes, TransportError>> + Unpin;

    /// Sends one request, once, and gives status, headers and the body of its answer, whatever the
    /// status. No redirect is followed and nothing is decoded.
    ///
    /// Its extensions say what to keep to: [`ExchangeLimit`](crate::ExchangeLimit) in a request of
    /// the API, [`Limits`](tcss_export_core::download::Limits) in one of a download. Limits of time
    /// are kept by the client, but a transport that blocks has to keep to them itself, here and in
    /// each piece of the body.
    ///
    /// # Errors
    ///
    /// The transport's own error, with the fault that core goes by.
    fn send(
        &self,
        request: Request<Bytes>,
    ) -> impl Future<Output = Result<Response<Self::Body>, TransportError>>;

    /// Pauses; it may return earlier.
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()>;

    /// Reads both clocks; a transport whose [`sleep`](Self::sleep) goes by another time says so.
    fn now(&self) -> Now {
        clock::now()
    }
}

/// A transport can be lent.
impl<T: Transport> Transport for &T {
    type Body = T::Body;

    async fn send(&self, request: Request<Bytes>) -> Result<Response<T::Body>, TransportError> {
        (**self).send(request).await
    }

    async fn sleep(&self, duration: Duration) {
        (**self).sleep(duration).await;
    }

    fn now(&self) -> Now {
        (**self).now()
    }
}

/// Reads all of a body, up to [`ANSWER_LIMIT`].
pub(crate) async fn read_whole(
    mut body: impl Stream<Item = Result<Bytes, TransportError>> + Unpin,
) -> Result<Bytes, TransportError> {
    let mut whole = match body.next().await.transpose()? {
        Some(piece) => piece,
        None => return Ok(Bytes::new()),
    };
    let mut rest: Option<BytesMut> = None;
    loop {
        if rest.as_ref().map_or(whole.len(), BytesMut::len) > ANSWER_LIMIT {
            let problem = "the answer is larger than 1 MiB";
            return Err(TransportError::new(SendFault::TooLarge, problem));
        }
        match body.next().await.transpose()? {
            Some(piece) => {
                let all = rest.get_or_insert_with(|| BytesMut::from(&*std::mem::take(&mut whole)));
                all.extend_from_slice(&piece);
            }
            None => return Ok(rest.map_or(whole, BytesMut::freeze)),
        }
    }
}

/// A body that is there, or one that is read by [`std::io::Read`], as a stream whose pieces are
/// ready when they are asked for.
#[derive(Debug)]
pub struct ReadBody<R> {
    reader: R,
    error: fn(std::io::Error) -> TransportError,
    buffer: BytesMut,
    size: usize,
}

impl<R: std::io::Read> ReadBody<R> {
    /// The first piece is of this size at most; each one may be twice as large as the one before.
    const FIRST: usize = 4 * 1024;
    const LARGEST: usize = 256 * 1024;

    /// Creates a body; a read that fails means that the answer was cut off.
    pub fn new(reader: R) -> Self {
        Self::with_error(reader, |error| TransportError::of_chain(error, SendFault::Truncated))
    }

    /// Creates a body whose errors mean what the function says.
    pub fn with_error(reader: R, error: fn(std::io::Error) -> TransportError) -> Self {
        Self { reader, error, buffer: BytesMut::new(), size: Self::FIRST }
    }
}

impl<R> Unpin for ReadBody<R> {}

impl<R: std::io::Read> Stream for ReadBody<R> {
    type Item = Result<Bytes, TransportError>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Self { reader, error, buffer, size } = self.get_mut();
        if buffer.len() < *size {
            buffer.resize(*size, 0);
        }
        loop {
            return Poll::Ready(match reader.read(buffer) {
                Ok(0) => None,
                Ok(length) => {
                    if length == *size {
                        *size = Self::LARGEST.min(2 * *size);
                    }
                    Some(Ok(buffer.split_to(length.min(buffer.len())).freeze()))
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(e) => Some(Err(error(e))),
            });
        }
    }
}
