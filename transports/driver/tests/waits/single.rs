//! Single waits and exchanges. The clock moves only when the client sleeps or a call is slow.

use std::{
    error::Error,
    future::{Future, poll_fn},
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
    Credentials, Limits, Now, RateBudget, TransportErrorKind,
    actions::DescribeExportJobResult,
    wait::{self, EventKind, Fault, Policy},
};
use tcss_export_driver::{
    Blocking, Body, Budget, Client, CredentialSource, SendError, Transport, TransportError,
    blocking,
};

use crate::{BAD_TOKEN, RUNNING, SUCCESS, clocks, credentials, job, session};

/// A call by the client, with the time in milliseconds.
#[derive(Clone, Debug, PartialEq)]
enum Call {
    Sleep(u64),
    Credentials { fresh: bool, at: u64 },
    Send { at: u64, timestamp: String },
}

/// A transport and a source of credentials with one clock and one log; clones share them.
#[derive(Clone, Default)]
struct TestTransport(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    now: Duration,
    /// The time that a fetch of credentials takes.
    fetch: Duration,
    answers: Vec<Result<&'static str, TransportErrorKind>>,
    credentials: Vec<TransportErrorKind>,
    log: Vec<Call>,
    /// The limit of each request.
    limits: Vec<Duration>,
}

impl TestTransport {
    fn new(answers: &[Result<&'static str, TransportErrorKind>]) -> Self {
        let transport = Self::default();
        transport.0.lock().unwrap().answers = answers.iter().rev().copied().collect();
        transport
    }

    fn now(&self) -> Now {
        clocks(self.0.lock().unwrap().now)
    }

    fn millis(&self) -> u64 {
        self.0.lock().unwrap().now.as_millis() as u64
    }

    fn sleep(&self, duration: Duration) {
        let mut state = self.0.lock().unwrap();
        state.now += duration;
        state.log.push(Call::Sleep(duration.as_millis() as u64));
    }

    fn credentials(&self, fresh: bool) -> Result<Credentials, TransportError> {
        let at = self.millis();
        let mut state = self.0.lock().unwrap();
        let fetch = state.fetch;
        state.now += fetch;
        state.log.push(Call::Credentials { fresh, at });
        match state.credentials.pop() {
            Some(fault) => Err(TransportError::new(fault, "the metadata service is away")),
            None => Ok(credentials("AKIDEXAMPLE")),
        }
    }

    fn send(&self, request: &Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let at = self.millis();
        let timestamp = request.headers()["x-tc-timestamp"].to_str().unwrap().to_owned();
        let mut state = self.0.lock().unwrap();
        state.log.push(Call::Send { at, timestamp });
        state.limits.extend(Limits::of(request).total);
        match state.answers.pop().expect("another answer") {
            Ok(body) => Ok(Response::new(body.into())),
            Err(fault) => Err(TransportError::new(fault, "made up")),
        }
    }

    fn log(&self) -> Vec<Call> {
        self.0.lock().unwrap().log.clone()
    }

    fn source(&self) -> CredentialSource {
        let transport = self.clone();
        CredentialSource::from_fn(move |fresh| transport.credentials(fresh))
    }

    fn blocking_client(&self) -> blocking::Client<Self> {
        blocking::Client::with_transport(session(), self.source(), self.clone())
            .with_policy(policy())
    }

    fn async_client(&self) -> Client<Self> {
        Client::with_transport(session(), self.source(), self.clone()).with_policy(policy())
    }
}

impl Transport for TestTransport {
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

impl Blocking for TestTransport {
    fn threads(&self) -> usize {
        0
    }
}

/// Runs a future that is ready at its first poll.
fn run<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("virtual time never waits"),
    }
}

fn policy() -> Policy {
    let second = Duration::from_secs(1);
    let mut policy = Policy::default();
    (policy.poll_interval, policy.longest_poll_interval) = (second, second);
    policy
}

fn sent(at: u64, timestamp: &str) -> Call {
    Call::Send { at, timestamp: timestamp.into() }
}

#[test]
fn each_poll_requests_credentials_before_it_starts() {
    let answers = [Ok(RUNNING), Err(TransportErrorKind::Connection), Ok(RUNNING), Ok(SUCCESS)];
    let transports = [(); 2].map(|()| TestTransport::new(&answers));
    transports[0].blocking_client().follow(job("4711")).outcome().unwrap();
    run(transports[1].async_client().follow(job("4711")).outcome()).unwrap();
    let fetched = |at| Call::Credentials { fresh: false, at };
    let expected = [
        fetched(0),
        sent(0, "1699979400"),
        Call::Sleep(1_000),
        fetched(1_000),
        sent(1_000, "1699979401"),
        // The first broken connection is retried at once, paced by the budget.
        Call::Sleep(52),
        fetched(1_052),
        sent(1_052, "1699979401"),
        Call::Sleep(1_000),
        fetched(2_052),
        sent(2_052, "1699979402"),
    ];
    for transport in transports {
        assert_eq!(transport.log(), expected);
    }
}

#[test]
fn the_same_seed_yields_the_same_times_and_another_seed_others() {
    let log = |seed| {
        let fault = Err(TransportErrorKind::Timeout);
        let transport = TestTransport::new(&[fault, fault, fault, fault, Ok(SUCCESS)]);
        transport.blocking_client().with_seed(seed).follow(job("4711")).outcome().unwrap();
        transport.log()
    };
    assert_eq!(log(7), log(7));
    assert_ne!(log(7), log(8));
}

#[test]
fn a_refused_token_requests_fresh_credentials_once() {
    let transport = TestTransport::new(&[Ok(BAD_TOKEN), Ok(RUNNING), Ok(SUCCESS)]);
    transport.blocking_client().follow(job("4711")).outcome().unwrap();
    let fetches: Vec<_> = transport
        .log()
        .into_iter()
        .filter_map(
            |call| if let Call::Credentials { fresh, .. } = call { Some(fresh) } else { None },
        )
        .collect();
    assert_eq!(fetches, [false, true, false]);
}

#[test]
fn a_request_is_signed_after_a_slow_fetch_of_its_credentials() {
    let transport = TestTransport::new(&[Ok(SUCCESS)]);
    transport.0.lock().unwrap().fetch = Duration::from_secs(400);
    transport.blocking_client().follow(job("4711")).outcome().unwrap();
    let fetched = Call::Credentials { fresh: false, at: 0 };
    assert_eq!(transport.log(), [fetched, sent(400_000, "1699979800")]);
}

#[test]
fn a_temporary_failure_to_fetch_credentials_is_retried() {
    let transport = TestTransport::new(&[Ok(SUCCESS)]);
    transport.0.lock().unwrap().credentials = vec![TransportErrorKind::Connection];
    let mut wait = transport.blocking_client().follow(job("4711"));
    let event = wait.next().unwrap();
    let EventKind::Retrying { fault, .. } = event.kind else { panic!("{event:?}") };
    assert_eq!(fault, Fault::Transport(TransportErrorKind::Connection));
    assert_eq!(wait.outcome().unwrap().report.polls, 1);
}

#[test]
fn a_permanent_failure_to_fetch_credentials_ends_the_wait_with_its_error() {
    let transport = TestTransport::new(&[]);
    transport.0.lock().unwrap().credentials = vec![TransportErrorKind::Permanent];
    let failure = transport.blocking_client().follow(job("4711")).outcome().unwrap_err();
    assert_eq!(
        failure.kind,
        wait::ErrorKind::Fault(Fault::Transport(TransportErrorKind::Permanent))
    );
    let source = Error::source(failure.transport().unwrap()).unwrap();
    assert_eq!(source.to_string(), "the metadata service is away");
}

#[test]
fn single_exchanges_are_paced_like_polls() {
    let transport =
        TestTransport::new(&[Ok(RUNNING), Ok(RUNNING), Err(TransportErrorKind::Timeout)]);
    let (client, action) = (transport.blocking_client(), DescribeExportJobResult::new(job("4711")));
    client.send(&action).unwrap();
    let asynchronous = transport.async_client().with_budget(client.budget().clone());
    run(asynchronous.send(&action)).unwrap();
    let error = client.send(&action).unwrap_err();
    let SendError::Transport(error) = error else { panic!("{error:?}") };
    assert_eq!(error.kind(), TransportErrorKind::Timeout);
    let starts: Vec<_> = transport
        .log()
        .into_iter()
        .filter_map(|call| if let Call::Send { at, .. } = call { Some(at) } else { None })
        .collect();
    assert_eq!(starts, [0, 52, 105]);
}

#[test]
fn every_request_carries_the_limit_of_its_exchange() {
    let limit = Duration::from_secs(7);
    let mut policy = Policy::default();
    policy.exchange_limit = limit;
    let transport = TestTransport::new(&[Ok(RUNNING), Ok(SUCCESS), Ok(SUCCESS), Ok(SUCCESS)]);
    let action = DescribeExportJobResult::new(job("4711"));
    let client = transport.blocking_client().with_policy(policy.clone());
    client.send(&action).unwrap();
    client.follow(job("4711")).outcome().unwrap();
    run(transport.async_client().with_policy(policy).follow(job("4711")).outcome()).unwrap();
    assert_eq!(client.wait_all([job("4711")]).count(), 1);
    assert_eq!(transport.0.lock().unwrap().limits, [limit; 4]);
}

#[test]
fn clients_that_share_a_budget_share_its_pace() {
    let budget = Budget::new(RateBudget::new(Duration::from_secs(1)));
    let transport = TestTransport::new(&[Ok(RUNNING), Ok(RUNNING)]);
    let action = DescribeExportJobResult::new(job("4711"));
    for _ in 0..2 {
        transport.blocking_client().with_budget(budget.clone()).send(&action).unwrap();
    }
    assert_eq!(transport.millis(), 1_000);
}

/// A transport that is pending as long as the flag is set.
struct Hanging(TestTransport, Arc<AtomicBool>);

impl Hanging {
    async fn hold(&self) {
        if self.1.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
    }
}

impl Transport for Hanging {
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

fn hanging_client(transport: &TestTransport) -> Client<Hanging> {
    let hanging = Hanging(transport.clone(), Arc::new(true.into()));
    Client::with_transport(session(), transport.source(), hanging)
}

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_request_dropped_with_its_future_is_sent_again() {
    let transport = TestTransport::new(&[Ok(SUCCESS)]);
    let hangs = Arc::new(AtomicBool::new(true));
    let hanging = Hanging(transport.clone(), hangs.clone());
    let mut wait =
        Client::with_transport(session(), transport.source(), hanging).follow(job("4711"));
    let first = pin!(wait.next()).poll(&mut Context::from_waker(Waker::noop()));
    assert!(first.is_pending());
    hangs.store(false, Ordering::Relaxed);
    assert_eq!(run(wait.outcome()).unwrap().report.polls, 2);
}

#[test]
fn dropped_waits_leave_the_queue() {
    let transport = TestTransport::new(&[Ok(RUNNING)]);
    let client = hanging_client(&transport);
    let mut waits: Vec<_> = (0..200).map(|_| client.follow(job("4711"))).collect();
    for wait in &mut waits {
        let next = pin!(wait.next()).poll(&mut Context::from_waker(Waker::noop()));
        assert!(next.is_pending());
    }
    drop(waits);
    let action = DescribeExportJobResult::new(job("4711"));
    transport.blocking_client().with_budget(client.budget().clone()).send(&action).unwrap();
    // One wait had used the budget; the others had only queued.
    assert_eq!(transport.millis(), 52);
}

#[test]
fn a_wait_that_leaves_the_queue_wakes_only_the_next_one() {
    let client = hanging_client(&TestTransport::default());
    let mut waits: Vec<_> = (0..4).map(|_| client.follow(job("4711"))).collect();
    let wakers: Vec<_> = (0..4).map(|_| Arc::new(Wakes::default())).collect();
    let mut futures: Vec<_> = waits.iter_mut().map(|wait| Box::pin(wait.next())).collect();
    for (future, wakes) in futures.iter_mut().zip(&wakers) {
        let waker = Waker::from(wakes.clone());
        assert!(future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    }
    let counts = || wakers.iter().map(|w| w.0.load(Ordering::Relaxed)).collect::<Vec<_>>();
    assert_eq!(counts(), [0, 0, 0, 0], "the first has started, and three sleep in the queue");
    drop(futures);
    drop(waits.remove(1));
    assert_eq!(counts(), [0, 0, 1, 0]);
}

/// A transport whose clock stands still and whose sleeps all return early.
struct EarlySleeps;

impl Transport for EarlySleeps {
    fn now(&self) -> Now {
        clocks(Duration::ZERO)
    }

    async fn sleep(&self, _: Duration) {}

    async fn send(&self, _: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        Ok(Response::new(Body::from(Bytes::from(SUCCESS))))
    }
}

impl Blocking for EarlySleeps {}

#[test]
fn a_sleep_that_returns_early_is_no_timeout() {
    let source = CredentialSource::from_async_fn(|_| async {
        let mut polls = 0;
        poll_fn(|_| {
            polls += 1;
            if polls < 3 { Poll::Pending } else { Poll::Ready(()) }
        })
        .await;
        Ok(credentials("AKIDEXAMPLE"))
    });
    let client = blocking::Client::with_transport(session(), source, EarlySleeps);
    client.send(&DescribeExportJobResult::new(job("4711"))).unwrap();
}

#[test]
fn the_error_of_a_wait_leads_to_that_of_the_transport() {
    let transport = TestTransport::new(&[Err(TransportErrorKind::Timeout)]);
    let mut policy = policy();
    policy.max_failures = 0;
    let error = transport.blocking_client().with_policy(policy).wait(job("4711")).unwrap_err();
    let text = "polling failed (job 4711, polls: 1, 0.0 s, last fault: no answer came within the time limit)";
    assert_eq!((error.to_string().as_str(), error.is_transient()), (text, true));
    let source = error.source().and_then(|source| source.downcast_ref::<TransportError>());
    let source = source.expect("the transport's error");
    let text = "tcss.intl.tencentcloudapi.com:443: no answer came within the time limit";
    assert_eq!(source.to_string(), text);
    assert_eq!(source.source().expect("its source").to_string(), "made up");
    assert_eq!(format!("{error:?}").matches("Fault(").count(), 1, "{error:?}");
}

#[test]
fn a_cancelled_wait_reports_the_time_until_then() {
    let transport = TestTransport::new(&[Ok(RUNNING)]);
    let mut wait = transport.async_client().follow(job("4711"));
    run(wait.next());
    transport.sleep(Duration::from_millis(700));
    wait.cancel();
    assert_eq!(run(wait.next()).expect("the last event").kind, EventKind::Ended);
    let error = run(wait.outcome()).unwrap_err();
    let expected = (&wait::ErrorKind::Cancelled, Duration::from_millis(700));
    assert_eq!((&error.kind, error.report.elapsed), expected);
}
