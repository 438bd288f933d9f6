//! The settings of a wait: their defaults, and what each changes.

use std::time::Duration;

use tcss_export::{core::ClockOffset, wait::Policy};

use crate::{
    harness::{Harness, ZERO, at, ms, run, running, secs, success},
    with::with,
};

#[test]
fn defaults_are_the_documented_values() {
    let policy = Policy::default();
    assert_eq!(policy.poll_interval, secs(2));
    assert_eq!(Policy::LONGEST_POLL_INTERVAL, secs(15));
    assert_eq!(policy.max_wait, secs(1_800));
    assert_eq!(policy.exchange_limit, secs(30));
    assert_eq!(policy.max_failures, 8);
    assert_eq!(policy.polls_without_url, 3);
    assert_eq!(tcss_export::core::ANSWER_LIMIT, 1_048_576);
    assert_eq!(ClockOffset::TOLERATED, secs(30));
}

#[test]
fn delays_after_failures_are_between_100_ms_and_200_ms_doubled_up_to_5_s() {
    for (n, longest) in
        [(0, 200), (1, 400), (2, 800), (3, 1_600), (4, 3_200), (5, 5_000), (60, 5_000)]
    {
        assert_eq!(Policy::default().retry.bounds(n), (ms(100), ms(longest)), "failure {n}");
    }
}

#[test]
fn delays_after_throttling_are_between_500_ms_and_1_s_doubled_up_to_15_s() {
    for (n, longest) in [(0, 1), (1, 2), (2, 4), (3, 8), (4, 15), (60, 15)] {
        let bounds = Policy::default().throttle.bounds(n);
        assert_eq!(bounds, (ms(500), secs(longest)), "throttle {n}");
    }
}

// Expected: the root of 2 s x (2 s + 7/8 of the time since the first answer), by Python.
#[test]
fn the_poll_interval_grows_with_the_time_that_the_job_has_been_running_up_to_15_s() {
    let run = run(std::iter::repeat_n(running(), 30).chain([success()]));
    let millis: Vec<_> = run.delays().iter().map(Duration::as_millis).collect();
    assert_eq!(millis[..7], [2_000, 2_738, 3_506, 4_292, 5_093, 5_903, 6_721]);
    assert_eq!(millis[29], 15_000);
}

#[test]
fn the_poll_interval_is_constant_if_both_intervals_are_equal() {
    let policy = with(Policy::default(), |p| {
        p.poll_interval = secs(5);
        p.longest_poll_interval = secs(5);
    });
    let run = Harness::new(&policy, 7).run([at(10), at(55), at(99), success()]);
    assert_eq!(run.starts(), [ZERO, secs(5), secs(10), secs(15)]);
}

#[test]
fn a_longest_interval_below_the_first_counts_as_the_first() {
    let policy = with(Policy::default(), |p| {
        p.poll_interval = secs(5);
        p.longest_poll_interval = secs(1);
    });
    let run = Harness::new(&policy, 7).run([running(), running(), success()]);
    assert_eq!(run.starts(), [ZERO, secs(5), secs(10)]);
}
