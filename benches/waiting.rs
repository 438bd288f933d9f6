//! What a wait among 100,000 costs, next to a bare heap of the same size.
//!
//! A bare time says little on a shared machine: compare the lines of one run.
#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]

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

/// In which order the waits come round.
#[derive(Clone, Copy)]
enum Order {
    /// Each again after 100 s: the order of waits that are polled at intervals.
    InTurn,
    /// Each again after 1 to 100 s: the worst one for the caches, memory being what it costs.
    AtRandom,
}

impl Order {
    const fn shortest(self) -> Duration {
        match self {
            Self::InTurn => LONGEST,
            Self::AtRandom => Duration::from_secs(1),
        }
    }

    /// Each wait is put off for ever.
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

/// A set and the moment up to which it has been driven.
struct Driven {
    set: WaitSet,
    now: Mono,
}

impl Driven {
    fn new(order: Order) -> Self {
        let mut set = WaitSet::new();
        (0..JOBS).for_each(|number| _ = set.add(waiter(number, order)));
        let mut driven = Self { set, now: Mono::default() };
        // Once round, so that the waits are spread.
        (0..JOBS).for_each(|_| driven.put_off());
        driven
    }

    /// Goes on to the next poll that is due.
    fn due(&mut self) -> WaitKey {
        loop {
            match self.set.next(self.now) {
                SetStep::Poll { key, .. } => return key,
                SetStep::WaitUntil(moment) => self.now = moment,
                step => unreachable!("no wait ends: {step:?}"),
            }
        }
    }

    /// One event without signing and reading: a poll comes due and is put off.
    fn put_off(&mut self) {
        let key = self.due();
        self.set.cannot_start(key, self.now, TransportErrorKind::Timeout);
    }

    fn poll(&mut self, session: &mut Session, credentials: &Credentials) {
        let (key, now) = (self.due(), now(self.now));
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
        let mut group = c.benchmark_group(format!("an event among 100,000, {name}"));
        group.throughput(Throughput::Elements(1));
        let mut heap = BareHeap::new(order);
        group.bench_function("bare heap", |b| b.iter(|| heap.put_off()));
        let mut driven = Driven::new(order);
        group.bench_function("set", |b| b.iter(|| driven.put_off()));
        group.finish();
    }
}

/// Moments and numbers, with no waits behind them.
struct BareHeap {
    heap: BinaryHeap<Reverse<(u64, u64)>>,
    order: Order,
}

impl BareHeap {
    fn new(order: Order) -> Self {
        let heap = (0..JOBS).map(|number| Reverse((number, number))).collect();
        let mut heap = Self { heap, order };
        (0..JOBS).for_each(|_| heap.put_off());
        heap
    }

    /// Takes the first and puts it back for later, as a set does with a wait.
    fn put_off(&mut self) {
        let Some(Reverse((at, number))) = self.heap.pop() else { return };
        let shortest = nanos(self.order.shortest());
        let spread = u128::from(nanos(LONGEST) - shortest);
        let random = (at ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let delay = shortest + ((spread * u128::from(random)) >> 64) as u64;
        self.heap.push(Reverse((at + delay, number)));
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).expect("a short one")
}

/// Sign, send, read: what the set adds to that.
fn whole_poll(c: &mut Criterion) {
    let mut session = Session::new(Endpoint::international());
    let credentials = Credentials::new("AKIDEXAMPLE", "EXAMPLEKEY").expect("plain");
    let mut group = c.benchmark_group("a whole poll");
    group.throughput(Throughput::Elements(1));
    let (mut waiter, mut mono) = (waiter(0, Order::InTurn), Mono::default());
    group.bench_function("one wait alone", |b| {
        b.iter(|| {
            if let Step::WaitUntil(moment) = waiter.step(mono) {
                mono = moment;
            }
            let request = waiter.start(now(mono), &mut session, &credentials).expect("it is due");
            black_box(request);
            waiter.answer(now(mono), &mut session, Ok(running()))
        });
    });
    let mut driven = Driven::new(Order::InTurn);
    group.bench_function("one among 100,000", |b| {
        b.iter(|| driven.poll(&mut session, &credentials));
    });
    group.finish();
}

criterion_group!(benches, event, whole_poll);
criterion_main!(benches);
