//! Limits the size of a response's heads: hyper accepts interim responses (status 1xx) without end.

use std::{
    future::poll_fn,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Waker,
};

use http::{Request, Response};
use hyper::ext::on_informational;
use tcss_export_driver::{HEAD_LIMIT, TransportError, check_head_size, head_size};

/// Each interim response counts as at least this many bytes, because hyper does not show its reason
/// phrase.
const MIN_COUNTED_SIZE: usize = 512;

/// The heads of one response so far.
///
/// hyper skips interim responses without a limit. While they arrive, they occupy the task of the
/// connection.
#[derive(Clone, Default)]
pub(crate) struct Heads(Arc<Mutex<Count>>);

#[derive(Default)]
struct Count {
    bytes: usize,
    /// Wakes the exchange once the heads are too large.
    waker: Option<Waker>,
}

impl Heads {
    /// Counts the bytes of the interim responses to this request.
    pub(crate) fn of<B>(request: &mut Request<B>) -> Self {
        let heads = Self::default();
        let counted = heads.clone();
        on_informational(request, move |head| {
            let mut count = counted.lock();
            count.bytes += head_size(head.headers()).max(MIN_COUNTED_SIZE);
            if count.bytes > HEAD_LIMIT
                && let Some(waker) = count.waker.take()
            {
                waker.wake();
            }
        });
        heads
    }

    /// Waits for the response until its heads are too large. hyper then closes the connection,
    /// because the request is dropped.
    pub(crate) async fn limit<B>(
        self,
        response: impl Future<Output = Result<Response<B>, TransportError>>,
    ) -> Result<Response<B>, TransportError> {
        let mut response = pin!(response);
        let response = poll_fn(|context| {
            let mut count = self.lock();
            check_head_size(count.bytes)?;
            count.waker = Some(context.waker().clone());
            drop(count);
            response.as_mut().poll(context)
        });
        let response = response.await?;
        check_head_size(self.lock().bytes + head_size(response.headers()))?;
        Ok(response)
    }

    fn lock(&self) -> MutexGuard<'_, Count> {
        // A panic while holding the lock cannot leave the values inconsistent.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
