//! A transport whose starts are noted.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use tcss_export::{
    Credentials, Mono, Now, TransportError,
    driver::{asynchronous, blocking, clock},
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

/// A client as a platform of its loop. The last moment that a loop has asked for before it sends
/// is the one at which its start was granted.
#[derive(Debug)]
pub(crate) struct Watched<C> {
    client: C,
    now: Mutex<Now>,
    grants: Grants,
}

impl<C> Watched<C> {
    pub(crate) fn new(client: C, grants: &Grants) -> Self {
        Self { client, now: Mutex::default(), grants: grants.clone() }
    }

    fn read_clock(&self) -> Now {
        let now = clock::now();
        *self.now.lock().expect("no panic") = now;
        now
    }

    fn note_start(&self) {
        self.grants.note(self.now.lock().expect("no panic").mono);
    }
}

type Sent = Result<Response<Bytes>, TransportError>;

impl blocking::Platform for Watched<tcss_export::ureq::Client> {
    fn now(&mut self) -> Now {
        self.read_clock()
    }

    fn credentials(&mut self, fresh: bool) -> Result<Credentials, TransportError> {
        blocking::Platform::credentials(&mut &self.client, fresh)
    }

    fn send(&mut self, request: Request<Bytes>) -> Sent {
        self.note_start();
        blocking::Platform::send(&mut &self.client, request)
    }
}

impl asynchronous::Platform for Watched<tcss_export::hyper::Client> {
    fn now(&self) -> Now {
        self.read_clock()
    }

    async fn sleep(&self, duration: Duration) {
        asynchronous::Platform::sleep(&&self.client, duration).await;
    }

    async fn credentials(&self, fresh: bool) -> Result<Credentials, TransportError> {
        asynchronous::Platform::credentials(&&self.client, fresh).await
    }

    async fn send(&self, request: Request<Bytes>) -> Sent {
        self.note_start();
        asynchronous::Platform::send(&&self.client, request).await
    }
}
