//! Thousands of jobs in one wait set with one rate budget, in virtual time, with random faults.
//!
//! The seeds are fixed, and a failure names its seed. A release build tries more of them:
//! `cargo test --release -p tcss-export --test simulation`.

#[path = "../common/random.rs"]
mod random;
mod script;
mod simulation;
#[path = "../common/with.rs"]
mod with;

use std::time::Duration;

use simulation::{Run, Setting};

/// Asserts what must hold in every run.
fn assert_rules(run: &Run) {
    run.assert_spacing();
    run.assert_no_second_holds_more_than_20_starts();
    run.assert_ends();
}

const HOUR: Duration = Duration::from_secs(3_600);

#[test]
fn ten_thousand_jobs_end_as_their_scripts_say() {
    let run = Setting { jobs: 10_000, max_wait: HOUR * 24, seed: 1 }.run();
    assert_rules(&run);
    assert_eq!(run.timed_out(), 0, "every job ends before its deadline");
}

/// One poll of every job takes 525 s, so many jobs get one poll only and some get none.
#[test]
fn ten_thousand_jobs_with_a_short_deadline_end_in_time() {
    let run = Setting { jobs: 10_000, max_wait: Duration::from_secs(400), seed: 2 }.run();
    assert_rules(&run);
    assert!(run.timed_out() > 2_000, "{} waits timed out", run.timed_out());
}

#[test]
fn the_same_seed_yields_the_same_requests_at_the_same_times() {
    let setting = Setting { jobs: 2_000, max_wait: Duration::from_secs(600), seed: 3 };
    let (first, second) = (setting.run(), setting.run());
    assert!(first == second, "seed {}", setting.seed);
    let another = Setting { seed: 4, ..setting }.run();
    assert!(first != another);
}

#[test]
fn the_rules_hold_for_many_seeds() {
    let seeds = if cfg!(debug_assertions) { 30 } else { 300 };
    for seed in 100..100 + seeds {
        let max_wait = Duration::from_secs(5 + seed % 7 * 20);
        let setting = Setting { jobs: 300, max_wait, seed };
        assert_rules(&setting.run());
    }
}
