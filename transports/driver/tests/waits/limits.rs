//! Limits hold even if transports hang, answers are late or jobs are many. The clock of tokio is
//! paused and jumps to the next timer.

use std::{
    cell::Cell,
    pin::Pin,
    rc::Rc,
    sync::{Arc, Mutex, mpsc},
    task::{Context, Wake, Waker},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{Request, Response};
use tcss_export_core::{
    Credentials, Now, TransportErrorKind,
    actions::DescribeExportJobResult,
    wait::{self, EventKind, Policy},
};
use tcss_export_driver::{
    Body, Budget, Client, CredentialSource, Transport, TransportError, async_fn,
};
use tokio::time::Instant;

use crate::{BAD_TOKEN, RUNNING, SUCCESS, clocks, credentials, job, session};

/// A transport without limits of its own, whose first exchange exceeds every limit.
#[derive(Clone)]
struct Slow {
    start: Instant,
    sent: Rc<Cell<u32>>,
    active: Rc<Cell<u32>>,
    max_active: Rc<Cell<u32>>,
}

impl Slow {
    fn new() -> Self {
        let (sent, active, max_active) = Default::default();
        Self { start: Instant::now(), sent, active, max_active }
    }
}

/// Counts an exchange as active until its future ends or is dropped.
struct Active(Rc<Cell<u32>>);

impl Drop for Active {
    fn drop(&mut self) {
        self.0.update(|count| count - 1);
    }
}

impl Transport for Slow {
    fn now(&self) -> Now {
        clocks(self.start.elapsed())
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    async fn send(&self, _request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        self.sent.update(|count| count + 1);
        self.active.update(|count| count + 1);
        self.max_active.update(|most| most.max(self.active.get()));
        let _active = Active(self.active.clone());
        if self.sent.get() == 1 {
            tokio::time::sleep(Duration::from_secs(33)).await;
            return Ok(Response::new(Bytes::from(SUCCESS).into()));
        }
        tokio::time::sleep(Duration::from_secs(20)).await;
        Err(TransportError::new(TransportErrorKind::Permanent, "the answer to the second exchange"))
    }
}

#[tokio::test(start_paused = true)]
async fn a_late_answer_after_the_exchange_limit_is_not_used_for_the_next_exchange() {
    let slow = Slow::new();
    let mut all = Client::with_transport(session(), credentials("AKIDEXAMPLE"), slow.clone())
        .wait_all(stream::iter([job("1")]));
    let (_, outcome) = all.next().await.unwrap();
    let failure = outcome.unwrap_err();
    let source = std::error::Error::source(failure.transport().unwrap()).unwrap();
    assert_eq!(source.to_string(), "the answer to the second exchange");
    assert_eq!((slow.max_active.get(), slow.active.get()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_long_stream_of_jobs_does_not_delay_the_exchanges() {
    let slow = Slow::new();
    let (pulled, sent) = (Rc::new(Cell::new(0)), slow.sent.clone());
    let jobs = stream::iter((0..10_000).map(|nth| {
        pulled.set(nth);
        assert!(nth < 1_000 || sent.get() > 0, "nothing is sent after {nth} jobs");
        job(nth.to_string())
    }));
    let mut all =
        Client::with_transport(session(), credentials("AKIDEXAMPLE"), slow.clone()).wait_all(jobs);
    assert!(all.next().await.is_some());
}

/// A transport of closures with the clock of tokio.
struct Closures<X, S> {
    start: Instant,
    send: X,
    sleep: S,
}

impl<X, S> Transport for Closures<X, S>
where
    X: AsyncFn(Request<Bytes>) -> Result<Response<Bytes>, TransportError>,
    S: AsyncFn(Duration),
{
    fn now(&self) -> Now {
        clocks(self.start.elapsed())
    }

    async fn sleep(&self, duration: Duration) {
        (self.sleep)(duration).await;
    }

    async fn send(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        Ok((self.send)(request).await?.map(Body::from))
    }
}

/// Creates a client whose exchanges, or fetches of credentials too, never end by themselves.
fn hanging(fetch_hangs: bool) -> Client<impl Transport> {
    let credentials = CredentialSource::from_async_fn(move |_| async move {
        if fetch_hangs {
            std::future::pending::<()>().await;
        }
        Ok(credentials("AKIDEXAMPLE"))
    });
    let send = async |_| std::future::pending().await;
    let closures = Closures { start: Instant::now(), send, sleep: tokio::time::sleep };
    Client::with_transport(session(), credentials, closures)
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_even_if_the_transport_or_the_credentials_hang() {
    for fetch_hangs in [false, true] {
        let start = Instant::now();
        let wait = hanging(fetch_hangs).follow(job("1")).outcome();
        let failure = wait.await.unwrap_err();
        assert!(matches!(failure.kind, wait::ErrorKind::Fault(_) | wait::ErrorKind::TimedOut));
        // Nine exchange limits, and the pauses between.
        assert!(start.elapsed() <= Policy::EXCHANGE_LIMIT * 9 + Duration::from_secs(40));
        let action = DescribeExportJobResult::new(job("1"));
        let start = Instant::now();
        let result = hanging(fetch_hangs).send(&action).await;
        assert!(result.is_err());
        assert_eq!(start.elapsed().as_secs(), Policy::EXCHANGE_LIMIT.as_secs());
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_times_out_has_exactly_one_last_event() {
    let start = Instant::now();
    let send = async |_| Ok(Response::new(RUNNING.into()));
    let closures = Closures { start, send, sleep: tokio::time::sleep };
    let mut policy = Policy::default();
    policy.max_wait = Duration::from_secs(4);
    let client = Client::with_transport(session(), credentials("AKIDEXAMPLE"), closures);
    let mut wait = client.with_policy(policy).follow(job("1"));
    let mut ends = Vec::new();
    while let Some(event) = wait.next().await {
        ends.push(event.kind == EventKind::Ended);
    }
    assert_eq!(ends, [false, false, true]);
    assert_eq!(wait.outcome().await.unwrap_err().kind, wait::ErrorKind::TimedOut);
}

/// Two jobs. The first ends while a fetch of its credentials is under way; the service has just
/// refused the token of the second.
#[derive(Clone)]
struct Rotating {
    start: Instant,
    fetches: Arc<Mutex<Vec<bool>>>,
}

impl Transport for Rotating {
    fn now(&self) -> Now {
        clocks(self.start.elapsed())
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    async fn send(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        if request.body() == r#"{"JobId":"first"}"# {
            return Ok(Response::new(Bytes::from(RUNNING).into()));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        let authorization = request.headers()["authorization"].to_str().unwrap();
        let is_fresh = authorization.contains("Credential=FRESH/");
        Ok(Response::new(Bytes::from(if is_fresh { SUCCESS } else { BAD_TOKEN }).into()))
    }
}

impl Rotating {
    async fn credentials(self, fresh: bool) -> Result<Credentials, TransportError> {
        self.fetches.lock().unwrap().push(fresh);
        if self.start.elapsed() > Duration::from_millis(9_880) && !fresh {
            tokio::time::sleep(Duration::from_millis(1_500)).await;
        }
        Ok(credentials(if fresh { "FRESH" } else { "OLD" }))
    }
}

#[tokio::test(start_paused = true)]
async fn a_poll_that_needs_fresh_credentials_does_not_use_those_of_an_earlier_fetch() {
    let interval = Duration::from_millis(9_900);
    let mut policy = Policy::default();
    policy.max_wait = Duration::from_secs(10);
    (policy.poll_interval, policy.longest_poll_interval) = (interval, interval);
    let later = stream::once(async {
        tokio::time::sleep(Duration::from_millis(9_820)).await;
        job("second")
    });
    let jobs = stream::iter([job("first")]).chain(later);
    let rotating = Rotating { start: Instant::now(), fetches: Arc::default() };
    let fetches = rotating.clone();
    let source = CredentialSource::from_async_fn(move |fresh| fetches.clone().credentials(fresh));
    let client = Client::with_transport(session(), source, rotating.clone());
    let all = client.with_policy(policy).wait_all(jobs);
    let ended: Vec<_> = all.collect().await;
    let (job, outcome) = &ended[1];
    assert_eq!(job.as_str(), "second");
    assert!(outcome.is_ok(), "{outcome:?}, fetches {:?}", rotating.fetches.lock().unwrap());
}

/// A task that runs on the thread that wakes it, as with some executors.
struct InPlace(Mutex<Option<Pin<Box<dyn Future<Output = ()> + Send>>>>);

impl Wake for InPlace {
    fn wake(self: Arc<Self>) {
        let Ok(mut slot) = self.0.try_lock() else { return };
        let Some(mut future) = slot.take() else { return };
        let waker = Waker::from(self.clone());
        if future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
            *slot = Some(future);
        }
    }
}

fn sends_in_place(budget: &Budget, done: &mpsc::Sender<()>) -> Arc<InPlace> {
    let (budget, done) = (budget.clone(), done.clone());
    Arc::new(InPlace(Mutex::new(Some(Box::pin(async move {
        let sending = async |_: Request<Bytes>| Ok(Response::new(Bytes::from(SUCCESS).into()));
        let never = async |_| std::future::pending::<()>().await;
        let transport = async_fn(sending, never);
        let client = Client::with_transport(session(), credentials("AKIDEXAMPLE"), transport);
        let client = client.with_budget(budget);
        let action = DescribeExportJobResult::new(job("1"));
        let sent = client.send(&action).await;
        sent.unwrap();
        done.send(()).unwrap();
    })))))
}

#[test]
fn a_waker_that_runs_its_task_at_once_does_not_deadlock() {
    let (done, is_done) = mpsc::channel();
    std::thread::spawn(move || {
        let budget = Budget::default();
        let [first, second, third] = [(); 3].map(|()| sends_in_place(&budget, &done));
        [first, second.clone(), third].into_iter().for_each(Wake::wake);
        // The second leaves the queue, which wakes the third.
        drop(second.0.lock().unwrap().take());
        done.send(()).unwrap();
    });
    for _ in ["the first has sent", "the second has left"] {
        is_done.recv_timeout(Duration::from_secs(60)).expect("no deadlock");
    }
}
