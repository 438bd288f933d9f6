//! Pauses that the service asks for.

use std::time::Duration;

use tcss_export::wait::Policy;

use crate::{
    exchange::{api, said, success},
    rig::{Rig, ms, run, secs},
    with::with,
};

fn delay_after(status: u16, retry_after: &str) -> Duration {
    let busy = said(status, "busy").with_header("retry-after", retry_after);
    run([busy, success()]).delays()[0]
}

#[test]
fn raises_the_delay_after_a_failure() {
    assert_eq!(delay_after(503, "7"), secs(7));
}

#[test]
fn raises_the_delay_after_throttling() {
    assert_eq!(delay_after(429, "7"), secs(7));
}

#[test]
fn of_an_api_error_raises_the_delay() {
    let throttled = api("RequestLimitExceeded").with_header("retry-after", "9");
    assert_eq!(run([throttled, success()]).delays(), [secs(9)]);
}

#[test]
fn is_capped_by_the_policy() {
    assert_eq!(delay_after(503, "3600"), secs(15));
    assert_eq!(delay_after(503, &u64::MAX.to_string()), secs(15));
}

#[test]
fn cap_is_a_setting() {
    let policy = with(Policy::default(), |p| p.longest_retry_after = secs(40));
    let busy = said(503, "busy").with_header("retry-after", "3600");
    assert_eq!(Rig::new(&policy, 7).run([busy, success()]).delays(), [secs(40)]);
}

#[test]
fn never_lowers_a_delay() {
    assert!(delay_after(503, "0") >= ms(100));
    assert!(delay_after(429, "0") >= ms(500));
}
