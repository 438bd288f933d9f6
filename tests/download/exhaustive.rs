//! Tries every sequence of exchanges up to a length and checks the rules of a download after each
//! exchange. The file is so small that every cut is tried.
//!
//! The search clones the download at each branch and tries shorter sequences first, so a failure
//! shows a shortest sequence.

mod rules;
mod search;
mod steps;

use search::{Search, Target, Violation};
use steps::{Bug, Validators};

const LENGTH: usize = if cfg!(debug_assertions) { 2 } else { 3 };

#[track_caller]
fn assert_keeps_every_rule(validators: Validators, target: Target, length: usize) {
    let search = Search { validators, target, bug: Bug::None };
    let sequences = search.run(length).unwrap_or_else(|violation| panic!("{violation}"));
    println!("{sequences} sequences of up to {length} exchanges");
}

#[test]
fn every_sequence_keeps_every_rule_with_a_strong_tag() {
    assert_keeps_every_rule(Validators::StrongTag, Target::File, LENGTH + 1);
}

#[test]
fn every_sequence_keeps_every_rule_with_a_strong_tag_and_a_checksum() {
    assert_keeps_every_rule(Validators::StrongTagAndChecksum, Target::File, LENGTH);
}

#[test]
fn every_sequence_keeps_every_rule_with_a_weak_tag() {
    assert_keeps_every_rule(Validators::WeakTag, Target::File, LENGTH);
}

#[test]
fn every_sequence_keeps_every_rule_without_a_tag() {
    assert_keeps_every_rule(Validators::None, Target::File, LENGTH);
}

#[test]
fn every_sequence_keeps_every_rule_on_a_pipe() {
    for validators in [Validators::StrongTag, Validators::StrongTagAndChecksum, Validators::None] {
        assert_keeps_every_rule(validators, Target::Pipe, LENGTH);
    }
}

#[test]
fn every_sequence_keeps_every_rule_when_each_process_is_killed() {
    for validators in [Validators::StrongTag, Validators::StrongTagAndChecksum, Validators::WeakTag]
    {
        assert_keeps_every_rule(validators, Target::KilledFile, LENGTH);
    }
}

/// Returns what the search finds with this bug.
fn found(validators: Validators, bug: Bug) -> Violation {
    Search { validators, target: Target::File, bug }.run(3).expect_err("the bug is found")
}

#[track_caller]
fn assert_found(validators: Validators, bug: Bug, rule: &str, sequence: &str) {
    let violation = found(validators, bug);
    let steps: Vec<_> = violation.steps.iter().map(ToString::to_string).collect();
    assert_eq!((violation.rule, &*steps.join(", ")), (rule, sequence));
}

const ONE_VERSION: &str = "the target holds the beginning of one version of the file";

#[test]
fn the_search_finds_a_target_that_keeps_its_bytes_on_a_restart() {
    assert_found(Validators::None, Bug::KeepsOldBytes, ONE_VERSION, "Cut(1), Correct");
}

#[test]
fn the_search_finds_a_tag_that_stays_when_the_bytes_change() {
    assert_found(
        Validators::StaleTag,
        Bug::None,
        ONE_VERSION,
        "Cut(1), change and Cut(0), Correct",
    );
}

#[test]
fn the_search_finds_an_unchecked_range() {
    assert_found(Validators::StrongTag, Bug::TrustsRanges, ONE_VERSION, "WrongRange");
}

#[test]
fn the_search_finds_an_unchecked_tag() {
    assert_found(
        Validators::StrongTag,
        Bug::IgnoresTags,
        ONE_VERSION,
        "Cut(1), change and IgnoresIfRange",
    );
}

#[test]
fn the_search_finds_an_unnoticed_cut() {
    let rule = "a successful download has the bytes of the version served last";
    assert_found(Validators::StrongTag, Bug::IgnoresLengths, rule, "Cut(0)");
}

#[test]
fn a_violation_shows_its_sequence() {
    let expected = "\
broken rule: the target holds the beginning of one version of the file
shortest sequence:
  1. Cut(1)
  2. change and Cut(0)
  3. Correct
in the target: \"ahijkl\"";
    assert_eq!(found(Validators::StaleTag, Bug::None).to_string(), expected);
}
