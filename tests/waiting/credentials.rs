//! Credentials that change during a wait.

use tcss_export::{
    Credentials,
    driver::TransportErrorKind,
    wait::{self, Fault, Policy, Remedy},
};

use crate::{
    common::{ID, KEY, header},
    harness::{Exchange, Harness, ZERO, api, fault, mono, run, running, success},
};

fn token_failure() -> Exchange {
    api("AuthFailure.TokenFailure")
}

#[test]
fn a_refused_token_asks_for_fresh_credentials_and_is_retried_at_once() {
    let run = run([running(), token_failure(), success()]);
    run.assert_url(3);
    let fresh: Vec<_> = run.polls.iter().map(|poll| poll.fresh_credentials).collect();
    assert_eq!(fresh, [false, false, true]);
    assert_eq!(run.remedies(), [Remedy::FreshCredentials]);
    assert_eq!(run.starts()[2], run.starts()[1]);
}

#[test]
fn a_second_refused_token_in_a_row_ends_the_wait() {
    let run = run([token_failure(), token_failure()]);
    let code = run.code();
    assert_eq!(code, Some("AuthFailure.TokenFailure"));
    assert_eq!(run.polls.len(), 2);
}

#[test]
fn a_second_refused_token_ends_the_wait_whatever_failed_in_between() {
    let run = run([token_failure(), fault(TransportErrorKind::Connection), token_failure()]);
    assert!(matches!(run.kind(), wait::ErrorKind::Fault(Fault::Answer(_))));
}

#[test]
fn a_refused_token_after_a_good_answer_is_retried_again() {
    run([token_failure(), running(), token_failure(), success()]).assert_url(4);
}

#[test]
fn every_poll_uses_the_current_credentials() {
    let mut wait = Harness::new(&Policy::default(), 7);
    for token in ["FieldCasesToken0001", "FieldCasesToken0002", "FieldCasesToken0001"] {
        assert!(wait.sleep().is_some());
        wait.credentials = Credentials::new(ID, KEY).unwrap().with_token(token).unwrap();
        assert_eq!(header(&wait.start().unwrap(), "x-tc-token"), token);
        wait.answer(running());
    }
}

#[test]
fn fresh_credentials_are_still_required_after_they_could_not_be_fetched() {
    let mut wait = Harness::new(&Policy::default(), 7);
    wait.start().unwrap();
    wait.answer(token_failure());
    wait.waiter.cannot_start(mono(ZERO), TransportErrorKind::Timeout);
    assert_eq!(wait.sleep(), Some(true));
}
