//! Credentials that change during a wait.

use tcss_export::{
    Credentials,
    driver::TransportErrorKind,
    wait::{self, Correction, Fault, Policy},
};

use crate::{
    common::{ID, KEY, header},
    exchange::{Exchange, api, fault, running, success},
    rig::{Rig, ZERO, mono, run},
};

fn token_failure() -> Exchange {
    api("AuthFailure.TokenFailure")
}

#[test]
fn refused_token_asks_for_fresh_credentials_and_is_repeated_at_once() {
    let run = run([running(), token_failure(), success()]);
    run.assert_url(3);
    let fresh: Vec<_> = run.polls.iter().map(|poll| poll.fresh_credentials).collect();
    assert_eq!(fresh, [false, false, true]);
    assert_eq!(run.remedies(), [Correction::FreshCredentials]);
    assert_eq!(run.starts()[2], run.starts()[1]);
}

#[test]
fn second_in_a_row_ends_the_wait() {
    let run = run([token_failure(), token_failure()]);
    let code = run.error().code().map(tcss_export::error::ErrorCode::as_str);
    assert_eq!(code, Some("AuthFailure.TokenFailure"));
    assert_eq!(run.polls.len(), 2);
}

#[test]
fn second_in_a_row_ends_the_wait_whatever_failed_in_between() {
    let run = run([token_failure(), fault(TransportErrorKind::Connection), token_failure()]);
    assert!(matches!(run.kind(), wait::ErrorKind::Fault(Fault::Answer(_))));
}

#[test]
fn next_one_is_repeated_again_after_a_good_answer() {
    run([token_failure(), running(), token_failure(), success()]).assert_url(4);
}

#[test]
fn every_poll_is_signed_with_the_credentials_of_its_moment() {
    let mut rig = Rig::new(&Policy::default(), 7);
    for token in ["FieldCasesToken0001", "FieldCasesToken0002", "FieldCasesToken0001"] {
        assert!(rig.sleep().is_some());
        rig.credentials = Credentials::new(ID, KEY).unwrap().with_token(token).unwrap();
        assert_eq!(header(&rig.start().unwrap(), "x-tc-token"), token);
        rig.answer(running());
    }
}

#[test]
fn fresh_credentials_are_still_wanted_when_they_could_not_be_had() {
    let mut rig = Rig::new(&Policy::default(), 7);
    rig.start().unwrap();
    rig.answer(token_failure());
    rig.waiter.cannot_start(mono(ZERO), TransportErrorKind::Timeout);
    assert_eq!(rig.sleep(), Some(true));
}
