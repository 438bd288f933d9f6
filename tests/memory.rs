//! The memory of one wait in a set of 100,000.
//!
//! The binary has no test harness, so every counted byte belongs to the set.

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

/// The limit for one wait, with its share of the set.
const BYTES: usize = 1_024;

/// The wait, its job id here and in the index of jobs, the last request id, and its share of the
/// nodes of the set's four trees.
const ALLOCATIONS: usize = 5;

/// 2023-11-14T16:30:00Z.
const TIME: i64 = 1_699_979_400_000;

fn main() {
    let credentials = Credentials::new("AKIDEXAMPLE", "EXAMPLEKEY").expect("plain");
    let mut session = Session::new(Endpoint::international());
    warm_up(&mut session, &credentials);

    let region = Region::new(ALLOCATOR);
    let mut set = WaitSet::with_list(&Policy::default(), 1);
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

/// Fills the caches of the session.
fn warm_up(session: &mut Session, credentials: &Credentials) {
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

/// Polls each job once at the spacing of the service; the RUNNING answer arrives 2 s later.
fn poll_all(set: &mut WaitSet, session: &mut Session, credentials: &Credentials) {
    let (mut now, mut in_flight, mut polled) = (Duration::ZERO, VecDeque::new(), 0);
    assert!(matches!(set.next(at(now).mono), SetStep::List { .. }));
    while polled < JOBS {
        let SetStep::Poll { key, .. } = set.next(at(now).mono) else {
            panic!("expected a due poll")
        };
        set.start(key, at(now), session, credentials).expect("a poll is due");
        in_flight.push_back(key);
        polled += 1;
        now += RateBudget::SPACING;
        if in_flight.len() > 40 {
            answer(set, session, &mut in_flight, now);
        }
    }
    while !in_flight.is_empty() {
        answer(set, session, &mut in_flight, now);
    }
}

fn answer(
    set: &mut WaitSet,
    session: &mut Session,
    in_flight: &mut VecDeque<WaitKey>,
    now: Duration,
) {
    let key = in_flight.pop_front().expect("a poll in flight");
    set.answer(key, at(now), session, Ok(running(now))).expect("a wait of the set");
}

fn running(now: Duration) -> Response<Bytes> {
    let id = uuid(now.as_micros() as usize);
    let members =
        r#""ExportStatus":"RUNNING","DownloadURL":"","ExportProgress":42.5,"FailureMsg":"""#;
    Response::new(format!(r#"{{"Response":{{{members},"RequestId":"{id}"}}}}"#).into())
}

/// Returns an id of 36 characters, like the ids of the service.
fn uuid(number: usize) -> String {
    format!("00000000-7e57-4000-8000-{number:012x}")
}

fn at(mono: Duration) -> Now {
    let millis = i64::try_from(mono.as_millis()).expect("a short run");
    Now { wall: Wall::from_unix_millis(TIME + millis), mono: Mono::from_origin(mono) }
}
