//! A transport for tests: a clock that moves only when the code sleeps or an answer is slow, a
//! scripted file server and a scripted API.

use std::{
    collections::VecDeque,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::stream::Stream;
use http::{Request, Response};
use tcss_export_core::{
    Credentials, DownloadUrl, Endpoint, JobId, Limits, Mono, Now, Session, TransportErrorKind,
    Wall,
    download::{Downloaded, Event, EventKind, Policy},
};
use tcss_export_driver::{
    Blocking, Body, Client, DownloadError, Source, Target, Transport, TransportError, blocking,
};

use crate::server::{File, Piece, Reply};

pub(crate) const URL: &str = "https://h.example/a.csv?q-signature=EXAMPLE0001";
pub(crate) const OTHER_URL: &str = "https://h.example/a.csv?q-signature=EXAMPLE0002";

type Script = Box<dyn FnMut(&Request<()>) -> Reply + Send>;

/// Clones share one state.
#[derive(Clone)]
pub(crate) struct TestTransport(Arc<Mutex<State>>);

struct State {
    now: Duration,
    slept: Vec<Duration>,
    script: Script,
    /// URL, `Range` and `If-Range` of each request.
    requests: Vec<[String; 3]>,
    api: VecDeque<String>,
    /// The limit of each request to the API.
    exchange_limits: Vec<Duration>,
    /// Whether a body that hangs reports a timeout itself, as blocking transports do.
    is_blocking: bool,
}

impl TestTransport {
    /// Answers each request by calling the script.
    pub(crate) fn new(script: impl FnMut(&Request<()>) -> Reply + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(State {
            now: Duration::ZERO,
            slept: vec![],
            script: Box::new(script),
            requests: vec![],
            api: VecDeque::new(),
            exchange_limits: vec![],
            is_blocking: false,
        })))
    }

    /// Serves a file to every request.
    pub(crate) fn serving(file: &File) -> Self {
        let file = file.clone();
        Self::new(move |request| file.answer(request))
    }

    /// Serves a file; each fault changes one reply, and the later replies are correct.
    pub(crate) fn faulty<const N: usize>(file: &File, faults: [fn(Reply) -> Reply; N]) -> Self {
        let (file, mut faults) = (file.clone(), faults.into_iter());
        Self::new(move |request| {
            let reply = file.answer(request);
            faults.next().map_or_else(|| file.answer(request), |fault| fault(reply))
        })
    }

    /// Answers the polls of the job with these bodies in order.
    pub(crate) fn with_api<const N: usize>(self, answers: [&str; N]) -> Self {
        self.state().api = answers.map(String::from).into();
        self
    }

    pub(crate) fn slept(&self) -> Vec<Duration> {
        self.state().slept.clone()
    }

    /// Returns the time since the start.
    pub(crate) fn elapsed(&self) -> Duration {
        self.state().now
    }

    pub(crate) fn requests(&self) -> usize {
        self.state().requests.len()
    }

    /// Returns the `Range` of each request.
    pub(crate) fn ranges(&self) -> Vec<String> {
        self.state().requests.iter().map(|[_, range, _]| range.clone()).collect()
    }

    pub(crate) fn urls(&self) -> Vec<String> {
        self.state().requests.iter().map(|[url, ..]| url.clone()).collect()
    }

    pub(crate) fn exchange_limits(&self) -> Vec<Duration> {
        self.state().exchange_limits.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no panic")
    }

    fn body(&self, pieces: VecDeque<Piece>) -> Body {
        Body::from_stream(Pieces { pieces, transport: self.clone() })
    }

    fn read_clocks(&self) -> Now {
        let now = self.state().now;
        let wall = Wall::from_unix_millis(1_699_979_400_000 + now.as_millis() as i64);
        Now { wall, mono: Mono::from_origin(now) }
    }

    fn advance(&self, time: Duration) {
        self.state().now += time;
    }

    fn call(&self, request: &Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let limit = Limits::of(request).total.expect("a limit");
        self.state().exchange_limits.push(limit);
        let answer = self.state().api.pop_front().expect("an answer of the API is left");
        Ok(Response::new(answer.into()))
    }

    fn answer(&self, request: &Request<()>) -> Result<Response<Body>, TransportError> {
        let header = |name| {
            let value = request.headers().get(name).map(|value| value.to_str().expect("text"));
            value.unwrap_or_default().to_owned()
        };
        let mut state = self.state();
        let seen = [request.uri().to_string(), header("range"), header("if-range")];
        state.requests.push(seen);
        let Reply { head, body } = (state.script)(request);
        match head {
            Ok(head) => Ok(head.map(|()| self.body(body))),
            Err(fault) => Err(TransportError::new(fault, "made up")),
        }
    }
}

fn credentials() -> Credentials {
    Credentials::new("AKIDEXAMPLE", "EXAMPLEKEY").expect("not empty")
}

/// The body of an answer.
struct Pieces {
    pieces: VecDeque<Piece>,
    transport: TestTransport,
}

impl Stream for Pieces {
    type Item = Result<Bytes, TransportError>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match self.pieces.pop_front() {
                None => return Poll::Ready(None),
                Some(Piece::Pause(time)) => self.transport.advance(time),
                Some(Piece::Bytes(bytes)) => return Poll::Ready(Some(Ok(bytes))),
                Some(Piece::Broken) => {
                    let error = TransportError::new(TransportErrorKind::Truncated, "made up");
                    return Poll::Ready(Some(Err(error)));
                }
                Some(Piece::Hang) if !self.transport.state().is_blocking => return Poll::Pending,
                Some(Piece::Hang) => {
                    // As the stall limit of a blocking transport does.
                    self.transport.advance(Policy::STALL_LIMIT);
                    let error = TransportError::new(TransportErrorKind::Timeout, "made up");
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
    }
}

impl Transport for TestTransport {
    fn now(&self) -> Now {
        self.read_clocks()
    }

    async fn sleep(&self, duration: Duration) {
        self.advance(duration);
        self.state().slept.push(duration);
    }

    async fn send(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        if Limits::of(&request).stall.is_some() {
            return self.answer(&request.map(drop));
        }
        let answer = self.call(&request)?;
        Ok(answer.map(|bytes| self.body([Piece::Bytes(bytes)].into())))
    }
}

impl Blocking for TestTransport {}

pub(crate) fn async_client<T: Transport>(transport: T) -> Client<T> {
    Client::with_transport(session(), credentials(), transport).with_seed(7)
}

pub(crate) fn blocking_client(transport: TestTransport) -> blocking::Client<TestTransport> {
    transport.state().is_blocking = true;
    blocking::Client::with_transport(session(), credentials(), transport).with_seed(7)
}

/// Which client runs a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientKind {
    Blocking,
    Async,
}

pub(crate) const BOTH_CLIENTS: [ClientKind; 2] = [ClientKind::Blocking, ClientKind::Async];

pub(crate) type DownloadResult = Result<Downloaded, DownloadError>;

impl ClientKind {
    pub(crate) fn download(
        self,
        transport: &TestTransport,
        target: impl Into<Target>,
    ) -> DownloadResult {
        self.download_with_events(transport, source(), target).1
    }

    /// Downloads, and returns the events and the result.
    pub(crate) fn download_with_events(
        self,
        transport: &TestTransport,
        source: Source,
        target: impl Into<Target>,
    ) -> (Vec<Event>, DownloadResult) {
        let (events, result) = match self {
            Self::Blocking => {
                let download = blocking_client(transport.clone()).download(source, target);
                let mut download = download.expect("a URL");
                (download.by_ref().collect(), download.outcome())
            }
            Self::Async => block_on(async {
                let download = async_client(transport.clone()).download(source, target);
                let (mut download, mut events) = (download.expect("a URL"), vec![]);
                while let Some(event) = download.next().await {
                    events.push(event);
                }
                (events, download.outcome().await)
            }),
        };
        let last_events = events.iter().filter(|event| event.kind == EventKind::Ended).count();
        let expected = usize::from(!matches!(result, Err(DownloadError::File(_))));
        assert_eq!(last_events, expected, "one last event, and none for a file error");
        assert_eq!(events.last().map_or(0, |e| usize::from(e.kind == EventKind::Ended)), expected);
        (events, result)
    }
}

/// Runs a future that waits only for the threads of file I/O.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime").block_on(future)
}

fn session() -> Session {
    Session::new(Endpoint::international())
}

pub(crate) fn source() -> Source {
    Source::new(url(URL))
}

pub(crate) fn job_source() -> Source {
    source().of_job(JobId::new("4711").expect("a job"))
}

pub(crate) fn url(text: &str) -> DownloadUrl {
    DownloadUrl::new(text).expect("not empty")
}

/// Replies with a permanent transport error.
pub(crate) fn permanent_error(_: Reply) -> Reply {
    Reply::unsent(TransportErrorKind::Permanent)
}
