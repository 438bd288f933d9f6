//! A transport that records when each start was granted.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use tcss_export::{
    core::{Mono, Now},
    driver::{Blocking, Body, Transport, TransportError},
};

/// The times at which the budget granted a start.
#[derive(Clone, Debug, Default)]
pub(crate) struct Grants(Arc<Mutex<Vec<Mono>>>);

impl Grants {
    fn push(&self, at: Mono) {
        self.0.lock().expect("no panic").push(at);
    }

    pub(crate) fn count(&self) -> usize {
        self.0.lock().expect("no panic").len()
    }

    pub(crate) fn assert_spacing(&self, spacing: Duration, seed: u64) {
        let mut times = self.0.lock().expect("no panic").clone();
        times.sort();
        // A start that is late by up to 1/25 of the spacing does not delay the next one.
        let shortest = spacing - spacing / 25;
        for pair in times.windows(2) {
            let gap = pair[1].saturating_since(pair[0]);
            assert!(gap >= shortest, "seed {seed}: two starts are {gap:?} apart");
        }
    }
}

/// A transport that records when each start was granted: the driver's last call of `now` before
/// `send`.
#[derive(Debug)]
pub(crate) struct Recording<T> {
    transport: T,
    now: Mutex<Now>,
    grants: Grants,
}

impl<T> Recording<T> {
    pub(crate) fn new(transport: T, grants: &Grants) -> Self {
        Self { transport, now: Mutex::default(), grants: grants.clone() }
    }
}

impl<T: Transport> Transport for Recording<T> {
    fn now(&self) -> Now {
        let now = self.transport.now();
        *self.now.lock().expect("no panic") = now;
        now
    }

    async fn sleep(&self, duration: Duration) {
        self.transport.sleep(duration).await;
    }

    async fn send(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        self.grants.push(self.now.lock().expect("no panic").mono);
        self.transport.send(request).await
    }
}

impl<T: Blocking> Blocking for Recording<T> {}
