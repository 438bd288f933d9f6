//! A transport whose starts are noted.

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

/// The moments at which starts were granted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Grants(Arc<Mutex<Vec<Mono>>>);

impl Grants {
    fn note(&self, at: Mono) {
        self.0.lock().expect("no panic").push(at);
    }

    pub(crate) fn count(&self) -> usize {
        self.0.lock().expect("no panic").len()
    }

    pub(crate) fn assert_spacing(&self, spacing: Duration, seed: u64) {
        let mut moments = self.0.lock().expect("no panic").clone();
        moments.sort();
        for pair in moments.windows(2) {
            let gap = pair[1].saturating_since(pair[0]);
            assert!(gap >= spacing, "seed {seed}: two starts are {gap:?} apart");
        }
    }
}

/// A transport whose starts are noted. The last moment that a loop has asked for before it sends is
/// the one at which its start was granted.
#[derive(Debug)]
pub(crate) struct Watched<T> {
    transport: T,
    now: Mutex<Now>,
    grants: Grants,
}

impl<T> Watched<T> {
    pub(crate) fn new(transport: T, grants: &Grants) -> Self {
        Self { transport, now: Mutex::default(), grants: grants.clone() }
    }
}

impl<T: Transport> Transport for Watched<T> {
    fn now(&self) -> Now {
        let now = self.transport.now();
        *self.now.lock().expect("no panic") = now;
        now
    }

    async fn sleep(&self, duration: Duration) {
        self.transport.sleep(duration).await;
    }

    async fn send(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        self.grants.note(self.now.lock().expect("no panic").mono);
        self.transport.send(request).await
    }
}

impl<T: Blocking> Blocking for Watched<T> {}
