//! A transport with answers in order, and a clock that moves only when the client sleeps.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use futures_util::stream;
use http::{Request, Response};
use tcss_export_core::{Credentials, Endpoint, Mono, Now, Session, TransportErrorKind, Wall};
use tcss_export_driver::{Blocking, Body, Client, Transport, TransportError, blocking};

pub(crate) const KEY: &str = "EXAMPLEKEY0001";
pub(crate) const TOKEN: &str = "EXAMPLETOKEN0001EXAMPLETOKEN0001EXAMPLETOKEN0001";

/// An answer, or the fault in its place. TOKEN and AUTHORIZATION in it stand for those of the
/// request.
#[derive(Clone)]
pub(crate) struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
    /// Where the connection breaks: before the head, or after the body.
    fault: Option<TransportErrorKind>,
}

impl Reply {
    pub(crate) fn new(status: u16, body: impl Into<String>) -> Self {
        Self { status, headers: vec![], body: body.into(), fault: None }
    }

    /// An answer of the service with these members.
    pub(crate) fn api(members: &str) -> Self {
        Self::new(200, format!(r#"{{"Response":{{{members}}}}}"#))
    }

    pub(crate) fn api_error(code: &str, message: &str, request_id: &str) -> Self {
        Self::api(&format!(
            r#""Error":{{"Code":"{code}","Message":"{message}"}},"RequestId":"{request_id}""#
        ))
    }

    pub(crate) fn fault(fault: TransportErrorKind) -> Self {
        Self { fault: Some(fault), ..Self::new(0, "") }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn broken(self) -> Self {
        Self { fault: Some(TransportErrorKind::Truncated), ..self }
    }

    fn answer(self, request: &Request<Bytes>) -> Result<Response<Body>, TransportError> {
        let error = self.fault.map(|fault| TransportError::new(fault, "made up"));
        if self.status == 0 {
            return Err(error.expect("a fault"));
        }
        let sent = |name| request.headers().get(name).map_or("", |value| value.to_str().unwrap());
        let (token, authorization) = (sent("x-tc-token"), sent("authorization"));
        let fill =
            |text: &str| text.replace("TOKEN", token).replace("AUTHORIZATION", authorization);
        let body = Bytes::from(fill(&self.body));
        let pieces = stream::iter([Ok(body)].into_iter().chain(error.map(Err)));
        let mut response = Response::builder().status(self.status);
        for (name, value) in &self.headers {
            response = response.header(*name, fill(value));
        }
        Ok(response.body(Body::from_stream(pieces)).unwrap())
    }
}

/// Clones share one state.
#[derive(Clone)]
pub(crate) struct TestTransport(Arc<Mutex<State>>);

struct State {
    now: Duration,
    replies: VecDeque<Reply>,
}

impl TestTransport {
    pub(crate) fn new(replies: impl IntoIterator<Item = Reply>) -> Self {
        let replies = replies.into_iter().collect();
        Self(Arc::new(Mutex::new(State { now: Duration::ZERO, replies })))
    }

    pub(crate) fn blocking_client(self) -> blocking::Client<Self> {
        blocking::Client::with_transport(session(), credentials(), self).with_seed(7)
    }

    pub(crate) fn async_client(self) -> Client<Self> {
        Client::with_transport(session(), credentials(), self).with_seed(7)
    }
}

fn session() -> Session {
    Session::new(Endpoint::international())
}

fn credentials() -> Credentials {
    Credentials::new("AKIDEXAMPLE", KEY).unwrap().with_token(TOKEN).unwrap()
}

impl Transport for TestTransport {
    /// The clocks began at 2023-11-14T16:30:00Z.
    fn now(&self) -> Now {
        let now = self.0.lock().unwrap().now;
        let wall = Wall::from_unix_millis(1_699_979_400_000 + now.as_millis() as i64);
        Now { wall, mono: Mono::from_origin(now) }
    }

    async fn sleep(&self, duration: Duration) {
        self.0.lock().unwrap().now += duration;
    }

    async fn send(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        let reply = self.0.lock().unwrap().replies.pop_front();
        reply.expect("another answer").answer(&request)
    }
}

impl Blocking for TestTransport {
    fn threads(&self) -> usize {
        0
    }
}

/// Runs a future whose steps are all ready.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(future)
}
