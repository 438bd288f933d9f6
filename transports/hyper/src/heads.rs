//! Limits the heads of a response, so that interim heads (status 1xx) cannot go on for ever.

use std::{
    future::poll_fn,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Poll, Waker},
};

use http::{Request, Response};
use hyper::ext::on_informational;
use tcss_export_core::TransportErrorKind;
use tcss_export_driver::{HEAD_LIMIT, TransportError, head_size};

/// The heads of one response so far.
///
/// hyper skips interim heads without a limit, and the task of the connection does little else
/// while they arrive.
#[derive(Clone, Default)]
pub(crate) struct Heads(Arc<Mutex<Count>>);

#[derive(Default)]
struct Count {
    bytes: usize,
    /// Wakes the exchange once the heads are too large.
    waker: Option<Waker>,
}

impl Heads {
    /// Counts the interim heads of the response to this request.
    pub(crate) fn of<B>(request: &mut Request<B>) -> Self {
        let heads = Self::default();
        let counted = heads.clone();
        on_informational(request, move |head| {
            let mut count = counted.lock();
            count.bytes += head_size(head.headers());
            if count.bytes > HEAD_LIMIT
                && let Some(waker) = count.waker.take()
            {
                waker.wake();
            }
        });
        heads
    }

    /// Waits for the response until its heads are too large. hyper closes the connection of a
    /// request that is dropped.
    pub(crate) async fn limit<B>(
        self,
        response: impl Future<Output = Result<Response<B>, TransportError>>,
    ) -> Result<Response<B>, TransportError> {
        let mut response = pin!(response);
        let response = poll_fn(|context| {
            let mut count = self.lock();
            if count.bytes > HEAD_LIMIT {
                return Poll::Ready(Err(too_large()));
            }
            count.waker = Some(context.waker().clone());
            drop(count);
            response.as_mut().poll(context)
        });
        let response = response.await?;
        match self.lock().bytes + head_size(response.headers()) {
            ..=HEAD_LIMIT => Ok(response),
            _ => Err(too_large()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Count> {
        // A panic while holding the lock cannot leave the two inconsistent.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn too_large() -> TransportError {
    TransportError::new(TransportErrorKind::Connection, "the head of the answer is too large")
}
