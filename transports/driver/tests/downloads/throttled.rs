//! A file server in virtual time that limits the rate of each connection, and may limit their
//! number.

use std::{
    collections::VecDeque,
    future::pending,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, Request, Response};
use tcss_export_core::{Limits, Mono, Now, TransportErrorKind, Wall};
use tcss_export_driver::{Body, OwnedSend, Transport, TransportError};
use tokio::time::{Instant, sleep};

use crate::server::{File, Piece, Reply};

/// The time between a request and its head.
pub(crate) const ROUND_TRIP: Duration = Duration::from_millis(5);
/// The time between two pieces of a body.
pub(crate) const PAUSE: Duration = Duration::from_millis(10);
pub(crate) const PIECE: usize = 64 << 10;

/// The answer of the API to each poll.
const NEW_URL: &str = r#"{"Response":{"ExportStatus":"SUCCESS",
    "DownloadURL":"https://h.example/a.csv?q-signature=EXAMPLE0002","RequestId":"r-1"}}"#;

/// What a request asked for.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// Counts the requests, from 0.
    pub(crate) nth: usize,
    /// `Range` without its unit; empty for a request without.
    pub(crate) range: String,
    pub(crate) url: String,
    pub(crate) headers: HeaderMap,
    pub(crate) limits: Limits,
    /// The connections that were busy before.
    pub(crate) busy: usize,
}

type Change = Box<dyn FnMut(&Asked, Reply) -> Reply + Send>;

/// Clones are the same server.
#[derive(Clone)]
pub(crate) struct Server {
    state: Arc<Mutex<State>>,
    began: Instant,
    /// The number of connections that get an answer at the same time; others wait.
    serves: usize,
}

struct State {
    file: File,
    change: Change,
    asked: Vec<Asked>,
    /// The connections that wait for an answer or receive a body, in order.
    busy: VecDeque<usize>,
    most_busy: usize,
    connections: usize,
}

impl Server {
    pub(crate) fn new(file: &File) -> Self {
        Self::with(file, |_, reply| reply)
    }

    /// Changes the reply to each request.
    pub(crate) fn with(
        file: &File,
        change: impl FnMut(&Asked, Reply) -> Reply + Send + 'static,
    ) -> Self {
        let (file, change) = (file.clone(), Box::new(change));
        let state = State {
            file,
            change,
            asked: vec![],
            busy: VecDeque::new(),
            most_busy: 0,
            connections: 0,
        };
        Self { state: Arc::new(Mutex::new(state)), began: Instant::now(), serves: usize::MAX }
    }

    /// Answers this many connections at a time, and leaves the others waiting.
    pub(crate) fn serving_at_once(self, connections: usize) -> Self {
        Self { serves: connections, ..self }
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.state().asked.clone()
    }

    pub(crate) fn ranges(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.range).collect()
    }

    /// Returns the number of connections that wait for an answer or receive a body.
    pub(crate) fn busy(&self) -> usize {
        self.state().busy.len()
    }

    pub(crate) fn most_busy(&self) -> usize {
        self.state().most_busy
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic")
    }

    async fn answer(self, request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        let busy = Busy::new(&self);
        sleep(ROUND_TRIP).await;
        while busy.position() >= self.serves {
            sleep(ROUND_TRIP).await;
        }
        let Reply { head, body } = self.reply(request, busy.before);
        let head = head.map_err(|fault| TransportError::new(fault, "made up"))?;
        Ok(head.map(|()| Body::from_stream(stream::unfold((body, busy), next))))
    }

    fn reply(&self, request: Request<Bytes>, busy: usize) -> Reply {
        let mut state = self.state();
        let range =
            request.headers().get("range").map_or("", |range| range.to_str().expect("text"));
        let asked = Asked {
            nth: state.asked.len(),
            range: range.trim_start_matches("bytes=").to_owned(),
            url: request.uri().to_string(),
            headers: request.headers().clone(),
            limits: Limits::of(&request),
            busy,
        };
        state.asked.push(asked.clone());
        let reply = state.file.answer(&request.map(drop)).in_pieces(PIECE).slowly(PAUSE);
        (state.change)(&asked, reply)
    }
}

async fn next(
    (mut pieces, busy): (VecDeque<Piece>, Busy),
) -> Option<(Result<Bytes, TransportError>, (VecDeque<Piece>, Busy))> {
    loop {
        match pieces.pop_front()? {
            Piece::Pause(time) => sleep(time).await,
            Piece::Bytes(bytes) => return Some((Ok(bytes), (pieces, busy))),
            Piece::Broken => {
                let error = TransportError::new(TransportErrorKind::Truncated, "made up");
                return Some((Err(error), (VecDeque::new(), busy)));
            }
            Piece::Hang => pending().await,
        }
    }
}

/// A busy connection.
struct Busy {
    server: Server,
    id: usize,
    /// The number of other connections that were busy at its start.
    before: usize,
}

impl Busy {
    fn new(server: &Server) -> Self {
        let mut state = server.state();
        let (id, before) = (state.connections, state.busy.len());
        state.connections += 1;
        state.busy.push_back(id);
        state.most_busy = state.most_busy.max(before + 1);
        Self { server: server.clone(), id, before }
    }

    /// Returns how many connections are before this one.
    fn position(&self) -> usize {
        self.server.state().busy.iter().position(|id| *id == self.id).expect("a busy connection")
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.server.state().busy.retain(|id| *id != self.id);
    }
}

impl Transport for Server {
    fn now(&self) -> Now {
        let wall = 1_699_979_400_000 + self.elapsed().as_millis() as i64;
        Now { wall: Wall::from_unix_millis(wall), mono: Mono::from_origin(self.elapsed()) }
    }

    async fn sleep(&self, duration: Duration) {
        sleep(duration).await;
    }

    async fn send(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        if request.headers().contains_key("authorization") {
            return Ok(Response::new(Bytes::from(NEW_URL).into()));
        }
        self.clone().answer(request).await
    }

    fn send_owned(&self, request: Request<Bytes>) -> Option<OwnedSend> {
        Some(Box::pin(self.clone().answer(request)))
    }
}
