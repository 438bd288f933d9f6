//! Polls aimed at the end of a job by its progress, and what they must not change.

use std::time::Duration;

use proptest::prelude::*;
use tcss_export::wait::{DelayReason, EventKind, Policy};

use crate::{
    harness::{Harness, ZERO, at, members, ms, secs, success},
    with::with,
};

/// A job that ends after `duration`; its progress depends on the part of it that is over.
struct Job<P> {
    duration: Duration,
    progress: P,
    /// How long an answer takes. It shows the job as it is when the request starts.
    latency: Duration,
}

#[derive(Debug, PartialEq)]
struct Poll {
    at: Duration,
    /// Why the next one comes when it does.
    next: Option<DelayReason>,
}

impl<P: Fn(f64) -> Option<f64>> Job<P> {
    fn new(duration: Duration, progress: P) -> Self {
        Self { duration, progress, latency: ZERO }
    }

    fn polls(&self, aim_by_progress: bool) -> Vec<Poll> {
        let policy = with(Policy::default(), |p| p.aim_by_progress = aim_by_progress);
        self.polls_of(Harness::new(&policy, 7))
    }

    fn polls_of(&self, mut wait: Harness) -> Vec<Poll> {
        let mut polls = Vec::new();
        while wait.sleep().is_some() {
            wait.start().expect("a poll is due");
            let life = wait.now.as_secs_f64() / self.duration.as_secs_f64();
            let answer = match (self.progress)(life) {
                _ if wait.now >= self.duration => success(),
                Some(progress) => at(progress),
                None => members(r#""ExportStatus":"RUNNING""#),
            };
            let at = wait.now;
            let next = match wait.answer(answer.taking(self.latency)).kind {
                EventKind::Waiting { reason, .. } => Some(reason),
                _ => None,
            };
            polls.push(Poll { at, next });
        }
        assert!(wait.waiter.finish().is_ok(), "the job ends before the deadline");
        polls
    }

    fn aimed(&self) -> usize {
        let is_aimed = |poll: &&Poll| poll.next == Some(DelayReason::Progress);
        self.polls(true).iter().filter(is_aimed).count()
    }

    fn late(&self) -> Duration {
        self.polls(true).last().expect("a poll").at - self.duration
    }
}

#[test]
fn the_end_is_noticed_soon_if_progress_is_smooth() {
    let shapes: [fn(f64) -> f64; 3] = [|x| x, |x| x * x, |x| 1.0 - (1.0 - x) * (1.0 - x)];
    for (seconds, shape) in [30, 95, 700].into_iter().flat_map(|s| shapes.map(|shape| (s, shape))) {
        let job = Job::new(secs(seconds), |x| Some(100.0 * shape(x)));
        assert!(job.late() <= ms(1_500), "a job of {seconds} s: {:?} late", job.late());
    }
}

#[test]
fn the_end_of_a_job_of_30_s_without_progress_is_noticed_within_4_s() {
    assert!(Job::new(secs(30), |_| None).late() <= secs(4));
}

#[test]
fn no_poll_is_aimed_while_progress_is_absent_constant_or_impossible() {
    for progress in [None, Some(0.0), Some(99.0), Some(100.0), Some(-1.0), Some(1e300)] {
        assert_eq!(Job::new(secs(300), |_| progress).aimed(), 0, "{progress:?}");
    }
}

#[test]
fn no_poll_is_aimed_after_progress_has_fallen() {
    assert_eq!(Job::new(secs(300), |x| Some(99.0 - 50.0 * x)).aimed(), 0);
}

#[test]
fn polls_that_progress_misled_are_at_most_one_and_a_tenth_of_the_others() {
    // It seems to end soon, every minute.
    let job = Job::new(secs(1_500), |x| Some(100.0 * (25.0 * x).fract()));
    let (aimed, plain) = (job.aimed(), job.polls(false).len());
    assert!((2..=1 + plain / 10).contains(&aimed), "{aimed} besides {plain}");
}

#[derive(Clone, Debug)]
struct AnyProgress {
    values: Vec<Option<f64>>,
    is_stepped: bool,
}

impl AnyProgress {
    fn at(&self, life: f64) -> Option<f64> {
        let place = life * (self.values.len() - 1) as f64;
        let value = |index: usize| *self.values.get(index)?;
        let before = value(place as usize)?;
        let after = value(place as usize + 1).filter(|_| !self.is_stepped).unwrap_or(before);
        Some(before + (after - before) * place.fract())
    }
}

fn any_progress() -> impl Strategy<Value = AnyProgress> {
    let value = prop_oneof![
        6 => (0.0..100.0).prop_map(Some),
        1 => (0u8..=100).prop_map(|percent| Some(percent.into())),
        1 => Just(None),
        1 => prop_oneof![Just(-1.0), Just(100.0), Just(150.0), Just(1e300)].prop_map(Some),
    ];
    let values = proptest::collection::vec(value, 1..60);
    (values, any::<bool>(), any::<bool>()).prop_map(|(mut values, is_sorted, is_stepped)| {
        if is_sorted {
            values.sort_by(|a, b| a.partial_cmp(b).expect("no NaN"));
        }
        AnyProgress { values, is_stepped }
    })
}

proptest! {
    /// Progress of any shape makes no wait later, and hardly more frequent, than without progress.
    /// An answer takes less time than the shortest pause, or it would delay the next poll.
    #[test]
    fn no_wait_is_later_or_by_more_than_a_tenth_more_frequent_than_without_progress(
        log in 0.0..7.4f64,
        latency in 0u64..1_000,
        progress in any_progress(),
    ) {
        let mut job = Job::new(Duration::from_secs_f64(log.exp()), |x| progress.at(x));
        job.latency = ms(latency);
        let (aimed, plain) = (job.polls(true), job.polls(false));
        prop_assert!(aimed.last().map(|poll| poll.at) <= plain.last().map(|poll| poll.at));
        prop_assert!(aimed.len() * 10 <= plain.len() * 11 + 10, "{} {}", aimed.len(), plain.len());
    }
}
