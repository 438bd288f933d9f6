//! What a session keeps from one signing to the next must never show.

use proptest::prelude::*;
use tcss_export::{Credentials, Session, actions::Action};

use crate::{
    common::{
        self, ID, KEY, SIGNATURE, TIME, action, at, credentials, scope, session, signature,
        with_token,
    },
    requests::{own_action, sign},
};

fn assert_fresh<A: Action>(
    session: &mut Session,
    action: &A,
    credentials: &Credentials,
    time: i64,
) {
    let request = session.request(action, credentials, at(time)).unwrap();
    let fresh = common::session().request(action, credentials, at(time)).unwrap();
    assert_eq!(request.headers(), fresh.headers(), "{credentials:?} at {time}");
    assert_eq!(request.body(), fresh.body());
}

#[test]
fn token_change_is_followed_at_once() {
    let mut session = session();
    let other = credentials().with_token("FieldCasesToken0002").unwrap();
    for credentials in [credentials(), with_token(), other, credentials()] {
        assert_fresh(&mut session, &action(), &credentials, TIME);
    }
}

#[test]
fn key_change_under_the_same_id_is_followed_at_once() {
    let mut session = session();
    let other = Credentials::new(ID, "FieldCasesSecretKey0002").unwrap();
    for credentials in [credentials(), other, credentials()] {
        assert_fresh(&mut session, &action(), &credentials, TIME);
    }
}

#[test]
fn date_change_is_followed_at_once() {
    let mut session = session();
    for time in [1_700_006_399, 1_700_006_400, 1_700_006_400 + 86_400] {
        assert_fresh(&mut session, &action(), &credentials(), time);
    }
}

#[test]
fn date_change_back_in_time_is_followed_at_once() {
    let mut session = session();
    for time in [1_700_006_400, 1_700_006_399, 1_700_006_400, 0] {
        assert_fresh(&mut session, &action(), &credentials(), time);
    }
}

#[test]
fn time_that_cannot_be_signed_leaves_the_next_signing_unharmed() {
    let mut session = session();
    for bad in [-1, i64::MAX] {
        assert_fresh(&mut session, &action(), &credentials(), TIME);
        assert!(session.request(&action(), &credentials(), at(bad)).is_err());
        assert_fresh(&mut session, &action(), &credentials(), TIME);
    }
}

#[test]
fn other_service_on_the_same_day_is_signed_with_its_own_key() {
    let mut session = session();
    let before = session.request(&action(), &credentials(), at(TIME)).unwrap();
    let other = session.request(&Elsewhere, &credentials(), at(TIME)).unwrap();
    assert_eq!(scope(&other), "2023-11-14/cvm/tc3_request");
    let fresh = common::session().request(&Elsewhere, &credentials(), at(TIME)).unwrap();
    assert_eq!(other.headers(), fresh.headers());
    let after = session.request(&action(), &credentials(), at(TIME)).unwrap();
    assert_eq!(after.headers(), before.headers());
}

own_action!(Elsewhere, "cvm", "2017-03-12", "DescribeInstances");
// Each differs from the one before in one part.
own_action!(OtherVersion, "cvm", "2020-11-01", "DescribeInstances");
own_action!(OtherService, "tcss", "2020-11-01", "DescribeInstances");

proptest! {
    #[test]
    fn any_list_of_signings_is_as_if_each_were_the_first(
        signings in proptest::collection::vec((0usize..4, 0usize..4, 0i64..5, 0i64..86_400), 1..20)
    ) {
        let sets = [
            credentials(),
            with_token(),
            Credentials::new(ID, "FieldCasesSecretKey0002").unwrap(),
            Credentials::new("AKIDFIELDCASES0002", KEY).unwrap(),
        ];
        let mut session = session();
        for (set, of_action, day, second) in signings {
            let (set, time) = (&sets[set], TIME + day * 86_400 + second);
            match of_action {
                0 => assert_fresh(&mut session, &action(), set, time),
                1 => assert_fresh(&mut session, &Elsewhere, set, time),
                2 => assert_fresh(&mut session, &OtherVersion, set, time),
                _ => assert_fresh(&mut session, &OtherService, set, time),
            }
        }
    }
}

#[test]
fn clone_of_a_session_signs_alike() {
    let mut session = session();
    session.request(&action(), &credentials(), at(TIME)).unwrap();
    assert_eq!(signature(&sign(session.clone())), SIGNATURE);
}
