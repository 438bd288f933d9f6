//! The time of one wait in a set of 100,000, compared with a plain heap of the same size.
//!
//! Absolute times say little on a shared machine: compare the lines of one run.
#![allow(missing_docs, reason = "criterion's macros generate undocumented functions")]

use std::{cmp::Reverse, collections::BinaryHeap, hint::black_box, time::Duration};

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use http::Response;
use tcss_export::{
    Credentials, Endpoint, JobId, Session,
    core::{
        Mono, Now, Wall,
        wait::{SetStep, Step, WaitKey, WaitSet, Waiter},
    },
    driver::TransportErrorKind,
    wait::{Backoff, Policy},
};

const JOBS: u64 = 100_000;
const RUNNING: &str = r#"{"Response":{"ExportStatus":"RUNNING","DownloadURL":"","ExportProgress":42.5,"FailureMsg":"","RequestId":"3f1c9a52-77aa-4a6e-9b7d-5d2f0c8e1a10"}}"#;

/// The order in which polls become due.
#[derive(Clone, Copy)]
enum Order {
    /// Each again after 100 s, as with waits that are polled at intervals.
    InTurn,
    /// Each again after 1 to 100 s, the worst order for the caches of the processor.
    AtRandom,
}

impl Order {
    const fn shortest(self) -> Duration {
        match self {
            Self::InTurn => LONGEST,
            Self::AtRandom => Duration::from_secs(1),
        }
    }

    /// A policy that retries for ever.
    fn policy(self) -> Policy {
        let mut policy = Policy::default();
        policy.max_wait = Duration::MAX;
        policy.max_failures = u32::MAX;
        policy.retry = Backoff::new(self.shortest(), LONGEST, LONGEST);
        policy
    }
}

const LONGEST: Duration = Duration::from_secs(100);

fn waiter(number: u64, order: Order) -> Waiter {
    let id = format!("00000000-7e57-4000-8000-{number:012x}");
    Waiter::new(JobId::new(id).expect("a text"), &order.policy(), number, Mono::default())
}

fn now(mono: Mono) -> Now {
    Now { wall: Wall::from_unix_seconds(1_699_979_400), mono }
}

/// A set and its virtual clock.
struct ClockedSet {
    set: WaitSet,
    now: Mono,
}

impl ClockedSet {
    fn new(order: Order) -> Self {
        let mut set = WaitSet::new();
        (0..JOBS).for_each(|number| _ = set.add(waiter(number, order)));
        let mut clocked = Self { set, now: Mono::default() };
        // One retry of each wait spreads them over time.
        (0..JOBS).for_each(|_| clocked.delay_one());
        clocked
    }

    /// Advances the clock to the next due poll.
    fn next_due(&mut self) -> WaitKey {
        loop {
            match self.set.next(self.now) {
                SetStep::Poll { key, .. } => return key,
                SetStep::WaitUntil(moment) => self.now = moment,
                step => unreachable!("no wait ends: {step:?}"),
            }
        }
    }

    /// One event without signing and reading: a poll becomes due and is delayed.
    fn delay_one(&mut self) {
        let key = self.next_due();
        self.set.cannot_start(key, self.now, TransportErrorKind::Timeout);
    }

    fn poll(&mut self, session: &mut Session, credentials: &Credentials) {
        let (key, now) = (self.next_due(), now(self.now));
        let request = self.set.start(key, now, session, credentials).expect("it is due");
        black_box(request);
        self.set.answer(key, now, session, Ok(running()));
    }
}

fn running() -> Response<Bytes> {
    Response::new(Bytes::from_static(RUNNING.as_bytes()))
}

fn event(c: &mut Criterion) {
    for (name, order) in [("in turn", Order::InTurn), ("at random", Order::AtRandom)] {
        let mut group = c.benchmark_group(format!("an event in a set of 100,000, {name}"));
        group.throughput(Throughput::Elements(1));
        let mut heap = PlainHeap::new(order);
        group.bench_function("plain heap", |b| b.iter(|| heap.delay_one()));
        let mut set = ClockedSet::new(order);
        group.bench_function("set", |b| b.iter(|| set.delay_one()));
        group.finish();
    }
}

/// A heap of due times and numbers, without waits.
struct PlainHeap {
    heap: BinaryHeap<Reverse<(u64, u64)>>,
    order: Order,
}

impl PlainHeap {
    fn new(order: Order) -> Self {
        let heap = (0..JOBS).map(|number| Reverse((number, number))).collect();
        let mut heap = Self { heap, order };
        (0..JOBS).for_each(|_| heap.delay_one());
        heap
    }

    /// Removes the first entry and inserts it again for later, as a set does with a wait.
    fn delay_one(&mut self) {
        let Some(Reverse((at, number))) = self.heap.pop() else { return };
        let shortest = nanos(self.order.shortest());
        let spread = u128::from(nanos(LONGEST) - shortest);
        let random = (at ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let delay = shortest + ((spread * u128::from(random)) >> 64) as u64;
        self.heap.push(Reverse((at + delay, number)));
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).expect("a short duration")
}

/// Signing and reading a poll, alone and in a set.
fn whole_poll(c: &mut Criterion) {
    let mut session = Session::new(Endpoint::international());
    let credentials = Credentials::new("AKIDEXAMPLE", "EXAMPLEKEY").expect("plain");
    let mut group = c.benchmark_group("a whole poll");
    group.throughput(Throughput::Elements(1));
    let (mut waiter, mut mono) = (waiter(0, Order::InTurn), Mono::default());
    group.bench_function("a single wait", |b| {
        b.iter(|| {
            if let Step::WaitUntil(moment) = waiter.step(mono) {
                mono = moment;
            }
            let request = waiter.start(now(mono), &mut session, &credentials).expect("it is due");
            black_box(request);
            waiter.answer(now(mono), &mut session, Ok(running()))
        });
    });
    let mut set = ClockedSet::new(Order::InTurn);
    group.bench_function("one of 100,000 waits", |b| {
        b.iter(|| set.poll(&mut session, &credentials));
    });
    group.finish();
}

criterion_group!(benches, event, whole_poll);
criterion_main!(benches);
