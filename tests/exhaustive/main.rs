//! Every sequence of answers up to a length, and at each moment of it the rules of a wait.
//!
//! A debug build goes through all sequences of up to 4 answers, a release build through all of up
//! to 6: `cargo test --release -p tcss-export --test exhaustive`.
//!
//! The sequences are walked as a tree, the waiter being cloned where they part, and shorter ones
//! first: so the sequence that a failure shows is a shortest one.

mod answers;
mod exchange;
mod rules;
mod subject;
mod walk;
#[path = "../common/with.rs"]
mod with;

use std::{fmt::Write, time::Duration};

use answers::Kind::{
    BadToken, Broken, Expired, InternalError, Page, Permanent, Running, Success, SuccessWithoutUrl,
    Throttled,
};
use subject::Bug;
use tcss_export::wait::Policy;
use walk::{Violation, search};
use with::with;

const LENGTH: usize = if cfg!(debug_assertions) { 4 } else { 6 };

/// Bounds so small that short sequences reach them.
fn strict() -> Policy {
    with(Policy::default(), |p| {
        p.max_wait = Duration::from_secs(20);
        p.exchange_limit = Duration::from_secs(8);
        p.max_failures = 2;
        p.polls_without_url = 1;
    })
}

#[test]
fn every_sequence_keeps_every_rule() {
    let sequences = search(&strict(), Bug::None, LENGTH).unwrap_or_else(|v| panic!("{v}"));
    println!("{sequences} sequences of up to {LENGTH} answers");
}

#[test]
fn every_sequence_keeps_every_rule_under_the_default_policy() {
    let policy = Policy::default();
    let sequences = search(&policy, Bug::None, LENGTH - 1).unwrap_or_else(|v| panic!("{v}"));
    println!("{sequences} sequences of up to {} answers", LENGTH - 1);
}

/// Runs the search over a wrong waiter and returns what it found.
fn found(bug: Bug) -> Violation {
    search(&strict(), bug, 4).expect_err("the bug is found")
}

#[track_caller]
fn assert_found(bug: Bug, rule: &str, sequence: &str) {
    let violation = found(bug);
    let mut kinds = String::new();
    for exchange in &violation.past {
        write!(kinds, "{}, ", exchange.told.kind).expect("a string takes any text");
    }
    assert_eq!((violation.rule, kinds.trim_end_matches(", ")), (rule, sequence));
}

#[test]
fn a_throttle_that_ends_the_wait_is_found() {
    let third = |kinds: &[_]| kinds.ends_with(&[Throttled, Throttled, Throttled]);
    let bug = Bug::Mistakes { when: third, taken_as: Permanent };
    let sequence = "throttled, throttled, throttled";
    assert_found(bug, "throttles never end a wait and count apart", sequence);
}

#[test]
fn a_throttle_that_resets_the_failures_is_found() {
    let after_one = |kinds: &[_]| kinds.ends_with(&[InternalError, Throttled]);
    let bug = Bug::Mistakes { when: after_one, taken_as: Running };
    let sequence = "internal error, throttled";
    assert_found(bug, "throttles never end a wait and count apart", sequence);
}

#[test]
fn a_success_that_nobody_told_is_found() {
    let after_page = |kinds: &[_]| kinds.ends_with(&[Page, SuccessWithoutUrl]);
    let bug = Bug::Mistakes { when: after_page, taken_as: Success };
    let rule = "a wait succeeds by a success with a URL, and with that URL";
    assert_found(bug, rule, "page, success without URL");
}

#[test]
fn a_second_correction_in_a_row_is_found() {
    let second = |kinds: &[_]| kinds.ends_with(&[Expired, Broken, Expired]);
    let bug = Bug::Mistakes { when: second, taken_as: BadToken };
    let rule = "a correction is tried once until a good answer comes";
    assert_found(bug, rule, "expired signature, broken connection, expired signature");
}

#[test]
fn one_failure_too_many_is_found() {
    let third = |kinds: &[_]| kinds.ends_with(&[Page, InternalError, Page]);
    let bug = Bug::Mistakes { when: third, taken_as: Throttled };
    let rule = "passing failures end a wait at their bound and not before";
    assert_found(bug, rule, "page, internal error, page");
}

#[test]
fn a_poll_after_the_end_is_found() {
    let rule = "what has ended stays ended, and nothing is polled";
    assert_found(Bug::PollsAfterTheEnd, rule, "success");
}

#[test]
fn a_poll_at_the_deadline_is_found() {
    let rule = "nothing is started at or after the deadline";
    let sequence = "answer after the limit, answer after the limit";
    assert_found(Bug::KnowsNoDeadline, rule, sequence);
}

#[test]
fn a_poll_that_comes_early_is_found() {
    let rule = "every delay lies within the bounds of its kind";
    assert_found(Bug::RunsFast, rule, "running");
}

#[test]
fn a_violation_shows_its_sequence() {
    let second = |kinds: &[_]| kinds.ends_with(&[Running, Throttled]);
    let violation = found(Bug::Mistakes { when: second, taken_as: Permanent });
    let expected = "\
broken rule: throttles never end a wait and count apart
shortest sequence:
  1. started at 0.400 s, at 0.440 s running, next poll after 2.000 s
  2. started at 2.840 s, at 2.880 s throttled, no next poll";
    assert_eq!(violation.to_string(), expected);
}
