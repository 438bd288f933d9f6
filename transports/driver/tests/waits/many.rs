//! `wait_all`: many jobs at once. The clock of tokio is paused and jumps to the next timer.

use std::{
    collections::BTreeMap,
    future::poll_fn,
    io::Cursor,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    task::Poll,
    thread,
    time::Duration,
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use http::{Request, Response};
use tcss_export_core::{
    JobId, Now, RateBudget, TransportErrorKind,
    wait::{self, Fault, Policy},
};
use tcss_export_driver::{
    Blocking, Body, Client, CredentialSource, Transport, TransportError, WaitError, blocking,
    blocking_fn,
};
use tokio::time::Instant;

use crate::{RUNNING, SUCCESS, clocks, credentials, job, session};

/// A service with exchanges of one second and without a job list. Each job succeeds at its second
/// poll, except for `stuck`, which gets no answer, and `broken`, whose connection always breaks.
#[derive(Clone)]
struct Service {
    start: Instant,
    polls: Arc<Mutex<BTreeMap<String, u32>>>,
    starts: Arc<Mutex<Vec<Duration>>>,
    active: Arc<AtomicU32>,
    max_active: Arc<AtomicU32>,
    lists: Arc<Mutex<u32>>,
    fetch: Duration,
}

impl Service {
    fn new() -> Self {
        Self {
            start: Instant::now(),
            polls: Arc::default(),
            starts: Arc::default(),
            active: Arc::default(),
            max_active: Arc::default(),
            lists: Arc::default(),
            fetch: Duration::ZERO,
        }
    }

    /// Answers at once.
    fn answer(&self, request: &Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let body: serde_json::Value = serde_json::from_slice(request.body()).unwrap();
        let job = body["JobId"].as_str().unwrap().to_owned();
        let mut polls = self.polls.lock().unwrap();
        let poll = polls.entry(job.clone()).or_default();
        *poll += 1;
        match job.as_str() {
            "broken" => Err(TransportError::new(TransportErrorKind::Connection, "made up")),
            _ if *poll == 1 => Ok(Response::new(RUNNING.into())),
            _ => Ok(Response::new(SUCCESS.into())),
        }
    }
}

impl Transport for Service {
    fn now(&self) -> Now {
        clocks(self.start.elapsed())
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    async fn send(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        if is_list(&request) {
            *self.lists.lock().unwrap() += 1;
            return Ok(Response::new(Body::from(Bytes::from(REFUSED))));
        }
        self.starts.lock().unwrap().push(self.start.elapsed());
        let active = self.active.fetch_add(1, Ordering::Relaxed) + 1;
        self.max_active.fetch_max(active, Ordering::Relaxed);
        if request.body().windows(5).any(|window| window == b"stuck") {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        self.active.fetch_sub(1, Ordering::Relaxed);
        Ok(self.answer(&request)?.map(Body::from))
    }
}

const REFUSED: &str =
    r#"{"Response":{"Error":{"Code":"UnauthorizedOperation","Message":"m"},"RequestId":"r-1"}}"#;

fn is_list(request: &Request<Bytes>) -> bool {
    request.headers()["x-tc-action"] == "DescribeExportJobManageList"
}

fn client(service: Service) -> Client<Service> {
    let fetch = service.fetch;
    let source = CredentialSource::from_async_fn(move |_| async move {
        tokio::time::sleep(fetch).await;
        Ok(credentials("AKIDEXAMPLE"))
    });
    Client::with_transport(session(), source, service)
}

fn jobs(count: usize) -> impl Stream<Item = JobId> {
    stream::iter((0..count).map(|nth| job(format!("job-{nth}"))))
}

type Ended = (JobId, Result<wait::Finished, WaitError>);

fn assert_paced(starts: &[Duration]) {
    // The clock of tokio has a resolution of one millisecond.
    let rounding = Duration::from_millis(1);
    for (first, start) in starts.iter().enumerate() {
        for (nth, other) in (0..).zip(&starts[first..]) {
            assert!(*other - *start + rounding >= RateBudget::SPACING * nth, "{starts:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn many_exchanges_run_at_once_and_are_paced() {
    let service = Service::new();
    let all = client(service.clone()).wait_all(jobs(100));
    let ended: Vec<Ended> = all.collect().await;
    assert_eq!(ended.len(), 100);
    assert!(ended.iter().all(|(_, outcome)| outcome.is_ok()));
    assert_eq!(service.starts.lock().unwrap().len(), 200);
    assert_paced(&service.starts.lock().unwrap());
    // 19 exchanges start within a second, and each takes a second.
    assert!((15..=20).contains(&service.max_active.load(Ordering::Relaxed)));
    assert!(service.start.elapsed() < Duration::from_secs(13));
}

#[tokio::test(start_paused = true)]
async fn a_job_without_an_answer_ends_at_its_limits_and_delays_no_other() {
    let service = Service::new();
    let mut policy = Policy::default();
    policy.max_wait = Duration::from_secs(20);
    policy.exchange_limit = Duration::from_secs(25);
    let jobs = stream::iter([job("stuck")]).chain(jobs(20));
    let all = client(service.clone()).with_policy(policy).wait_all(jobs);
    let ended: Vec<Ended> = all.collect().await;
    let (last, others) = ended.split_last().unwrap();
    assert!(others.iter().all(|(_, outcome)| outcome.is_ok()));
    assert_eq!(last.0.as_str(), "stuck");
    assert_eq!(last.1.as_ref().unwrap_err().kind, wait::ErrorKind::TimedOut);
    assert_eq!(service.start.elapsed().as_secs(), 25);
}

#[tokio::test(start_paused = true)]
async fn jobs_may_arrive_later() {
    let service = Service::new();
    let later = stream::once(async {
        tokio::time::sleep(Duration::from_secs(100)).await;
        job("late")
    });
    let jobs = jobs(3).chain(later);
    let all = client(service.clone()).wait_all(jobs);
    let ended: Vec<Ended> = all.collect().await;
    assert_eq!(ended.len(), 4);
    assert_eq!(ended[3].0.as_str(), "late");
    let report = &ended[3].1.as_ref().unwrap().report;
    assert!(report.elapsed < Duration::from_secs(10), "{:?}", report.elapsed);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_call_of_next_loses_nothing() {
    let service = Service::new();
    let mut all = client(service.clone()).wait_all(jobs(10));
    let mut ended = 0;
    loop {
        match tokio::time::timeout(Duration::from_millis(30), all.next()).await {
            Ok(Some((_, outcome))) => ended += usize::from(outcome.is_ok()),
            Ok(None) => break,
            Err(_elapsed) => {}
        }
    }
    assert_eq!((ended, service.starts.lock().unwrap().len()), (10, 20));
}

#[tokio::test(start_paused = true)]
async fn slow_fetches_of_credentials_keep_the_spacing_of_requests() {
    let service = Service { fetch: Duration::from_secs(2), ..Service::new() };
    let all = client(service.clone()).wait_all(jobs(3));
    let ended: Vec<Ended> = all.collect().await;
    assert!(ended.iter().all(|(_, outcome)| outcome.is_ok()));
    assert_paced(&service.starts.lock().unwrap());
}

/// A service whose first jobs end after ten seconds, and whose list shows 100 of them a page.
#[derive(Clone)]
struct WithList {
    start: Instant,
    jobs: usize,
    /// How many of them end.
    ending: usize,
    /// The starts of each action.
    starts: Arc<Mutex<BTreeMap<String, Vec<Duration>>>>,
}

impl WithList {
    const END: Duration = Duration::from_secs(10);

    fn new(jobs: usize) -> Self {
        Self { start: Instant::now(), jobs, ending: jobs, starts: Arc::default() }
    }

    fn answer(&self, request: &Request<Bytes>, since: Duration) -> String {
        let has_ended = |nth| since >= Self::END && nth < self.ending;
        let body: serde_json::Value = serde_json::from_slice(request.body()).unwrap();
        if !is_list(request) {
            let nth = body["JobId"].as_str().unwrap().trim_start_matches("job-");
            return if has_ended(nth.parse().unwrap()) { SUCCESS } else { RUNNING }.to_owned();
        }
        let [offset, limit] = ["Offset", "Limit"].map(|name| body[name].as_u64().unwrap() as usize);
        let status = |nth| if has_ended(nth) { "SUCCESS" } else { "RUNNING" };
        let row =
            |nth| serde_json::json!({ "JobID": format!("job-{nth}"), "ExportStatus": status(nth) });
        let rows: Vec<_> = (0..self.jobs).skip(offset).take(limit).map(row).collect();
        let list = serde_json::json!({ "TotalCount": self.jobs, "List": rows });
        serde_json::json!({ "Response": list }).to_string()
    }
}

impl Transport for WithList {
    fn now(&self) -> Now {
        clocks(self.start.elapsed())
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    async fn send(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        let action = request.headers()["x-tc-action"].to_str().unwrap().to_owned();
        self.starts.lock().unwrap().entry(action).or_default().push(self.start.elapsed());
        tokio::time::sleep(Duration::from_millis(100)).await;
        Ok(Response::new(Body::from(Bytes::from(self.answer(&request, self.start.elapsed())))))
    }
}

#[tokio::test(start_paused = true)]
async fn the_job_list_shows_which_of_many_jobs_have_ended() {
    let service = WithList::new(250);
    let client = Client::with_transport(session(), credentials("AKIDEXAMPLE"), service.clone());
    let ended: Vec<Ended> = client.wait_all(jobs(250)).collect().await;
    assert!(ended.iter().all(|(_, outcome)| outcome.is_ok()));
    let starts = service.starts.lock().unwrap();
    let [polls, lists] =
        ["DescribeExportJobResult", "DescribeExportJobManageList"].map(|action| &starts[action]);
    // Each action has a budget of its own.
    assert_paced(polls);
    assert_paced(lists);
    assert!(lists.len() >= 30, "three pages a sweep: {}", lists.len());
    let after_the_end = polls.iter().filter(|at| **at > WithList::END).count();
    assert!((250..260).contains(&after_the_end), "{after_the_end}");
    let last = service.start.elapsed() - WithList::END;
    assert!(last < RateBudget::SPACING * 250 + Duration::from_secs(2), "{last:?}");
}

#[tokio::test(start_paused = true)]
async fn a_refused_list_is_requested_once() {
    let service = Service::new();
    let all = client(service.clone()).wait_all(jobs(100));
    assert_eq!(all.count().await, 100);
    assert_eq!(*service.lists.lock().unwrap(), 1);
}

/// A blocking transport whose clock moves only when the client sleeps.
struct InVirtualTime {
    service: Service,
    now: Arc<Mutex<Duration>>,
}

impl Transport for InVirtualTime {
    fn now(&self) -> Now {
        clocks(*self.now.lock().unwrap())
    }

    async fn sleep(&self, duration: Duration) {
        *self.now.lock().unwrap() += duration;
    }

    async fn send(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        let seconds = self.now().wall.unix_seconds().to_string();
        assert_eq!(request.headers()["x-tc-timestamp"], seconds, "sent later than it was signed");
        if is_list(&request) {
            return Ok(Response::new(Body::from(Bytes::from(REFUSED))));
        }
        self.service.starts.lock().unwrap().push(*self.now.lock().unwrap());
        Ok(self.service.answer(&request)?.map(Body::from))
    }
}

impl Blocking for InVirtualTime {
    fn threads(&self) -> usize {
        0
    }
}

/// A blocking transport to a service with a list, whose clock moves with each exchange.
struct OneByOne {
    service: WithList,
    now: Mutex<Duration>,
}

impl Transport for OneByOne {
    fn now(&self) -> Now {
        clocks(*self.now.lock().unwrap())
    }

    async fn sleep(&self, duration: Duration) {
        *self.now.lock().unwrap() += duration;
    }

    async fn send(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        let mut now = self.now.lock().unwrap();
        *now += Duration::from_millis(300);
        Ok(Response::new(Body::from(Bytes::from(self.service.answer(&request, *now)))))
    }
}

impl Blocking for OneByOne {
    fn threads(&self) -> usize {
        0
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_leaves_time_for_polls_if_exchanges_run_one_by_one() {
    let service = WithList { ending: 40, ..WithList::new(400) };
    let transport = OneByOne { service, now: Mutex::default() };
    let client = blocking::Client::with_transport(session(), credentials("AKIDEXAMPLE"), transport);
    let ended = client.wait_all((0..400).map(|nth| job(format!("job-{nth}"))));
    assert_eq!(ended.filter(|(_, outcome)| outcome.is_ok()).count(), 40);
}

#[tokio::test(start_paused = true)]
async fn the_blocking_client_yields_each_outcome_with_its_own_error() {
    let service = Service::new();
    let transport = InVirtualTime { service: service.clone(), now: Arc::default() };
    let client = blocking::Client::with_transport(session(), credentials("AKIDEXAMPLE"), transport);
    let ids = [job("job-1"), job("broken"), job("job-2"), job("job-3")];
    let ended: BTreeMap<String, _> =
        client.wait_all(ids).map(|(job, outcome)| (job.as_str().to_owned(), outcome)).collect();
    assert_eq!(ended.len(), 4);
    let failure = ended["broken"].as_ref().unwrap_err();
    assert_eq!(
        failure.kind,
        wait::ErrorKind::Fault(Fault::Transport(TransportErrorKind::Connection))
    );
    assert_eq!(failure.transport().unwrap().kind(), TransportErrorKind::Connection);
    assert!(["job-1", "job-2", "job-3"].iter().all(|id| ended[*id].is_ok()));
    assert_paced(&service.starts.lock().unwrap());
}

#[tokio::test(start_paused = true)]
async fn the_blocking_client_sends_at_once_what_it_signs() {
    let (service, now) = (Service::new(), Arc::<Mutex<Duration>>::default());
    let transport = InVirtualTime { service: service.clone(), now: Arc::clone(&now) };
    let client = blocking::Client::with_transport(session(), credentials("AKIDEXAMPLE"), transport);
    let slow_jobs = (0..200).map(|nth| {
        *now.lock().unwrap() += Duration::from_secs(10);
        job(format!("job-{nth}"))
    });
    let mut all = client.wait_all(slow_jobs);
    assert_eq!(all.by_ref().filter(|(_, outcome)| outcome.is_ok()).count(), 200);
    assert!(all.next().is_none());
    assert_paced(&service.starts.lock().unwrap());
}

#[tokio::test(start_paused = true)]
async fn answers_that_came_while_the_caller_was_busy_are_read() {
    let mut all = client(Service::new()).wait_all(jobs(40));
    let mut succeeded = 0;
    while let Some((_, outcome)) = all.next().await {
        succeeded += usize::from(outcome.is_ok());
        tokio::time::sleep(Policy::default().exchange_limit + Duration::from_secs(1)).await;
    }
    assert_eq!(succeeded, 40);
}

#[tokio::test(start_paused = true)]
async fn the_deadlines_of_a_blocking_client_count_from_the_same_moment() {
    let now: Arc<Mutex<Duration>> = Arc::default();
    let transport = InVirtualTime { service: Service::new(), now: Arc::clone(&now) };
    let mut policy = Policy::default();
    policy.max_wait = Duration::from_secs(5);
    let client = blocking::Client::with_transport(session(), credentials("AKIDEXAMPLE"), transport)
        .with_policy(policy);
    let ended = client.wait_all((0..200).map(|nth| job(format!("job-{nth}"))));
    let timeouts: Vec<_> =
        ended.filter(|(_, outcome)| outcome.is_err()).map(|_| *now.lock().unwrap()).collect();
    assert!(timeouts.len() > 64, "{}", timeouts.len());
    assert!(timeouts.iter().all(|at| *at == Duration::from_secs(5)), "{timeouts:?}");
}

/// A future that another thread makes ready.
async fn woken_by_a_thread() {
    let is_ready = Arc::new(AtomicBool::new(false));
    let mut has_started = false;
    poll_fn(|context| {
        if is_ready.load(Ordering::SeqCst) {
            return Poll::Ready(());
        }
        if !std::mem::replace(&mut has_started, true) {
            let (is_ready, waker) = (Arc::clone(&is_ready), context.waker().clone());
            thread::spawn(move || {
                is_ready.store(true, Ordering::SeqCst);
                waker.wake();
            });
        }
        Poll::Pending
    })
    .await;
}

#[test]
fn a_blocking_client_awaits_a_source_of_credentials_that_pends_repeatedly() {
    let source = CredentialSource::from_async_fn(|_| async {
        for _ in 0..3 {
            woken_by_a_thread().await;
        }
        Ok(credentials("AKIDEXAMPLE"))
    });
    let answer = |_: Request<Bytes>| Ok(Response::new(Cursor::new(SUCCESS)));
    let mut policy = Policy::default();
    // Only a failing run takes that long.
    policy.max_wait = Duration::from_secs(30);
    let client = blocking::Client::with_transport(session(), source, blocking_fn(answer));
    let ended: Vec<_> = client.with_policy(policy).wait_all([job("4711")]).collect();
    assert!(ended[0].1.is_ok(), "{ended:?}");
}
