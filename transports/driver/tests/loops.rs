//! Both loops in virtual time: the clock moves only when a loop sleeps or a function takes long.

use std::{
    future::Future,
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use tcss_export_core::{
    Credentials, Endpoint, JobId, Limits, Mono, Now, RateBudget, Session, TransportErrorKind, Wall,
    actions::DescribeExportJobResult,
    wait::{self, EventKind, Fault, Policy},
};
use tcss_export_driver::{
    Blocking, Body, Budget, Client, CredentialSource, SendError, Transport, TransportError,
    blocking,
};

const RUNNING: &str = r#"{"Response":{"ExportStatus":"RUNNING","RequestId":"r-1"}}"#;
const SUCCESS: &str =
    r#"{"Response":{"ExportStatus":"SUCCESS","DownloadURL":"https://h.example/"}}"#;
const BAD_TOKEN: &str =
    r#"{"Response":{"Error":{"Code":"AuthFailure.TokenFailure","Message":"m"}}}"#;

/// What happened, and after how many milliseconds.
#[derive(Clone, Debug, PartialEq)]
enum Done {
    Slept(u64),
    Asked { fresh: bool, at: u64 },
    Sent { at: u64, timestamp: String },
}

/// A clock, answers and a log that the four functions share.
#[derive(Clone, Default)]
struct World(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    now: Duration,
    /// How long a fetch of credentials takes.
    fetch: Duration,
    answers: Vec<Result<&'static str, TransportErrorKind>>,
    credentials: Vec<TransportErrorKind>,
    log: Vec<Done>,
    /// The limit of each request.
    limits: Vec<Duration>,
}

impl World {
    fn new(answers: &[Result<&'static str, TransportErrorKind>]) -> Self {
        let world = Self::default();
        world.0.lock().unwrap().answers = answers.iter().rev().copied().collect();
        world
    }

    fn now(&self) -> Now {
        let now = self.0.lock().unwrap().now;
        let wall = Wall::from_unix_millis(1_699_979_400_000 + now.as_millis() as i64);
        Now { wall, mono: Mono::from_origin(now) }
    }

    fn millis(&self) -> u64 {
        self.0.lock().unwrap().now.as_millis() as u64
    }

    fn sleep(&self, duration: Duration) {
        let mut state = self.0.lock().unwrap();
        state.now += duration;
        state.log.push(Done::Slept(duration.as_millis() as u64));
    }

    fn credentials(&self, fresh: bool) -> Result<Credentials, TransportError> {
        let at = self.millis();
        let mut state = self.0.lock().unwrap();
        let fetch = state.fetch;
        state.now += fetch;
        state.log.push(Done::Asked { fresh, at });
        match state.credentials.pop() {
            Some(fault) => Err(TransportError::new(fault, "the metadata service is away")),
            None => Ok(Credentials::new("AKIDEXAMPLE", "EXAMPLEKEY").unwrap()),
        }
    }

    fn send(&self, request: &Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let at = self.millis();
        let timestamp = request.headers()["x-tc-timestamp"].to_str().unwrap().to_owned();
        let mut state = self.0.lock().unwrap();
        state.log.push(Done::Sent { at, timestamp });
        state.limits.extend(Limits::of(request).total);
        match state.answers.pop().expect("an answer is left") {
            Ok(body) => Ok(Response::new(body.into())),
            Err(fault) => Err(TransportError::new(fault, "made up")),
        }
    }

    fn log(&self) -> Vec<Done> {
        self.0.lock().unwrap().log.clone()
    }

    fn source(&self) -> CredentialSource {
        let world = self.clone();
        CredentialSource::from_fn(move |fresh| world.credentials(fresh))
    }

    fn blocking(&self) -> blocking::Client<Self> {
        blocking::Client::with_transport(session(), self.source(), self.clone())
            .with_policy(policy())
    }

    fn asynchronous(&self) -> Client<Self> {
        Client::with_transport(session(), self.source(), self.clone()).with_policy(policy())
    }
}

impl Transport for World {
    fn now(&self) -> Now {
        Self::now(self)
    }

    async fn sleep(&self, duration: Duration) {
        Self::sleep(self, duration);
    }

    async fn send(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        Ok(Self::send(self, &request)?.map(Body::from))
    }
}

impl Blocking for World {}

/// Runs a future that never has to wait.
fn run<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("virtual time never waits"),
    }
}

fn session() -> Session {
    Session::new(Endpoint::international())
}

fn policy() -> Policy {
    let second = Duration::from_secs(1);
    let mut policy = Policy::default();
    (policy.poll_interval, policy.longest_poll_interval) = (second, second);
    policy
}

fn job() -> JobId {
    JobId::new("4711").unwrap()
}

fn sent(at: u64, timestamp: &str) -> Done {
    Done::Sent { at, timestamp: timestamp.into() }
}

#[test]
fn each_poll_asks_for_credentials_then_starts_and_both_loops_do_the_same() {
    let answers = [Ok(RUNNING), Err(TransportErrorKind::Connection), Ok(RUNNING), Ok(SUCCESS)];
    let (one, other) = (World::new(&answers), World::new(&answers));
    let finished = one.blocking().follow(job()).outcome().unwrap();
    let same = run(other.asynchronous().follow(job()).outcome()).unwrap();
    assert_eq!(finished, same);
    assert_eq!(one.log(), other.log());
    let asked = |at| Done::Asked { fresh: false, at };
    let expected = [
        asked(0),
        sent(0, "1699979400"),
        Done::Slept(1_000),
        asked(1_000),
        sent(1_000, "1699979401"),
        // The first broken connection is repeated at once, paced by the budget.
        Done::Slept(52),
        asked(1_052),
        sent(1_052, "1699979401"),
        Done::Slept(1_000),
        asked(2_052),
        sent(2_052, "1699979402"),
    ];
    assert_eq!(one.log(), expected);
}

#[test]
fn one_seed_gives_the_same_times_twice_and_another_others() {
    let log = |seed| {
        let fault = Err(TransportErrorKind::Timeout);
        let world = World::new(&[fault, fault, fault, fault, Ok(SUCCESS)]);
        world.blocking().with_seed(seed).follow(job()).outcome().unwrap();
        world.log()
    };
    assert_eq!(log(7), log(7));
    assert_ne!(log(7), log(8));
}

#[test]
fn k6_a_refused_token_asks_for_fresh_credentials_once() {
    let world = World::new(&[Ok(BAD_TOKEN), Ok(RUNNING), Ok(SUCCESS)]);
    world.blocking().follow(job()).outcome().unwrap();
    let asked: Vec<_> = world
        .log()
        .into_iter()
        .filter_map(|done| if let Done::Asked { fresh, .. } = done { Some(fresh) } else { None })
        .collect();
    assert_eq!(asked, [false, true, false]);
}

#[test]
fn a_slow_fetch_of_credentials_comes_before_the_start_it_is_for() {
    let world = World::new(&[Ok(SUCCESS)]);
    world.0.lock().unwrap().fetch = Duration::from_secs(400);
    world.blocking().follow(job()).outcome().unwrap();
    let asked = Done::Asked { fresh: false, at: 0 };
    assert_eq!(world.log(), [asked, sent(400_000, "1699979800")]);
}

#[test]
fn credentials_that_cannot_be_had_for_a_while_are_asked_for_again() {
    let world = World::new(&[Ok(SUCCESS)]);
    world.0.lock().unwrap().credentials = vec![TransportErrorKind::Connection];
    let mut wait = world.blocking().follow(job());
    let event = wait.next().unwrap();
    let EventKind::Retrying { fault, .. } = event.kind else { panic!("{event:?}") };
    assert_eq!(fault, Fault::Transport(TransportErrorKind::Connection));
    assert_eq!(wait.outcome().unwrap().report.polls, 1);
}

#[test]
fn credentials_that_cannot_be_had_at_all_end_the_wait_with_their_error() {
    let world = World::new(&[]);
    world.0.lock().unwrap().credentials = vec![TransportErrorKind::Permanent];
    let failure = world.blocking().follow(job()).outcome().unwrap_err();
    assert_eq!(
        failure.kind,
        wait::ErrorKind::Fault(Fault::Transport(TransportErrorKind::Permanent))
    );
    let source = std::error::Error::source(failure.transport().unwrap()).unwrap();
    assert_eq!(source.to_string(), "the metadata service is away");
}

#[test]
fn single_exchanges_are_paced_like_polls() {
    let world = World::new(&[Ok(RUNNING), Ok(RUNNING), Err(TransportErrorKind::Timeout)]);
    let (client, action) = (world.blocking(), DescribeExportJobResult::new(job()));
    client.send(&action).unwrap();
    let asynchronous = world.asynchronous().with_budget(client.budget().clone());
    run(asynchronous.send(&action)).unwrap();
    let error = client.send(&action).unwrap_err();
    let SendError::Transport(error) = error else { panic!("{error:?}") };
    assert_eq!(error.kind(), TransportErrorKind::Timeout);
    let starts: Vec<_> = world
        .log()
        .into_iter()
        .filter_map(|done| if let Done::Sent { at, .. } = done { Some(at) } else { None })
        .collect();
    assert_eq!(starts, [0, 52, 105]);
}

#[test]
fn every_request_is_told_the_limit_of_its_exchange() {
    let limit = Duration::from_secs(7);
    let mut policy = Policy::default();
    policy.exchange_limit = limit;
    let world = World::new(&[Ok(RUNNING), Ok(SUCCESS), Ok(SUCCESS), Ok(SUCCESS)]);
    let action = DescribeExportJobResult::new(job());
    let client = world.blocking().with_policy(policy.clone());
    client.send(&action).unwrap();
    client.follow(job()).outcome().unwrap();
    run(world.asynchronous().with_policy(policy).follow(job()).outcome()).unwrap();
    assert_eq!(client.wait_all([job()]).count(), 1);
    assert_eq!(world.0.lock().unwrap().limits, [limit; 4]);
}

#[test]
fn clients_that_share_a_budget_share_its_pace() {
    let budget = Budget::new(RateBudget::new(Duration::from_secs(1)));
    let world = World::new(&[Ok(RUNNING), Ok(RUNNING)]);
    let action = DescribeExportJobResult::new(job());
    for _ in 0..2 {
        world.blocking().with_budget(budget.clone()).send(&action).unwrap();
    }
    assert_eq!(world.millis(), 1_000);
}

/// A client whose sleeps and exchanges do not end as long as this says so.
struct Stuck(World, Arc<AtomicBool>);

impl Stuck {
    async fn hold(&self) {
        if self.1.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
    }
}

impl Transport for Stuck {
    fn now(&self) -> Now {
        self.0.now()
    }

    async fn sleep(&self, duration: Duration) {
        self.hold().await;
        self.0.sleep(duration);
    }

    async fn send(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        self.hold().await;
        Ok(self.0.send(&request)?.map(Body::from))
    }
}

fn stuck(world: &World) -> Client<Stuck> {
    let stuck = Stuck(world.clone(), Arc::new(true.into()));
    Client::with_transport(session(), world.source(), stuck)
}

#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_request_whose_future_is_dropped_is_made_again() {
    let world = World::new(&[Ok(SUCCESS)]);
    let is_stuck = Arc::new(AtomicBool::new(true));
    let stuck = Stuck(world.clone(), is_stuck.clone());
    let mut wait = Client::with_transport(session(), world.source(), stuck).follow(job());
    let first = pin!(wait.next()).poll(&mut Context::from_waker(Waker::noop()));
    assert!(first.is_pending());
    is_stuck.store(false, Ordering::Relaxed);
    assert_eq!(run(wait.outcome()).unwrap().report.polls, 2);
}

#[test]
fn two_hundred_dropped_waits_leave_no_place_in_the_queue() {
    let world = World::new(&[Ok(RUNNING)]);
    let client = stuck(&world);
    let mut waits: Vec<_> = (0..200).map(|_| client.follow(job())).collect();
    for wait in &mut waits {
        let next = pin!(wait.next()).poll(&mut Context::from_waker(Waker::noop()));
        assert!(next.is_pending());
    }
    drop(waits);
    let action = DescribeExportJobResult::new(job());
    world.blocking().with_budget(client.budget().clone()).send(&action).unwrap();
    // One of them had taken a start; the others had only queued.
    assert_eq!(world.millis(), 52);
}

#[test]
fn a_place_that_is_given_up_wakes_the_next_sleeper_and_nobody_else() {
    let client = stuck(&World::default());
    let mut waits: Vec<_> = (0..4).map(|_| client.follow(job())).collect();
    let wakers: Vec<_> = (0..4).map(|_| Arc::new(Woken::default())).collect();
    let mut futures: Vec<_> = waits.iter_mut().map(|wait| Box::pin(wait.next())).collect();
    for (future, woken) in futures.iter_mut().zip(&wakers) {
        let waker = Waker::from(woken.clone());
        assert!(future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    }
    let counts = || wakers.iter().map(|w| w.0.load(Ordering::Relaxed)).collect::<Vec<_>>();
    assert_eq!(counts(), [0, 0, 0, 0], "the first has started, three sleep in the queue");
    drop(futures);
    drop(waits.remove(1));
    assert_eq!(counts(), [0, 0, 1, 0]);
}
