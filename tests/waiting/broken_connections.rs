//! Field case T1: the service closes idle connections after 60 s.

use tcss_export::{driver::TransportErrorKind, wait::Backoff};

use crate::{
    common::{BODY, SIGNATURE, signature},
    exchange::{Exchange, api, fault, running, success},
    rig::{ZERO, chain, ms, run, secs},
};

fn broken() -> Exchange {
    fault(TransportErrorKind::Connection)
}

#[test]
fn first_broken_connection_is_repeated_at_once() {
    let run = run([running(), broken(), success()]);
    run.assert_url(3);
    assert_eq!(run.starts(), [ZERO, secs(2), secs(2)]);
}

#[test]
fn next_ones_in_a_row_back_off() {
    let run = run([broken(), broken(), broken(), success()]);
    let delays = run.delays();
    assert_eq!(delays[0], ZERO);
    for (n, delay) in (1..).zip(&delays[1..]) {
        let (shortest, longest) = Backoff::RETRY.bounds(n);
        assert!(shortest <= *delay && *delay <= longest, "failure {n}: {delay:?}");
    }
}

#[test]
fn first_one_after_a_good_answer_is_repeated_at_once_again() {
    let run = run([broken(), running(), broken(), success()]);
    assert_eq!(run.delays(), [ZERO, secs(2), ZERO]);
}

#[test]
fn other_faults_are_not_repeated_at_once() {
    for other in [TransportErrorKind::Timeout, TransportErrorKind::Truncated] {
        let run = run([fault(other), success()]);
        assert!(run.delays()[0] >= ms(100), "{other:?}");
    }
}

// The signature is the row of time 1699979800.
#[test]
fn every_attempt_is_signed_anew() {
    let run = run([broken().then_wall_jumps(400), success()]);
    assert_eq!(run.timestamps(), ["1699979400", "1699979800"]);
    assert_eq!(signature(&run.polls[0].request), SIGNATURE);
    assert_eq!(
        signature(&run.polls[1].request),
        "a73ed268582a861b6611468afd4628eaa29afe05f0d410bc469ca5338494f31c"
    );
}

#[test]
fn final_error_names_the_network_failure() {
    let run = run(std::iter::repeat_n(broken().then_wall_jumps(400), 9));
    let text = chain(run.error());
    assert!(text.starts_with("polling failed (polls: 9"), "{text}");
    assert!(text.ends_with("the connection failed"), "{text}");
}

#[test]
fn body_stays_the_same_over_all_attempts() {
    let run = run([broken(), api("InternalError"), running(), success()]);
    assert!(run.polls.iter().all(|poll| poll.request.body() == BODY));
}
