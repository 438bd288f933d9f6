use std::{
    error::Error,
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Buf, Bytes};
use futures_util::stream::Stream;
use http::{Request, Response};
use http_body::Body;
use tcss_export_core::SendFault;
use tower_service::Service;

use crate::{error::TransportError, transport::Transport};

type BoxError = Box<dyn Error + Send + Sync>;

/// What an error means; the fault is that of a connection which broke at this stage.
type Judge = fn(BoxError, SendFault) -> TransportError;

/// A `tower_service::Service` of requests, and a sleep, as a transport.
#[derive(Clone, Debug)]
pub struct Tower<S, L, B = Bytes> {
    service: S,
    sleep: L,
    judge: Judge,
    body: std::marker::PhantomData<fn(B)>,
}

impl<S, L, B> Tower<S, L, B> {
    /// Makes a transport of a service, which is cloned for each request.
    pub fn new(service: S, sleep: L) -> Self {
        let judge: Judge = |error, broken| TransportError::of_chain(error, broken);
        Self { service, sleep, judge, body: std::marker::PhantomData }
    }

    /// Sets what the errors mean: those of the service, and those of its bodies.
    #[must_use]
    pub fn with_judge(mut self, judge: Judge) -> Self {
        self.judge = judge;
        self
    }
}

impl<S, L, B, R> Transport for Tower<S, L, B>
where
    S: Service<Request<B>, Response = Response<R>, Error: Into<BoxError>> + Clone,
    L: AsyncFn(Duration),
    B: From<Bytes>,
    R: Body<Error: Into<BoxError>> + Unpin,
{
    type Body = BodyStream<R>;

    async fn send(&self, request: Request<Bytes>) -> Result<Response<Self::Body>, TransportError> {
        let (mut service, judge) = (self.service.clone(), self.judge);
        let failed = |error: S::Error| judge(error.into(), SendFault::Connection);
        poll_fn(|context| service.poll_ready(context)).await.map_err(failed)?;
        let answer = service.call(request.map(B::from)).await.map_err(failed)?;
        Ok(answer.map(|body| BodyStream { body, judge }))
    }

    async fn sleep(&self, duration: Duration) {
        (self.sleep)(duration).await;
    }
}

/// The data of an [`http_body::Body`], without its trailers.
#[derive(Debug)]
pub struct BodyStream<R> {
    body: R,
    judge: Judge,
}

impl<R> BodyStream<R> {
    /// Makes a stream of a body.
    pub const fn new(body: R, judge: Judge) -> Self {
        Self { body, judge }
    }
}

impl<R: Body<Error: Into<BoxError>> + Unpin> Stream for BodyStream<R> {
    type Item = Result<Bytes, TransportError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            let frame = match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                None => return Poll::Ready(None),
                Some(Ok(frame)) => frame.into_data(),
                Some(Err(error)) => {
                    let error = (self.judge)(error.into(), SendFault::Truncated);
                    return Poll::Ready(Some(Err(error)));
                }
            };
            if let Ok(mut data) = frame {
                let length = data.remaining();
                return Poll::Ready(Some(Ok(data.copy_to_bytes(length))));
            }
        }
    }
}
