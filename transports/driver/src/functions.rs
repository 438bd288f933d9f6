//! Closures as transports.

use std::{io::Read, time::Duration};

use bytes::Bytes;
use futures_util::stream::Stream;
use http::{Request, Response};

use crate::{
    blocking, clock,
    error::TransportError,
    transport::{ReadBody, Transport},
};

/// A transport of two async closures, made by [`async_fn`].
#[derive(Clone, Copy, Debug)]
pub struct AsyncClosures<X, S> {
    send: X,
    sleep: S,
}

/// Makes a transport of two async closures.
pub const fn async_fn<X, S, B>(send: X, sleep: S) -> AsyncClosures<X, S>
where
    X: AsyncFn(Request<Bytes>) -> Result<Response<B>, TransportError>,
    S: AsyncFn(Duration),
    B: Stream<Item = Result<Bytes, TransportError>> + Unpin,
{
    AsyncClosures { send, sleep }
}

impl<X, S, B> Transport for AsyncClosures<X, S>
where
    X: AsyncFn(Request<Bytes>) -> Result<Response<B>, TransportError>,
    S: AsyncFn(Duration),
    B: Stream<Item = Result<Bytes, TransportError>> + Unpin,
{
    type Body = B;

    async fn send(&self, request: Request<Bytes>) -> Result<Response<B>, TransportError> {
        (self.send)(request).await
    }

    async fn sleep(&self, duration: Duration) {
        (self.sleep)(duration).await;
    }
}

impl<X, R> Transport for blocking::Closure<X>
where
    X: Fn(Request<Bytes>) -> Result<Response<R>, TransportError>,
    R: Read,
{
    type Body = ReadBody<R>;

    async fn send(&self, request: Request<Bytes>) -> Result<Response<Self::Body>, TransportError> {
        Ok((self.0)(request)?.map(ReadBody::new))
    }

    async fn sleep(&self, duration: Duration) {
        clock::sleep(duration);
    }
}
