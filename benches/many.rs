//! How late the ends of many jobs are noticed, at the service's limit of requests, and how many
//! requests a second the blocking client makes.
//!
//! `cargo bench --features ureq --bench many` prints a line for each figure and fails if a bound
//! does not hold. The jobs run in virtual time: `wait_all` over a simulated service, with tokio's
//! clock paused. The requests of ureq go to a server on the loopback address, by the clock of the
//! machine.

#[path = "../tests/common/random.rs"]
#[expect(dead_code, reason = "only the numbers themselves are needed")]
mod random;

use std::{
    collections::BTreeMap,
    process::ExitCode,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{Request, Response};
use random::Random;
use serde_json::Value;
use tcss_export::{
    Credentials, Endpoint, JobId, Session,
    core::{Mono, Now, Wall},
    driver::{Body, Client, Transport, TransportError},
    wait::{ErrorKind, Policy},
};
use tcss_export_testkit::wire::{WireAnswer, WireServer};
use tokio::time::{Instant, sleep};

const ROUND_TRIP: Duration = Duration::from_millis(100);

/// A service whose jobs are all created at the start.
#[derive(Clone)]
struct Service {
    start: Instant,
    /// When each job ends.
    ends: Arc<Vec<Duration>>,
    has_list: bool,
    /// When the requests of each action started.
    starts: Arc<Mutex<BTreeMap<String, Vec<Duration>>>>,
}

impl Service {
    /// Jobs that take 5 s to 30 min, equally likely on a logarithmic scale.
    fn new(jobs: usize, has_list: bool) -> Self {
        let mut random = Random(186);
        let ends = (0..jobs).map(|_| {
            let share = (random.next() >> 11) as f64 / (1_u64 << 53) as f64;
            Duration::from_secs_f64(5.0 * 360.0_f64.powf(share))
        });
        let (start, ends) = (Instant::now(), Arc::new(ends.collect()));
        Self { start, ends, has_list, starts: Arc::default() }
    }

    fn status(&self, job: usize) -> &'static str {
        match self.start.elapsed() < self.ends[job] {
            true => "RUNNING",
            false => "SUCCESS",
        }
    }

    fn poll(&self, body: &Value) -> String {
        let job = body["JobId"].as_str().and_then(number).expect("a job");
        match self.status(job) {
            "SUCCESS" => {
                r#"{"Response":{"ExportStatus":"SUCCESS","DownloadURL":"https://h.example/a.csv"}}"#
                    .into()
            }
            status => format!(r#"{{"Response":{{"ExportStatus":"{status}"}}}}"#),
        }
    }

    /// The newest jobs come first.
    fn list(&self, body: &Value) -> String {
        if !self.has_list {
            return r#"{"Response":{"Error":{"Code":"UnauthorizedOperation","Message":"m"}}}"#
                .into();
        }
        let [offset, limit] =
            ["Offset", "Limit"].map(|name| body[name].as_u64().expect(name) as usize);
        let rows = (0..self.ends.len()).rev().skip(offset).take(limit);
        let rows = rows.map(|job| {
            let status = self.status(job);
            format!(r#"{{"JobID":"{}","ExportStatus":"{status}"}}"#, id(job))
        });
        let (rows, total) = (rows.collect::<Vec<_>>().join(","), self.ends.len());
        format!(r#"{{"Response":{{"TotalCount":{total},"List":[{rows}]}}}}"#)
    }

    /// The most starts of one action in any second.
    fn busiest_second(&self) -> usize {
        let starts = self.starts.lock().expect("no panic");
        let busiest = |starts: &Vec<Duration>| {
            let second = Duration::from_secs(1);
            let until = |from: &Duration| starts.partition_point(|at| *at < *from + second);
            starts.iter().enumerate().map(|(nth, from)| until(from) - nth).max()
        };
        starts.values().filter_map(busiest).max().unwrap_or_default()
    }

    fn requests(&self) -> usize {
        self.starts.lock().expect("no panic").values().map(Vec::len).sum()
    }
}

fn id(job: usize) -> String {
    format!("job-{job}")
}

fn number(id: &str) -> Option<usize> {
    id.strip_prefix("job-")?.parse().ok()
}

impl Transport for Service {
    fn now(&self) -> Now {
        let elapsed = self.start.elapsed();
        let wall = Wall::from_unix_millis(1_699_979_400_000 + elapsed.as_millis() as i64);
        Now { wall, mono: Mono::from_origin(elapsed) }
    }

    async fn sleep(&self, duration: Duration) {
        sleep(duration).await;
    }

    async fn send(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        let action = request.headers()["x-tc-action"].to_str().expect("a text").to_owned();
        let is_poll = action == "DescribeExportJobResult";
        self.starts.lock().expect("no panic").entry(action).or_default().push(self.start.elapsed());
        let body = serde_json::from_slice(request.body()).expect("JSON");
        sleep(ROUND_TRIP / 2).await;
        let answer = if is_poll { self.poll(&body) } else { self.list(&body) };
        sleep(ROUND_TRIP / 2).await;
        Ok(Response::new(Body::from(Bytes::from(answer))))
    }
}

/// What happened to the jobs of a run.
#[derive(Default)]
struct Run {
    late: Vec<f64>,
    timed_out: usize,
    /// Those that were neither polled nor listed.
    unseen: usize,
    requests: usize,
    busiest_second: usize,
}

impl Run {
    fn mean(&self) -> f64 {
        self.late.iter().sum::<f64>() / self.late.len() as f64
    }
}

async fn run(jobs: usize, has_list: bool, max_wait: Duration) -> Run {
    let service = Service::new(jobs, has_list);
    let credentials = Credentials::new("AKIDEXAMPLE", "EXAMPLEKEY").expect("plain");
    let session = Session::new(Endpoint::international());
    let mut policy = Policy::default();
    policy.max_wait = max_wait;
    let client = Client::with_transport(session, credentials, service.clone());
    let client = client.with_policy(policy).with_seed(1);
    let ids = stream::iter((0..jobs).map(|job| JobId::new(id(job)).expect("a text")));
    let mut outcomes = client.wait_all(ids);
    let mut run = Run::default();
    while let Some((job, outcome)) = outcomes.next().await {
        let job = number(job.as_str()).expect("a job");
        match outcome {
            Ok(_) => run.late.push((service.start.elapsed() - service.ends[job]).as_secs_f64()),
            Err(error) => {
                assert_eq!(error.kind, ErrorKind::TimedOut);
                run.timed_out += 1;
                run.unseen += usize::from(error.report.polls == 0 && error.report.last.is_none());
            }
        }
    }
    (run.requests, run.busiest_second) = (service.requests(), service.busiest_second());
    run
}

/// Prints a figure, and returns whether it is within its bound.
fn at_most(name: &str, value: f64, bound: f64) -> bool {
    let is_within = value <= bound;
    let word = if is_within { "ok  " } else { "over" };
    println!("{word} {name}: {value:.1} (at most {bound})");
    is_within
}

/// Compares polls alone with the list, for jobs that all end before their deadlines.
async fn compare(jobs: usize, bound: f64) -> bool {
    const HOURS: Duration = Duration::from_secs(4 * 3_600);
    let [plain, listed] = [run(jobs, false, HOURS).await, run(jobs, true, HOURS).await];
    println!(
        "{jobs} jobs by polls alone: {:.1} s late, {} requests; with the list {} requests",
        plain.mean(),
        plain.requests,
        listed.requests
    );
    let busiest = plain.busiest_second.max(listed.busiest_second);
    let checks = [
        at_most(&format!("mean s late, {jobs} jobs"), listed.mean(), bound),
        at_most(&format!("starts of an action in a second, {jobs} jobs"), busiest as f64, 20.0),
        at_most(&format!("timeouts, {jobs} jobs"), listed.timed_out as f64, 0.0),
    ];
    !checks.contains(&false)
}

/// More jobs than can be polled before the default deadline.
async fn exceed() -> bool {
    const JOBS: usize = 40_000;
    let plain = run(JOBS, false, Policy::MAX_WAIT).await;
    let listed = run(JOBS, true, Policy::MAX_WAIT).await;
    println!(
        "{JOBS} jobs by polls alone: {} of {} timeouts unseen; with the list {} timeouts",
        plain.unseen, plain.timed_out, listed.timed_out
    );
    at_most(&format!("timeouts unseen, {JOBS} jobs"), listed.unseen as f64, 0.0)
}

/// Measures the requests a second of ureq, to a server that answers after 300 ms.
fn ureq_starts() -> bool {
    const JOBS: usize = 100;
    const BOUND: f64 = 18.0;
    const PAUSE: Duration = Duration::from_millis(300);
    let body = r#"{"Response":{"ExportStatus":"SUCCESS","DownloadURL":"https://h.example/a.csv"}}"#;
    // One piece, after a pause.
    let answer = WireAnswer::json(body).slowly(4_096, PAUSE);
    let server = WireServer::plain([answer]).expect("a free loopback port");
    let session = Session::new(server.url().parse().expect("a loopback URL"));
    let credentials = Credentials::new("AKIDEXAMPLE", "EXAMPLEKEY").expect("plain");
    let jobs = (0..JOBS).map(|job| JobId::new(id(job)).expect("a text"));
    let begun = std::time::Instant::now();
    let ended = tcss_export::ureq::Client::new(session, credentials).wait_all(jobs);
    assert_eq!(ended.filter(|(_, outcome)| outcome.is_ok()).count(), JOBS);
    let seconds = (begun.elapsed() - PAUSE).as_secs_f64();
    let rate = (JOBS - 1) as f64 / seconds;
    let word = if rate >= BOUND { "ok  " } else { "over" };
    println!("{word} ureq's polls a second, answers after 300 ms: {rate:.1} (at least {BOUND})");
    rate >= BOUND
}

fn main() -> ExitCode {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().expect("a runtime");
    let is_ok = runtime.block_on(async {
        let few = compare(1_000, 2.0).await;
        let many = compare(10_000, 90.0).await;
        few & many & exceed().await
    });
    // A test run measures no real time: the machine may be busy.
    let is_test = std::env::args().any(|argument| argument == "--test");
    ExitCode::from(u8::from(!(is_ok & (is_test || ureq_starts()))))
}
