//! What a wait costs in memory when there are 100,000 of them in one set.
//!
//! A test binary of its own without a harness, so that every byte it counts is the set's.

#[path = "common/with.rs"]
mod with;

use std::{alloc::System, collections::VecDeque, time::Duration};

use bytes::Bytes;
use http::Response;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tcss_export::{
    Credentials, Endpoint, JobId, Session,
    core::{
        Mono, Now, RateBudget, Wall,
        wait::{SetStep, WaitKey, WaitSet, Waiter},
    },
    wait::Policy,
};
use with::with;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const JOBS: usize = 100_000;

/// What a wait may cost, all in.
const BYTES: usize = 1_024;

/// Itself, its job id, the last request id, and its share of the nodes of the set's three trees.
const ALLOCATIONS: usize = 4;

/// 2023-11-14T16:30:00Z.
const TIME: i64 = 1_699_979_400_000;

/// A wait among a hundred thousand takes at most 1 KiB.
fn main() {
    let credentials = Credentials::new("AKIDEXAMPLE", "EXAMPLEKEY").expect("plain");
    let mut session = Session::new(Endpoint::international());
    session_is_warm(&mut session, &credentials);

    let region = Region::new(ALLOCATOR);
    let mut set = WaitSet::new();
    add_all(&mut set);
    poll_all(&mut set, &mut session, &credentials);
    let change = region.change();

    assert_eq!(set.len(), JOBS);
    let bytes = change.bytes_allocated - change.bytes_deallocated;
    let allocations = change.allocations - change.deallocations;
    println!(
        "{} bytes and {:.2} allocations a wait",
        bytes / JOBS,
        allocations as f64 / JOBS as f64
    );
    assert!(bytes <= BYTES * JOBS, "{} bytes a wait", bytes / JOBS);
    assert!(allocations <= ALLOCATIONS * JOBS, "{allocations} allocations");
}

/// Makes all that a session keeps.
fn session_is_warm(session: &mut Session, credentials: &Credentials) {
    let mut set = WaitSet::new();
    let key = set.add(waiter(0));
    set.start(key, at(Duration::ZERO), session, credentials).expect("a poll is due");
}

fn add_all(set: &mut WaitSet) {
    for number in 0..JOBS {
        set.add(waiter(number));
    }
}

fn waiter(number: usize) -> Waiter {
    let job = JobId::new(uuid(number)).expect("a text");
    let policy = with(Policy::default(), |p| p.max_wait = Duration::from_secs(86_400));
    Waiter::new(job, &policy, number as u64, Mono::default())
}

/// Polls each job once at the pace of the service; 2 s later it runs.
fn poll_all(set: &mut WaitSet, session: &mut Session, credentials: &Credentials) {
    let (mut now, mut under_way, mut polled) = (Duration::ZERO, VecDeque::new(), 0);
    while polled < JOBS {
        let SetStep::Poll { key, .. } = set.next(at(now).mono) else { panic!("one is due") };
        set.start(key, at(now), session, credentials).expect("a poll is due");
        under_way.push_back(key);
        polled += 1;
        now += RateBudget::SPACING;
        if under_way.len() > 40 {
            answer(set, session, &mut under_way, now);
        }
    }
    while !under_way.is_empty() {
        answer(set, session, &mut under_way, now);
    }
}

fn answer(
    set: &mut WaitSet,
    session: &mut Session,
    under_way: &mut VecDeque<WaitKey>,
    now: Duration,
) {
    let key = under_way.pop_front().expect("one is under way");
    set.answer(key, at(now), session, Ok(running(now))).expect("a wait of the set");
}

fn running(now: Duration) -> Response<Bytes> {
    let id = uuid(now.as_micros() as usize);
    let members =
        r#""ExportStatus":"RUNNING","DownloadURL":"","ExportProgress":42.5,"FailureMsg":"""#;
    Response::new(format!(r#"{{"Response":{{{members},"RequestId":"{id}"}}}}"#).into())
}

/// Returns a text of 36 characters, as the service's ids have.
fn uuid(number: usize) -> String {
    format!("00000000-7e57-4000-8000-{number:012x}")
}

fn at(mono: Duration) -> Now {
    let millis = i64::try_from(mono.as_millis()).expect("a short run");
    Now { wall: Wall::from_unix_millis(TIME + millis), mono: Mono::from_origin(mono) }
}
