//! Cancelling what a blocking client does, from another thread.

use std::{
    future::{pending, poll_fn},
    pin::pin,
    sync::{Arc, Mutex},
    task::Poll,
    thread::{self, Thread},
    time::Duration,
};

use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use http::{Request, Response};
use tcss_export_core::Now;

use crate::{
    blocking, lock,
    transport::{Body, OwnedSend, Transport},
    transport_error::TransportError,
};

/// A handle that cancels the waits and downloads of a blocking client from another thread. Clones
/// are the same handle.
///
/// Give it to a client with [`with_cancel`](blocking::Client::with_cancel). It ends a pause at
/// once, provided that the transport sleeps with [`clock::sleep`](crate::clock::sleep), as all
/// transports of this project do. A connection that is being made or read cannot be interrupted:
/// then the wait or download ends when that call returns or reaches its limit.
///
/// A handle cannot be reset. To cancel async code, drop its future.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    is_cancelled: bool,
    /// The threads to wake.
    threads: Vec<Thread>,
}

impl Cancel {
    /// Cancels all waits and downloads with this handle, now and later.
    pub fn cancel(&self) {
        let mut state = lock(&self.0);
        state.is_cancelled = true;
        state.threads.iter().for_each(Thread::unpark);
    }

    /// Returns whether [`cancel`](Self::cancel) was called.
    pub fn is_cancelled(&self) -> bool {
        lock(&self.0).is_cancelled
    }

    /// Runs a future on this thread. If it is cancelled, drops the future and returns `None`.
    pub(crate) fn run<O>(&self, future: impl Future<Output = O>) -> Option<O> {
        let mut future = pin!(future);
        let thread = thread::current();
        lock(&self.0).threads.push(thread.clone());
        let output = blocking::run(poll_fn(|context| {
            if !self.is_cancelled()
                && let Poll::Ready(output) = future.as_mut().poll(context)
            {
                return Poll::Ready(Some(output));
            }
            // The poll may have used up the wake-up of a cancellation.
            if self.is_cancelled() { Poll::Ready(None) } else { Poll::Pending }
        }));
        let threads = &mut lock(&self.0).threads;
        if let Some(own) = threads.iter().position(|other| other.id() == thread.id()) {
            threads.swap_remove(own);
        }
        output
    }
}

/// A transport that does nothing more once it is cancelled: its futures stay pending, so that
/// [`Cancel::run`] drops them.
#[derive(Debug)]
pub(crate) struct Cancellable<T> {
    transport: Arc<T>,
    cancel: Cancel,
}

impl<T> Cancellable<T> {
    pub(crate) const fn new(transport: Arc<T>, cancel: Cancel) -> Self {
        Self { transport, cancel }
    }

    async fn stop_if_cancelled(&self) {
        if self.cancel.is_cancelled() {
            pending().await
        }
    }
}

impl<T: Transport> Transport for Cancellable<T> {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        self.stop_if_cancelled().await;
        let response = self.transport.send(request).await?;
        let cancel = self.cancel.clone();
        Ok(response.map(|mut body| {
            Body::from_stream(stream::poll_fn(move |context| match cancel.is_cancelled() {
                true => Poll::Pending,
                false => body.poll_next_unpin(context),
            }))
        }))
    }

    fn send_owned(&self, request: Request<Bytes>) -> Option<OwnedSend> {
        // Only `Cancel::run` polls it, which stops after a cancellation.
        self.transport.send_owned(request)
    }

    async fn sleep(&self, duration: Duration) {
        self.stop_if_cancelled().await;
        self.transport.sleep(duration).await;
    }

    fn now(&self) -> Now {
        self.transport.now()
    }
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use super::*;

    #[test]
    fn a_call_that_has_ended_leaves_no_thread_behind() {
        let cancel = Cancel::default();
        let inner = cancel.clone();
        assert_eq!(cancel.run(async { lock(&inner.0).threads.len() }), Some(1));
        assert!(lock(&cancel.0).threads.is_empty());
        cancel.cancel();
        assert_eq!(cancel.run(ready(())), None);
        assert!(lock(&cancel.0).threads.is_empty());
    }
}
