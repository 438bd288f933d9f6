//! Thousands of jobs in one set on one budget, in virtual time, under random faults.
//!
//! Seeds are fixed; a failure names its own. A release build tries more of them:
//! `cargo test --release -p tcss-export --test simulation`.

#[path = "../common/random.rs"]
mod random;
mod script;
#[path = "../common/with.rs"]
mod with;
mod world;

use std::time::Duration;

use world::{Run, Setting};

/// What holds in each run, whatever its seed.
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
    assert_eq!(run.timed_out(), 0, "time was enough for all");
}

/// One round takes 525 s, so many never have a second poll and some no first one.
#[test]
fn ten_thousand_jobs_with_a_short_deadline_end_in_time() {
    let run = Setting { jobs: 10_000, max_wait: Duration::from_secs(400), seed: 2 }.run();
    assert_rules(&run);
    assert!(run.timed_out() > 2_000, "{} have timed out", run.timed_out());
}

#[test]
fn the_same_seed_gives_the_same_starts_and_requests_to_the_byte() {
    let setting = Setting { jobs: 2_000, max_wait: Duration::from_secs(600), seed: 3 };
    let (one, other) = (setting.run(), setting.run());
    assert!(one == other, "seed {}", setting.seed);
    let another = Setting { seed: 4, ..setting }.run();
    assert!(one != another);
}

#[test]
fn many_seeds_keep_the_rules() {
    let seeds = if cfg!(debug_assertions) { 30 } else { 300 };
    for seed in 100..100 + seeds {
        let max_wait = Duration::from_secs(5 + seed % 7 * 20);
        let setting = Setting { jobs: 300, max_wait, seed };
        assert_rules(&setting.run());
    }
}
