//! A set of many waits uses the job list of the account, which may be wrong, and only polls decide.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use proptest::prelude::*;
use serde_json::{Value, json};
use tcss_export::{
    JobId, Session,
    core::{
        Now, Wall,
        wait::{Outcome, SetStep, StartError, WaitKey, WaitSet, Waiter},
    },
    driver::TransportErrorKind,
    wait::{ErrorKind, Policy},
};

use crate::{
    common::{TIME, credentials, session},
    harness::{ZERO, mono, secs},
    with::with,
};

const MANY: usize = WaitSet::LIST_ABOVE + 1;
/// An exchange takes so long.
const ROUND_TRIP: Duration = Duration::from_millis(100);

fn id(job: usize) -> String {
    format!("job-{job}")
}

/// A set of waits and a clock.
struct Jobs {
    set: WaitSet,
    keys: Vec<WaitKey>,
    session: Session,
    now: Duration,
}

type Answer = Result<Response<Bytes>, TransportErrorKind>;

fn response(members: Value) -> Answer {
    Ok(Response::new(json!({ "Response": members }).to_string().into()))
}

fn refused(code: &str) -> Answer {
    response(json!({ "Error": { "Code": code, "Message": "m" } }))
}

fn row(job: usize, status: &str) -> Value {
    json!({ "JobID": id(job), "ExportStatus": status, "ExportProgress": 42 })
}

fn page(total: usize, rows: impl IntoIterator<Item = Value>) -> Answer {
    response(json!({ "TotalCount": total, "List": Vec::from_iter(rows) }))
}

/// The list of jobs that are all running.
fn running(jobs: usize) -> Answer {
    page(jobs, (0..jobs).map(|job| row(job, "RUNNING")))
}

fn polled(status: &str) -> Answer {
    response(json!({ "ExportStatus": status, "DownloadURL": "https://h.example/a.csv" }))
}

impl Jobs {
    fn new(count: usize) -> Self {
        Self::with_policy(count, &Policy::default())
    }

    fn with_policy(count: usize, policy: &Policy) -> Self {
        let mut set = WaitSet::with_list(policy, 1);
        let waiter = |job| Waiter::new(JobId::new(id(job)).expect("a text"), policy, 7, mono(ZERO));
        let keys = (0..count).map(|job| set.add(waiter(job))).collect();
        Self { set, keys, session: session(), now: ZERO }
    }

    fn now(&self) -> Now {
        let millis = TIME * 1_000 + self.now.as_millis() as i64;
        Now { wall: Wall::from_unix_millis(millis), mono: mono(self.now) }
    }

    fn next(&mut self) -> SetStep {
        self.set.next(mono(self.now))
    }

    fn start_list(&mut self) -> Result<Request<Bytes>, StartError> {
        self.set.start_list(self.now(), &mut self.session, &credentials())
    }

    /// Sends the request for the list that is due, and returns its body.
    #[track_caller]
    fn list(&mut self, answer: Answer) -> Value {
        let step = self.next();
        assert!(matches!(step, SetStep::List { .. }), "{step:?}");
        let request = self.start_list().expect("a request");
        assert_eq!(request.headers()["x-tc-action"], "DescribeExportJobManageList");
        self.now += ROUND_TRIP;
        self.set.answer_list(self.now(), &mut self.session, answer);
        serde_json::from_slice(request.body()).expect("JSON")
    }

    /// Polls the job that is due, and returns its number.
    #[track_caller]
    fn poll(&mut self, answer: Answer) -> usize {
        let SetStep::Poll { key, .. } = self.next() else { panic!("no poll is due") };
        self.set.start(key, self.now(), &mut self.session, &credentials()).expect("a request");
        self.set.answer(key, self.now(), &mut self.session, answer);
        self.keys.iter().position(|other| *other == key).expect("a wait")
    }

    /// Lets the time pass until something is due, and returns how long that was.
    #[track_caller]
    fn pass(&mut self) -> Duration {
        let SetStep::WaitUntil(moment) = self.next() else { panic!("something is due") };
        let before = std::mem::replace(&mut self.now, moment.since_origin());
        self.now - before
    }

    #[track_caller]
    fn ended(&mut self) -> (String, Outcome) {
        match self.next() {
            SetStep::Ended { job, outcome, .. } => (job.to_string(), outcome),
            step => panic!("{step:?}"),
        }
    }
}

#[test]
fn few_waits_are_polled_only() {
    let mut jobs = Jobs::new(WaitSet::LIST_ABOVE);
    assert!(matches!(jobs.next(), SetStep::Poll { .. }));
    assert_eq!(jobs.start_list().unwrap_err(), StartError::NotDue);
}

#[test]
fn a_set_without_a_list_never_asks_for_it() {
    let mut set = WaitSet::new();
    let waiter = || Waiter::new(JobId::new("4711").unwrap(), &Policy::default(), 7, mono(ZERO));
    (0..2 * MANY).for_each(|_| _ = set.add(waiter()));
    assert!(matches!(set.next(mono(ZERO)), SetStep::Poll { .. }));
    let error = set.start_list(Jobs::new(0).now(), &mut session(), &credentials()).unwrap_err();
    assert_eq!(error, StartError::NotDue);
}

#[test]
fn the_pages_come_newest_first_until_every_wait_was_shown() {
    let mut jobs = Jobs::new(150);
    let rows = |jobs: std::ops::Range<usize>| jobs.map(|job| row(job, "RUNNING"));
    let first = jobs.list(page(1_000, rows(0..100)));
    let by = json!({ "Offset": 0, "Limit": 100, "Order": "DESC", "By": "InsertTime" });
    assert_eq!(first, by);
    let second = jobs.list(page(1_000, rows(100..200)));
    assert_eq!(second["Offset"], 100);
    assert_eq!(jobs.pass(), secs(1) - 2 * ROUND_TRIP);
    assert_eq!(jobs.list(running(0))["Offset"], 0);
}

#[test]
fn the_request_for_the_list_is_asked_for_once_and_polls_go_on() {
    let mut jobs = Jobs::new(MANY);
    assert_eq!(jobs.next(), SetStep::List { fresh_credentials: false });
    assert!(matches!(jobs.next(), SetStep::Poll { .. }));
    jobs.start_list().expect("a request");
    assert_eq!(jobs.start_list().unwrap_err(), StartError::NotDue);
    assert!(matches!(jobs.next(), SetStep::Poll { .. }));
}

#[test]
fn a_row_of_a_running_job_counts_as_an_answer_but_not_as_a_poll() {
    let mut jobs = Jobs::new(MANY);
    jobs.list(running(MANY));
    assert_eq!(jobs.pass(), secs(1) - ROUND_TRIP, "no poll is due before the next sweep");
    jobs.set.cancel(jobs.keys[0]);
    let report = jobs.ended().1.unwrap_err().report;
    let last = report.last.expect("a status");
    assert_eq!((report.polls, last.status.as_str(), last.progress), (0, "RUNNING", Some(42.0)));
}

/// The list of jobs of which some have ended.
fn ended(jobs: usize, status: &str, ended: &[usize]) -> Answer {
    let status = |job| if ended.contains(&job) { status } else { "RUNNING" };
    page(jobs, (0..jobs).map(|job| row(job, status(job))))
}

#[test]
fn a_job_that_is_listed_as_ended_is_polled_before_the_others() {
    for status in ["SUCCESS", "FAILURE"] {
        let mut jobs = Jobs::new(MANY);
        jobs.list(ended(MANY, status, &[7, 9]));
        jobs.now += secs(10);
        assert_eq!(jobs.poll(polled("SUCCESS")), 7);
        let (job, outcome) = jobs.ended();
        assert_eq!((job, outcome.expect("a URL").report.polls), (id(7), 1));
        assert_eq!(jobs.poll(polled("FAILURE")), 9);
        assert!(matches!(jobs.ended().1.unwrap_err().kind, ErrorKind::JobFailed { .. }));
        assert_eq!(jobs.poll(polled("RUNNING")), 0);
    }
}

#[test]
fn a_list_that_says_ended_too_early_is_believed_once() {
    let mut jobs = Jobs::new(MANY + 1);
    jobs.list(ended(MANY + 1, "SUCCESS", &[3]));
    assert_eq!(jobs.poll(polled("RUNNING")), 3);
    for _ in 0..2 {
        jobs.pass();
        jobs.list(ended(MANY + 1, "SUCCESS", &[3]));
    }
    // 2 s after its poll, by the schedule of polls.
    assert_eq!(jobs.poll(polled("SUCCESS")), 3);
}

#[test]
fn a_row_does_not_shorten_the_pause_before_a_retry() {
    let mut jobs = Jobs::new(MANY);
    assert!(matches!(jobs.next(), SetStep::List { .. }));
    assert_eq!(jobs.poll(refused("RequestLimitExceeded")), 0);
    jobs.start_list().expect("a request");
    jobs.set.answer_list(jobs.now(), &mut jobs.session, ended(MANY, "SUCCESS", &[0]));
    assert!(jobs.pass() >= Duration::from_millis(500));
    assert_eq!(jobs.poll(polled("SUCCESS")), 0);
}

#[test]
fn a_row_does_not_end_a_poll_in_flight() {
    let mut jobs = Jobs::new(MANY);
    assert!(matches!(jobs.next(), SetStep::List { .. }));
    let SetStep::Poll { key, .. } = jobs.next() else { panic!("no poll is due") };
    jobs.set.start(key, jobs.now(), &mut jobs.session, &credentials()).expect("a request");
    jobs.start_list().expect("a request");
    let all: Vec<_> = (0..MANY).collect();
    jobs.set.answer_list(jobs.now(), &mut jobs.session, ended(MANY, "SUCCESS", &all));
    jobs.set.answer(key, jobs.now(), &mut jobs.session, polled("RUNNING"));
    // A later row counts.
    (1..MANY).for_each(|job| assert_eq!(jobs.poll(polled("RUNNING")), job));
}

/// Returns when each poll of a job starts whose list says that it is running for ever.
fn polls_of_a_lie(policy: &Policy) -> Vec<Duration> {
    let (mut jobs, mut polls) = (Jobs::with_policy(MANY, policy), Vec::new());
    loop {
        match jobs.next() {
            SetStep::List { .. } => {
                jobs.start_list().expect("a request");
                jobs.set.answer_list(jobs.now(), &mut jobs.session, running(MANY));
            }
            SetStep::Poll { key, .. } => {
                jobs.set.start(key, jobs.now(), &mut jobs.session, &credentials()).expect("due");
                jobs.set.answer(key, jobs.now(), &mut jobs.session, polled("RUNNING"));
                if key == jobs.keys[0] {
                    polls.push(jobs.now);
                }
            }
            SetStep::WaitUntil(moment) => jobs.now = moment.since_origin(),
            SetStep::Ended { .. } => {}
            SetStep::Empty => return polls,
        }
    }
}

#[test]
fn the_list_alone_is_believed_for_a_limited_time() {
    let polls = polls_of_a_lie(&with(Policy::default(), |p| p.max_wait = secs(1_200)));
    let trust = WaitSet::LIST_TRUST;
    assert_eq!(polls[..3], [trust, 2 * trust, 3 * trust], "{polls:?}");
    assert_eq!(polls[3], 3 * trust + trust / 2);
}

#[test]
fn a_short_wait_is_polled_halfway_to_its_deadline() {
    let polls = polls_of_a_lie(&with(Policy::default(), |p| p.max_wait = secs(60)));
    assert_eq!(polls[..2], [secs(30), secs(45)], "{polls:?}");
}

#[test]
fn a_permanent_refusal_ends_the_use_of_the_list() {
    for answer in [
        refused("UnauthorizedOperation"),
        refused("UnsupportedOperation"),
        Err(TransportErrorKind::TooLarge),
        Ok(Response::new(r#"{"Response":{"List":7}}"#.into())),
    ] {
        let mut jobs = Jobs::new(MANY);
        let text = format!("{answer:?}");
        let mut answers = 0;
        while let SetStep::List { .. } = jobs.next() {
            jobs.start_list().expect("a request");
            let again = answer.as_ref().map(|r| Response::new(r.body().clone())).map_err(|e| *e);
            jobs.set.answer_list(jobs.now(), &mut jobs.session, again);
            answers += 1;
            jobs.now += secs(15);
        }
        assert!(answers <= 1 + Policy::MAX_FAILURES, "{text}: {answers}");
        (0..MANY).for_each(|job| assert_eq!(jobs.poll(polled("RUNNING")), job, "{text}"));
    }
}

#[test]
fn transient_faults_pause_the_list() {
    for (answer, shortest) in [
        (Err(TransportErrorKind::Timeout), 100),
        (refused("InternalError"), 100),
        (refused("RequestLimitExceeded"), 500),
    ] {
        let mut jobs = Jobs::new(MANY);
        jobs.list(answer);
        let answered = jobs.now;
        (0..MANY).for_each(|job| assert_eq!(jobs.poll(polled("RUNNING")), job));
        jobs.pass();
        assert!(jobs.now - answered >= Duration::from_millis(shortest));
        jobs.list(running(MANY));
    }
}

#[test]
fn a_refused_token_asks_for_fresh_credentials() {
    let mut jobs = Jobs::new(MANY);
    jobs.list(refused("AuthFailure.TokenFailure"));
    jobs.now += secs(1);
    assert_eq!(jobs.next(), SetStep::List { fresh_credentials: true });
    // The credentials could not be fetched.
    jobs.set.answer_list(jobs.now(), &mut jobs.session, Err(TransportErrorKind::Timeout));
    jobs.now += secs(5);
    assert_eq!(jobs.next(), SetStep::List { fresh_credentials: true });
}

#[test]
fn rows_that_mean_nothing_leave_the_polls_as_they_are() {
    let rows = || {
        vec![
            json!(null),
            json!([1]),
            json!({ "JobID": "job-1" }),
            row(2, "QUEUED"),
            row(4_711, "SUCCESS"),
            json!({ "JobID": 3, "ExportStatus": "SUCCESS" }),
        ]
    };
    let mut jobs = Jobs::new(MANY);
    jobs.list(page(6, rows()));
    (0..MANY).for_each(|job| assert_eq!(jobs.poll(polled("RUNNING")), job));
}

#[test]
fn two_rows_and_two_waits_of_a_job_are_no_problem() {
    let mut jobs = Jobs::new(MANY);
    let twin = Waiter::new(JobId::new(id(5)).unwrap(), &Policy::default(), 7, mono(ZERO));
    jobs.keys.push(jobs.set.add(twin));
    let twice = ["RUNNING", "SUCCESS", "SUCCESS", "RUNNING"].map(|status| row(5, status));
    let others = (0..MANY).filter(|job| *job != 5).map(|job| row(job, "RUNNING"));
    jobs.list(page(MANY + 3, others.chain(twice)));
    assert_eq!(jobs.poll(polled("SUCCESS")), 5);
    assert_eq!(jobs.ended().0, id(5));
    assert_eq!(jobs.poll(polled("SUCCESS")), MANY);
    assert_eq!(jobs.ended().0, id(5));
}

#[test]
fn a_job_that_the_list_does_not_show_is_not_searched_again() {
    let mut jobs = Jobs::new(MANY + 1);
    let rows = || (0..MANY).map(|job| row(job, "RUNNING"));
    let old = || (0..100).map(|job| row(1_000 + job, "SUCCESS"));
    jobs.list(page(100_000, rows()));
    let mut pages = 1;
    while let SetStep::List { .. } = jobs.next() {
        jobs.start_list().expect("a request");
        jobs.set.answer_list(jobs.now(), &mut jobs.session, page(100_000, old()));
        pages += 1;
    }
    // 1,000 rows and four for each wait.
    assert_eq!(pages, 12);
    assert_eq!(jobs.poll(polled("RUNNING")), MANY);
    jobs.pass();
    jobs.list(page(100_000, rows()));
    assert!(matches!(jobs.next(), SetStep::WaitUntil(_)), "one page shows all that are expected");
}

#[test]
fn an_empty_list_is_not_asked_for_again_until_many_waits_are_added() {
    let mut jobs = Jobs::new(MANY);
    jobs.list(page(0, []));
    jobs.now += secs(60);
    (0..MANY).for_each(|job| assert_eq!(jobs.poll(polled("RUNNING")), job));
    let waiter = || Waiter::new(JobId::new("new").unwrap(), &Policy::default(), 7, mono(secs(60)));
    (0..MANY).for_each(|_| jobs.keys.push(jobs.set.add(waiter())));
    jobs.list(page(0, []));
}

#[test]
fn without_the_list_new_jobs_do_not_queue_behind_a_round() {
    let mut set = WaitSet::new();
    let waiter = |at| Waiter::new(JobId::new("4711").unwrap(), &Policy::default(), 7, mono(at));
    let (mut session, credentials) = (session(), credentials());
    let old = set.add(waiter(ZERO));
    let now = Jobs::new(0).now();
    set.start(old, now, &mut session, &credentials).expect("a request");
    set.answer(old, now, &mut session, polled("RUNNING"));
    let new = set.add(waiter(secs(60)));
    assert_eq!(set.next(mono(secs(60))), SetStep::Poll { key: new, fresh_credentials: false });
}

#[test]
fn a_wait_that_was_never_polled_says_so() {
    let mut jobs = Jobs::with_policy(MANY, &with(Policy::default(), |p| p.max_wait = secs(1)));
    jobs.list(page(2, [row(0, "SUCCESS"), row(1, "RUNNING")]));
    jobs.now = secs(1);
    let mut texts = (0..MANY).map(|_| jobs.ended().1.unwrap_err().to_string());
    assert_eq!(
        [(); 3].map(|()| texts.next().expect("a text")),
        [
            "the job was never polled before the deadline (job job-0, polls: 0, 1.0 s, last status \"SUCCESS\" at 42 %)",
            "the job was never polled before the deadline (job job-1, polls: 0, 1.0 s, last status \"RUNNING\" at 42 %)",
            "the job was never polled before the deadline (job job-2, polls: 0, 1.0 s)",
        ]
    );
}

/// What a list says of a job at random.
#[derive(Clone, Copy, Debug)]
enum Claim {
    Truth,
    Running,
    Ended,
    Nothing,
    Garbage,
}

fn claim() -> impl Strategy<Value = Claim> {
    use Claim::{Ended, Garbage, Nothing, Running, Truth};
    prop_oneof![Just(Truth), Just(Running), Just(Ended), Just(Nothing), Just(Garbage)]
}

fn rows(claims: &[Claim], ends: &[u64], now: Duration) -> Answer {
    let of = |(job, claim): (usize, &Claim)| {
        let end = if now >= secs(ends[job]) { "SUCCESS" } else { "RUNNING" };
        match claim {
            Claim::Truth => Some(row(job, end)),
            Claim::Running => Some(row(job, "RUNNING")),
            Claim::Ended => Some(row(job, "FAILURE")),
            Claim::Nothing => None,
            Claim::Garbage => Some(json!(null)),
        }
    };
    page(claims.len(), claims.iter().enumerate().filter_map(of))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    /// Each claim lasts for the whole run or for a page.
    #[test]
    fn whatever_the_list_says_every_job_ends_as_its_polls_say(
        claims in proptest::collection::vec(proptest::collection::vec(claim(), 30), 1..8),
        ends in proptest::collection::vec(1u64..1_500, 30),
        faults in proptest::collection::vec(0u8..8, 1..8),
    ) {
        let policy = with(Policy::default(), |p| p.max_wait = secs(4_000));
        let mut jobs = Jobs::with_policy(30, &policy);
        let (mut pages, mut ended) = (0, 0);
        loop {
            match jobs.next() {
                SetStep::List { .. } => {
                    pages += 1;
                    let answer = match faults[pages % faults.len()] {
                        0 => Err(TransportErrorKind::Timeout),
                        1 => refused("RequestLimitExceeded"),
                        _ => rows(&claims[pages % claims.len()], &ends, jobs.now),
                    };
                    jobs.start_list().expect("a request");
                    jobs.set.answer_list(jobs.now(), &mut jobs.session, answer);
                }
                SetStep::Poll { key, .. } => {
                    let job = jobs.keys.iter().position(|k| *k == key).expect("a wait");
                    let has_ended = jobs.now >= secs(ends[job]);
                    let (now, answer) = (jobs.now(), if has_ended { "SUCCESS" } else { "RUNNING" });
                    jobs.set.start(key, now, &mut jobs.session, &credentials()).expect("due");
                    jobs.set.answer(key, now, &mut jobs.session, polled(answer));
                }
                SetStep::WaitUntil(moment) => jobs.now = moment.since_origin(),
                SetStep::Ended { key, outcome, .. } => {
                    let job = jobs.keys.iter().position(|k| *k == key).expect("a wait");
                    prop_assert!(outcome.is_ok());
                    let late = jobs.now - secs(ends[job]);
                    prop_assert!(late <= WaitSet::LIST_TRUST, "{job} is {late:?} late");
                    ended += 1;
                }
                SetStep::Empty => break,
            }
        }
        prop_assert_eq!(ended, 30);
    }
}
