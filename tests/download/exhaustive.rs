//! Every sequence of exchanges up to a length, with a file so small that every cut is tried, and
//! after each exchange the rules of a download.
//!
//! The sequences are walked as a tree, the download being cloned where they part, and shorter ones
//! first: so the sequence that a failure shows is a shortest one.

mod rules;
mod told;
mod walk;

use std::fmt::Write;

use told::{Bug, Marks};
use walk::{Search, Target, Violation};

const LENGTH: usize = if cfg!(debug_assertions) { 2 } else { 3 };

#[track_caller]
fn assert_keeps_every_rule(marks: Marks, target: Target, length: usize) {
    let search = Search { marks, target, bug: Bug::None };
    let sequences = search.run(length).unwrap_or_else(|violation| panic!("{violation}"));
    println!("{sequences} sequences of up to {length} exchanges");
}

#[test]
fn every_sequence_keeps_every_rule_by_a_strong_tag() {
    assert_keeps_every_rule(Marks::StrongTag, Target::File, LENGTH + 1);
}

#[test]
fn every_sequence_keeps_every_rule_by_a_strong_tag_and_a_checksum() {
    assert_keeps_every_rule(Marks::StrongTagAndChecksum, Target::File, LENGTH);
}

#[test]
fn every_sequence_keeps_every_rule_by_a_weak_tag() {
    assert_keeps_every_rule(Marks::WeakTag, Target::File, LENGTH);
}

#[test]
fn every_sequence_keeps_every_rule_without_a_tag() {
    assert_keeps_every_rule(Marks::None, Target::File, LENGTH);
}

#[test]
fn every_sequence_keeps_every_rule_on_a_pipe() {
    for marks in [Marks::StrongTag, Marks::StrongTagAndChecksum, Marks::None] {
        assert_keeps_every_rule(marks, Target::Pipe, LENGTH);
    }
}

#[test]
fn every_sequence_keeps_every_rule_over_processes_that_are_killed() {
    for marks in [Marks::StrongTag, Marks::StrongTagAndChecksum, Marks::WeakTag] {
        assert_keeps_every_rule(marks, Target::KilledFile, LENGTH);
    }
}

/// Runs the search over something wrong and returns what it found.
fn found(marks: Marks, bug: Bug) -> Violation {
    Search { marks, target: Target::File, bug }.run(3).expect_err("the bug is found")
}

#[track_caller]
fn assert_found(marks: Marks, bug: Bug, rule: &str, sequence: &str) {
    let violation = found(marks, bug);
    let mut past = String::new();
    for told in &violation.past {
        write!(past, "{told}, ").expect("a string takes any text");
    }
    assert_eq!((violation.rule, past.trim_end_matches(", ")), (rule, sequence));
}

const ONE_VERSION: &str = "what is there is the beginning of one version of the file";

#[test]
fn a_target_that_keeps_its_bytes_when_it_starts_over_is_found() {
    assert_found(Marks::None, Bug::KeepsOldBytes, ONE_VERSION, "Cut(1), Well");
}

#[test]
fn a_tag_that_stays_when_the_bytes_change_is_found() {
    assert_found(Marks::StaleTag, Bug::None, ONE_VERSION, "Cut(1), change and Cut(0), Well");
}

#[test]
fn a_part_whose_range_nobody_checks_is_found() {
    assert_found(Marks::StrongTag, Bug::TrustsRanges, ONE_VERSION, "Elsewhere");
}

#[test]
fn a_part_whose_tag_nobody_checks_is_found() {
    assert_found(Marks::StrongTag, Bug::OverlooksTags, ONE_VERSION, "Cut(1), change and AnyFile");
}

#[test]
fn a_cut_that_nobody_notices_is_found() {
    let rule = "a download succeeds with the bytes that were served last";
    assert_found(Marks::StrongTag, Bug::OverlooksLengths, rule, "Cut(0)");
}

#[test]
fn a_violation_shows_its_sequence() {
    let expected = "\
broken rule: what is there is the beginning of one version of the file
shortest sequence:
  1. Cut(1)
  2. change and Cut(0)
  3. Well
in the target: \"ahijkl\"";
    assert_eq!(found(Marks::StaleTag, Bug::None).to_string(), expected);
}
