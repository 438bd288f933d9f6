//! Any `tower_service::Service` over `http` types as a transport.

use std::{future::poll_fn, marker::PhantomData, pin::Pin, task::Poll, time::Duration};

use bytes::{Buf, Bytes};
use futures_util::stream;
use http::{Request, Response};
use http_body::Body as HttpBody;
use tcss_export_core::TransportErrorKind;
use tower_service::Service;

use crate::{
    transport::{Body, Transport},
    transport_error::{BoxError, TransportError},
};

/// A transport from a `tower_service::Service` over `http` types, and an async closure that sleeps.
///
/// The service is cloned for each request and awaited until it is ready. `B` is its request body.
/// [`TransportError::of_chain`] explains its errors.
#[derive(Clone, Debug)]
pub struct Tower<S, L, B = Bytes> {
    service: S,
    sleep: L,
    body: PhantomData<fn(B)>,
}

impl<S, L, B> Tower<S, L, B> {
    /// Creates a transport.
    pub const fn new(service: S, sleep: L) -> Self {
        Self { service, sleep, body: PhantomData }
    }
}

impl<S, L, B, R> Transport for Tower<S, L, B>
where
    S: Service<Request<B>, Response = Response<R>, Error: Into<BoxError>> + Clone,
    L: AsyncFn(Duration),
    B: From<Bytes>,
    R: HttpBody<Error: Into<BoxError>> + Send + Unpin + 'static,
{
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        let mut service = self.service.clone();
        let failed =
            |error: S::Error| TransportError::of_chain(error, TransportErrorKind::Connection);
        poll_fn(|context| service.poll_ready(context)).await.map_err(failed)?;
        let response = service.call(request.map(B::from)).await.map_err(failed)?;
        Ok(response.map(|body| from_http_body(body, TransportError::of_chain)))
    }

    async fn sleep(&self, duration: Duration) {
        (self.sleep)(duration).await;
    }
}

/// Creates a [`Body`] from an `http_body::Body`; trailers are dropped.
///
/// `explain` gets each error, and what a broken connection means at this stage.
pub fn from_http_body<B>(
    mut body: B,
    explain: fn(BoxError, TransportErrorKind) -> TransportError,
) -> Body
where
    B: HttpBody<Error: Into<BoxError>> + Send + Unpin + 'static,
{
    Body::from_stream(stream::poll_fn(move |context| {
        loop {
            let frame = match std::task::ready!(Pin::new(&mut body).poll_frame(context)) {
                None => return Poll::Ready(None),
                Some(Ok(frame)) => frame.into_data(),
                Some(Err(error)) => {
                    let error = explain(error.into(), TransportErrorKind::Truncated);
                    return Poll::Ready(Some(Err(error)));
                }
            };
            if let Ok(mut data) = frame {
                let length = data.remaining();
                return Poll::Ready(Some(Ok(data.copy_to_bytes(length))));
            }
        }
    }))
}
