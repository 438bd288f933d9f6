//! Codes that ask for a pause, and the pauses.

use std::time::Duration;

use proptest::prelude::*;
use tcss_export::wait::{self, Correction, Policy};

use crate::{
    exchange::{api, said, success},
    rig::{Rig, ms, run, run_under, secs},
};

/// Makes one test a code that is throttling: backed off and polled on until the deadline.
macro_rules! throttles {
    ($($name:ident: $code:literal;)*) => {$(
        #[test]
        fn $name() {
            let run = run_under(secs(300), std::iter::repeat(api($code)));
            assert_eq!(*run.kind(), wait::ErrorKind::TimedOut);
            assert!(run.polls.len() > 9, "{}", run.polls.len());
            assert!(run.remedies().iter().all(|remedy| *remedy == Correction::BackOff));
        }
    )*};
}
throttles! {
    request_limit_exceeded: "RequestLimitExceeded";
    of_the_account_over_all_regions: "RequestLimitExceeded.GlobalRegionUinLimitExceeded";
    of_the_address: "RequestLimitExceeded.IPLimitExceeded";
    of_the_account: "RequestLimitExceeded.UinLimitExceeded";
    of_a_detail_nobody_knows: "RequestLimitExceeded.SomethingNew";
    rate_among_the_quotas: "LimitExceeded.RateLimitExceeded";
}

#[test]
fn status_429_without_an_api_error_is_throttling() {
    let run = run_under(secs(60), std::iter::repeat(said(429, "slow down")));
    assert_eq!(*run.kind(), wait::ErrorKind::TimedOut);
}

#[test]
fn throttling_does_not_count_as_a_failure() {
    let script = std::iter::repeat_n(api("RequestLimitExceeded"), 20).chain([success()]);
    run(script).assert_url(21);
}

// 500 ms to min(15 s, 1 s x 2^n).
fn five_throttles(seed: u64) -> Vec<Duration> {
    let script = std::iter::repeat_n(api("RequestLimitExceeded"), 5).chain([success()]);
    Rig::new(&Policy::default(), seed).run(script).delays()
}

#[test]
fn one_seed_gives_one_list_of_delays() {
    assert_eq!(five_throttles(1), five_throttles(1));
}

#[test]
fn another_seed_gives_another_list_of_delays() {
    assert_ne!(five_throttles(1), five_throttles(2));
}

proptest! {
    #[test]
    fn every_delay_after_a_throttle_lies_within_its_bounds(seed: u64) {
        for (n, delay) in five_throttles(seed).into_iter().enumerate() {
            let longest = secs(1 << n).min(secs(15));
            prop_assert!(ms(500) <= delay && delay <= longest, "throttle {}: {:?}", n, delay);
        }
    }

    #[test]
    fn every_delay_after_a_failure_lies_within_its_bounds(seed: u64) {
        let script = std::iter::repeat_n(api("InternalError"), 8).chain([success()]);
        let delays = Rig::new(&Policy::default(), seed).run(script).delays();
        for (n, delay) in delays.into_iter().enumerate() {
            let longest = ms(200 << n).min(secs(5));
            prop_assert!(ms(100) <= delay && delay <= longest, "failure {}: {:?}", n, delay);
        }
    }
}
