//! A machine with a role and a clock of its own: a transport without sockets and sleeps.

use std::{
    future::poll_fn,
    sync::{Arc, Mutex, MutexGuard},
    task::Poll,
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use tcss_export::{
    core::{Mono, Now, Wall},
    driver::{Body, Limits, Transport, TransportError, TransportErrorKind},
};

pub(crate) const START: i64 = 1_700_000_000;

/// Its metadata service issues numbered keys. Clones share one state.
#[derive(Clone, Default)]
pub(crate) struct VirtualMachine(Arc<Mutex<State>>);

#[derive(Default)]
pub(crate) struct State {
    /// How far both clocks have gone, in seconds.
    pub(crate) elapsed: u64,
    /// How far the wall clock has jumped, in seconds.
    pub(crate) jump: i64,
    /// The lifetime of issued keys in seconds.
    pub(crate) lifetime: i64,
    pub(crate) fails: bool,
    /// Whether answers have a `Date`.
    pub(crate) sends_date: bool,
    /// Status and body in place of the name of the role.
    pub(crate) role: Option<(u16, String)>,
    /// Text in place of the keys.
    pub(crate) text: Option<String>,
    /// Whether its metadata service repeats the last keys.
    pub(crate) repeats: bool,
    last_keys: String,
    issued: u32,
    sent: Vec<(String, Limits)>,
}

impl VirtualMachine {
    pub(crate) fn with_lifetime(lifetime: i64) -> Self {
        let machine = Self::default();
        machine.state().lifetime = lifetime;
        machine
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    pub(crate) fn issued(&self) -> u32 {
        self.state().issued
    }

    /// The URLs of all requests.
    pub(crate) fn sent(&self) -> Vec<String> {
        self.state().sent.iter().map(|(url, _)| url.clone()).collect()
    }

    pub(crate) fn limits(&self) -> Vec<Limits> {
        self.state().sent.iter().map(|(_, limits)| limits.clone()).collect()
    }
}

impl State {
    /// The service's clock never jumps.
    fn service_time(&self) -> i64 {
        START + i64::try_from(self.elapsed).unwrap()
    }

    fn answer(&mut self, url: &str) -> Response<Bytes> {
        if let Some((status, body)) = self.role.take() {
            return Response::builder().status(status).body(body.into()).unwrap();
        }
        let body = match url.ends_with('/') {
            true => "example-role".to_owned(),
            false if self.text.is_some() => self.text.clone().unwrap(),
            false if self.repeats => self.last_keys.clone(),
            false => {
                self.issued += 1;
                let (nth, expiry) = (self.issued, self.service_time() + self.lifetime);
                self.last_keys = format!(
                    r#"{{"TmpSecretId":"AKIDEXAMPLE{nth}","TmpSecretKey":"EXAMPLEKEY{nth}",
                    "Token":"EXAMPLETOKEN{nth}","ExpiredTime":{expiry},
                    "Expiration":"2023-11-14T22:13:20Z","Code":"Success"}}"#
                );
                self.last_keys.clone()
            }
        };
        let mut response = Response::new(Bytes::from(body));
        if self.sends_date {
            // Within the first minute after the start, 2023-11-14T22:13:20Z.
            let date = format!("Tue, 14 Nov 2023 22:13:{} GMT", 20 + self.elapsed);
            response.headers_mut().insert("date", date.parse().unwrap());
        }
        response
    }
}

impl Transport for VirtualMachine {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        // Other tasks run while the request is under way.
        let mut is_first = true;
        poll_fn(|context| match std::mem::take(&mut is_first) {
            true => {
                context.waker().wake_by_ref();
                Poll::Pending
            }
            false => Poll::Ready(()),
        })
        .await;
        let mut state = self.state();
        let url = request.uri().to_string();
        state.sent.push((url.clone(), Limits::of(&request)));
        match state.fails {
            true => Err(TransportError::new(TransportErrorKind::Timeout, "requested by a test")),
            false => Ok(state.answer(&url).map(Body::from)),
        }
    }

    async fn sleep(&self, _: Duration) {
        // No limit passes: only a test moves the clocks.
        std::future::pending().await
    }

    fn now(&self) -> Now {
        let state = self.state();
        let wall = Wall::from_unix_seconds(state.service_time() + state.jump);
        Now { wall, mono: Mono::from_origin(Duration::from_secs(state.elapsed)) }
    }
}
