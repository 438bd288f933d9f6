//! Codes that ask for a pause, and how long the pauses are.

use std::time::Duration;

use proptest::prelude::*;
use tcss_export::wait::{self, Policy, Remedy};

use crate::{
    harness::{Harness, answer, api, ms, run, run_under, secs, success},
    with::with,
};

/// One test for each throttling code: the wait backs off and goes on polling until its deadline.
macro_rules! throttles {
    ($($name:ident: $code:literal;)*) => {$(
        #[test]
        fn $name() {
            let run = run_under(secs(300), std::iter::repeat(api($code)));
            assert_eq!(*run.kind(), wait::ErrorKind::TimedOut);
            assert!(run.polls.len() > 9, "{}", run.polls.len());
            assert!(run.remedies().iter().all(|correction| *correction == Remedy::BackOff));
        }
    )*};
}

throttles! {
    request_limit_exceeded: "RequestLimitExceeded";
    limit_of_the_account_over_all_regions: "RequestLimitExceeded.GlobalRegionUinLimitExceeded";
    limit_of_the_address: "RequestLimitExceeded.IPLimitExceeded";
    limit_of_the_account: "RequestLimitExceeded.UinLimitExceeded";
    unknown_detail_of_request_limit_exceeded: "RequestLimitExceeded.SomethingNew";
    rate_limit_in_the_family_of_quotas: "LimitExceeded.RateLimitExceeded";
}

#[test]
fn status_429_without_an_api_error_is_throttling() {
    let run = run_under(secs(60), std::iter::repeat(answer(429, "slow down")));
    assert_eq!(*run.kind(), wait::ErrorKind::TimedOut);
}

#[test]
fn throttling_does_not_count_as_a_failure() {
    let script = std::iter::repeat_n(api("RequestLimitExceeded"), 20).chain([success()]);
    run(script).assert_url(21);
}

/// Returns the delays after five throttled polls.
fn five_throttles(seed: u64) -> Vec<Duration> {
    let script = std::iter::repeat_n(api("RequestLimitExceeded"), 5).chain([success()]);
    Harness::new(&Policy::default(), seed).run(script).delays()
}

#[test]
fn the_same_seed_yields_the_same_delays() {
    assert_eq!(five_throttles(1), five_throttles(1));
}

#[test]
fn another_seed_yields_other_delays() {
    assert_ne!(five_throttles(1), five_throttles(2));
}

proptest! {
    #[test]
    fn every_delay_after_throttling_is_between_500_ms_and_1_s_doubled_up_to_15_s(seed: u64) {
        for (n, delay) in five_throttles(seed).into_iter().enumerate() {
            let longest = secs(1 << n).min(secs(15));
            prop_assert!(ms(500) <= delay && delay <= longest, "throttle {}: {:?}", n, delay);
        }
    }

    #[test]
    fn every_delay_after_a_failure_is_between_100_ms_and_200_ms_doubled_up_to_5_s(seed: u64) {
        let script = std::iter::repeat_n(api("InternalError"), 8).chain([success()]);
        let delays = Harness::new(&Policy::default(), seed).run(script).delays();
        for (n, delay) in delays.into_iter().enumerate() {
            let longest = ms(200 << n).min(secs(5));
            prop_assert!(ms(100) <= delay && delay <= longest, "failure {}: {:?}", n, delay);
        }
    }
}

/// Returns the delay after an answer with this status and `Retry-After`.
fn delay_after(status: u16, retry_after: &str) -> Duration {
    let busy = answer(status, "busy").with_header("retry-after", retry_after);
    run([busy, success()]).delays()[0]
}

#[test]
fn retry_after_raises_the_delay_after_a_failure() {
    assert_eq!(delay_after(503, "7"), secs(7));
}

#[test]
fn retry_after_raises_the_delay_after_throttling() {
    assert_eq!(delay_after(429, "7"), secs(7));
}

#[test]
fn retry_after_of_an_api_error_raises_the_delay() {
    let throttled = api("RequestLimitExceeded").with_header("retry-after", "9");
    assert_eq!(run([throttled, success()]).delays(), [secs(9)]);
}

#[test]
fn retry_after_is_capped() {
    assert_eq!(delay_after(503, "3600"), secs(15));
    assert_eq!(delay_after(503, &u64::MAX.to_string()), secs(15));
}

#[test]
fn the_cap_of_retry_after_is_a_setting() {
    let policy = with(Policy::default(), |p| p.longest_retry_after = secs(40));
    let busy = answer(503, "busy").with_header("retry-after", "3600");
    assert_eq!(Harness::new(&policy, 7).run([busy, success()]).delays(), [secs(40)]);
}

#[test]
fn retry_after_never_lowers_a_delay() {
    assert!(delay_after(503, "0") >= ms(100));
    assert!(delay_after(429, "0") >= ms(500));
}
