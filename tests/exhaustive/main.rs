//! Every sequence of answers up to a length, checked against the rules of a wait after each answer.
//!
//! A debug build tries all sequences of up to 4 answers, a release build all of up to 6:
//! `cargo test --release -p tcss-export --test exhaustive`.
//!
//! The sequences form a tree, and the search clones the waiter at each branch. It tries shorter
//! sequences first, so a failure shows a shortest sequence.

mod answers;
mod rules;
mod search;
mod waiter_under_test;
#[path = "../common/with.rs"]
mod with;

use std::{fmt::Write, time::Duration};

use answers::Kind::{
    BadToken, Broken, Expired, InternalError, Page, Permanent, Running, Success, SuccessWithoutUrl,
    Throttled,
};
use search::{Violation, search};
use tcss_export::wait::Policy;
use waiter_under_test::Bug;
use with::with;

const LENGTH: usize = if cfg!(debug_assertions) { 4 } else { 6 };

/// Limits small enough for short sequences to reach them.
fn strict() -> Policy {
    with(Policy::default(), |p| {
        p.max_wait = Duration::from_secs(20);
        p.exchange_limit = Duration::from_secs(8);
        p.max_failures = 2;
        p.polls_without_url = 1;
    })
}

#[test]
fn every_sequence_obeys_every_rule() {
    let sequences = search(&strict(), Bug::None, LENGTH).unwrap_or_else(|v| panic!("{v}"));
    println!("{sequences} sequences of up to {LENGTH} answers");
}

#[test]
fn every_sequence_obeys_every_rule_with_the_default_policy() {
    let policy = Policy::default();
    let sequences = search(&policy, Bug::None, LENGTH - 1).unwrap_or_else(|v| panic!("{v}"));
    println!("{sequences} sequences of up to {} answers", LENGTH - 1);
}

/// Searches with a faulty waiter and returns the broken rule.
fn violation(bug: Bug) -> Violation {
    search(&strict(), bug, 4).expect_err("a broken rule")
}

#[track_caller]
fn assert_found(bug: Bug, rule: &str, sequence: &str) {
    let violation = violation(bug);
    let mut kinds = String::new();
    for exchange in &violation.past {
        write!(kinds, "{}, ", exchange.reply.kind).expect("a string takes any text");
    }
    assert_eq!((violation.rule, kinds.trim_end_matches(", ")), (rule, sequence));
}

#[test]
fn a_throttled_poll_that_ends_the_wait_is_found() {
    let third = |kinds: &[_]| kinds.ends_with(&[Throttled, Throttled, Throttled]);
    let bug = Bug::Misreads { when: third, taken_as: Permanent };
    let sequence = "throttled, throttled, throttled";
    assert_found(bug, "throttling never ends a wait and is counted separately", sequence);
}

#[test]
fn a_throttled_poll_that_resets_the_failures_is_found() {
    let after_one = |kinds: &[_]| kinds.ends_with(&[InternalError, Throttled]);
    let bug = Bug::Misreads { when: after_one, taken_as: Running };
    let sequence = "internal error, throttled";
    assert_found(bug, "throttling never ends a wait and is counted separately", sequence);
}

#[test]
fn a_success_that_was_never_sent_is_found() {
    let after_page = |kinds: &[_]| kinds.ends_with(&[Page, SuccessWithoutUrl]);
    let bug = Bug::Misreads { when: after_page, taken_as: Success };
    let rule = "a wait succeeds only by SUCCESS with a URL, and with that URL";
    assert_found(bug, rule, "page, success without URL");
}

#[test]
fn a_second_correction_in_a_row_is_found() {
    let second = |kinds: &[_]| kinds.ends_with(&[Expired, Broken, Expired]);
    let bug = Bug::Misreads { when: second, taken_as: BadToken };
    let rule = "a correction is tried only once before the next good answer";
    assert_found(bug, rule, "expired signature, broken connection, expired signature");
}

#[test]
fn one_retry_too_many_is_found() {
    let third = |kinds: &[_]| kinds.ends_with(&[Page, InternalError, Page]);
    let bug = Bug::Misreads { when: third, taken_as: Throttled };
    let rule = "transient failures end a wait at their limit and not before";
    assert_found(bug, rule, "page, internal error, page");
}

#[test]
fn a_poll_after_the_end_is_found() {
    let rule = "an ended wait stays ended and never polls";
    assert_found(Bug::PollsAfterTheEnd, rule, "success");
}

#[test]
fn a_poll_at_the_deadline_is_found() {
    let rule = "no poll starts at or after the deadline";
    let sequence = "answer after the limit, answer after the limit";
    assert_found(Bug::IgnoresDeadline, rule, sequence);
}

#[test]
fn a_poll_that_starts_early_is_found() {
    let rule = "every delay is within its documented bounds";
    assert_found(Bug::RunsFast, rule, "running");
}

#[test]
fn a_violation_prints_its_sequence() {
    let second = |kinds: &[_]| kinds.ends_with(&[Running, Throttled]);
    let violation = violation(Bug::Misreads { when: second, taken_as: Permanent });
    let expected = "\
broken rule: throttling never ends a wait and is counted separately
shortest sequence:
  1. started at 0.400 s, at 0.440 s running, next poll after 2.000 s
  2. started at 2.840 s, at 2.880 s throttled, no next poll";
    assert_eq!(violation.to_string(), expected);
}
