//! What a download runs on: a clock that moves only by sleeping and by slow answers, a scripted
//! file server and a scripted API.

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

/// Everything outside of a download; clones are the same one.
#[derive(Clone)]
pub(crate) struct World(Arc<Mutex<State>>);

struct State {
    now: Duration,
    slept: Vec<Duration>,
    script: Script,
    /// URL, `Range` and `If-Range` of each request.
    requests: Vec<[String; 3]>,
    api: VecDeque<String>,
    /// The limit of each request to the API.
    exchange_limits: Vec<Duration>,
    /// Its caller is not let wait.
    blocks: bool,
}

impl World {
    /// Answers each request as the script says.
    pub(crate) fn new(script: impl FnMut(&Request<()>) -> Reply + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(State {
            now: Duration::ZERO,
            slept: vec![],
            script: Box::new(script),
            requests: vec![],
            api: VecDeque::new(),
            exchange_limits: vec![],
            blocks: false,
        })))
    }

    /// Serves a file to every request.
    pub(crate) fn serving(file: &File) -> Self {
        let file = file.clone();
        Self::new(move |request| file.answer(request))
    }

    /// Serves a file, spoiled once for each of these.
    pub(crate) fn spoiling<const N: usize>(file: &File, spoilers: [fn(Reply) -> Reply; N]) -> Self {
        let (file, mut spoilers) = (file.clone(), spoilers.into_iter());
        Self::new(move |request| {
            let reply = file.answer(request);
            spoilers.next().map_or_else(|| file.answer(request), |spoil| spoil(reply))
        })
    }

    /// Answers polls of the job with these, one after the other.
    pub(crate) fn with_api<const N: usize>(self, answers: [&str; N]) -> Self {
        self.state().api = answers.map(String::from).into();
        self
    }

    pub(crate) fn slept(&self) -> Vec<Duration> {
        self.state().slept.clone()
    }

    /// Returns how long it is since the beginning.
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
        Body::from_stream(Pieces { pieces, world: self.clone() })
    }

    fn read_clocks(&self) -> Now {
        let now = self.state().now;
        let wall = Wall::from_unix_millis(1_699_979_400_000 + now.as_millis() as i64);
        Now { wall, mono: Mono::from_origin(now) }
    }

    fn pass(&self, time: Duration) {
        self.state().now += time;
    }

    fn rest(&self, time: Duration) {
        self.pass(time);
        self.state().slept.push(time);
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

/// The body of an answer, for either loop.
struct Pieces {
    pieces: VecDeque<Piece>,
    world: World,
}

impl Stream for Pieces {
    type Item = Result<Bytes, TransportError>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match self.pieces.pop_front() {
                None => return Poll::Ready(None),
                Some(Piece::Takes(time)) => self.world.pass(time),
                Some(Piece::Bytes(bytes)) => return Poll::Ready(Some(Ok(bytes))),
                Some(Piece::Broken) => {
                    let error = TransportError::new(TransportErrorKind::Truncated, "made up");
                    return Poll::Ready(Some(Err(error)));
                }
                Some(Piece::Silence) if !self.world.state().blocks => return Poll::Pending,
                Some(Piece::Silence) => {
                    // What a transport's own limit does.
                    self.world.pass(Policy::STALL_LIMIT);
                    let error = TransportError::new(TransportErrorKind::Timeout, "made up");
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
    }
}

impl Transport for World {
    fn now(&self) -> Now {
        self.read_clocks()
    }

    async fn sleep(&self, duration: Duration) {
        self.rest(duration);
    }

    async fn send(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        if Limits::of(&request).stall.is_some() {
            return self.answer(&request.map(drop));
        }
        let answer = self.call(&request)?;
        Ok(answer.map(|bytes| self.body([Piece::Bytes(bytes)].into())))
    }
}

impl Blocking for World {}

pub(crate) fn client<T: Transport>(transport: T) -> Client<T> {
    Client::with_transport(session(), credentials(), transport).with_seed(7)
}

/// A client of a world that does not let its caller wait.
pub(crate) fn blocking_client(world: World) -> blocking::Client<World> {
    world.state().blocks = true;
    blocking::Client::with_transport(session(), credentials(), world).with_seed(7)
}

/// One of the two loops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loop {
    Blocking,
    Async,
}

pub(crate) const BOTH: [Loop; 2] = [Loop::Blocking, Loop::Async];

pub(crate) type End = Result<Downloaded, DownloadError>;

impl Loop {
    pub(crate) fn download(self, world: &World, target: impl Into<Target>) -> End {
        self.told(world, source(), target).1
    }

    /// Downloads, and returns the events as well.
    pub(crate) fn told(
        self,
        world: &World,
        source: Source,
        target: impl Into<Target>,
    ) -> (Vec<Event>, End) {
        let (events, end) = match self {
            Self::Blocking => {
                let download = blocking_client(world.clone()).download(source, target);
                let mut download = download.expect("a URL");
                (download.by_ref().collect(), download.outcome())
            }
            Self::Async => run(async {
                let download = client(world.clone()).download(source, target);
                let (mut download, mut events) = (download.expect("a URL"), vec![]);
                while let Some(event) = download.next().await {
                    events.push(event);
                }
                (events, download.outcome().await)
            }),
        };
        let ends = events.iter().filter(|event| event.kind == EventKind::Ended).count();
        let expected = usize::from(!matches!(end, Err(DownloadError::File(_))));
        assert_eq!(ends, expected, "an end is told once, but for an error of the file");
        assert_eq!(events.last().map_or(0, |e| usize::from(e.kind == EventKind::Ended)), expected);
        (events, end)
    }
}

/// Runs a future that waits for nothing but the threads of files.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
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

/// A fault that no next try will mend.
pub(crate) fn for_good(_: Reply) -> Reply {
    Reply::unsent(TransportErrorKind::Permanent)
}
