//! Closures as transports: the simplest way to use another HTTP client.

use std::{io::Read, time::Duration};

use bytes::Bytes;
use http::{Request, Response};

use crate::{
    clock,
    transport::{Blocking, Body, Transport},
    transport_error::TransportError,
};

/// Creates a transport from two async closures.
///
/// `send` sends one request, as [`Transport::send`] describes; `sleep` uses the timer of the
/// runtime. [`TransportError::connection`] takes the error of any client.
///
/// ```
/// # use bytes::Bytes;
/// # use http::{Request, Response};
/// use tcss_export_driver::{Body, TransportError, async_fn};
/// # async fn my_client(_: Request<Bytes>) -> Result<Response<Bytes>, std::fmt::Error> {
/// #     Ok(Response::new(Bytes::new()))
/// # }
///
/// let transport = async_fn(
///     async |request| {
///         let response = my_client(request).await.map_err(TransportError::connection)?;
///         Ok(response.map(Body::from))
///     },
///     async |duration| tokio::time::sleep(duration).await,
/// );
/// # drop(transport);
/// ```
pub const fn async_fn<X, S>(send: X, sleep: S) -> AsyncClosures<X, S>
where
    X: AsyncFn(Request<Bytes>) -> Result<Response<Body>, TransportError>,
    S: AsyncFn(Duration),
{
    AsyncClosures { send, sleep }
}

/// Creates a transport from one blocking closure, which returns a response with a reader as its
/// body.
///
/// The closure sends one request, as [`Transport::send`] describes. A body that is already in
/// memory can be wrapped in a `Cursor`. Sleeping blocks the thread. `wait_all` calls the closure
/// from several threads, so it must be `Send + Sync + 'static` there.
/// [`TransportError::connection`] takes the error of any client.
///
/// ```
/// # use std::io::Cursor;
/// # use bytes::Bytes;
/// # use http::{Request, Response};
/// use tcss_export_driver::{TransportError, blocking_fn};
/// # fn my_client(_: Request<Bytes>) -> Result<Response<Bytes>, std::fmt::Error> {
/// #     Ok(Response::new(Bytes::new()))
/// # }
///
/// let transport = blocking_fn(|request| {
///     let response = my_client(request).map_err(TransportError::connection)?;
///     Ok(response.map(Cursor::new))
/// });
/// # drop(transport);
/// ```
pub const fn blocking_fn<X, R>(send: X) -> impl Blocking
where
    X: Fn(Request<Bytes>) -> Result<Response<R>, TransportError>,
    R: Read + Send + 'static,
{
    BlockingClosure(send)
}

/// A transport made of two async closures: see [`async_fn`].
#[derive(Clone, Copy, Debug)]
pub struct AsyncClosures<X, S> {
    send: X,
    sleep: S,
}

impl<X, S> Transport for AsyncClosures<X, S>
where
    X: AsyncFn(Request<Bytes>) -> Result<Response<Body>, TransportError>,
    S: AsyncFn(Duration),
{
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        (self.send)(request).await
    }

    async fn sleep(&self, duration: Duration) {
        (self.sleep)(duration).await;
    }
}

struct BlockingClosure<X>(X);

impl<X, R> Transport for BlockingClosure<X>
where
    X: Fn(Request<Bytes>) -> Result<Response<R>, TransportError>,
    R: Read + Send + 'static,
{
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        Ok((self.0)(request)?.map(Body::from_reader))
    }

    async fn sleep(&self, duration: Duration) {
        clock::sleep(duration);
    }
}

impl<X, R> Blocking for BlockingClosure<X>
where
    X: Fn(Request<Bytes>) -> Result<Response<R>, TransportError>,
    R: Read + Send + 'static,
{
}
