//! One session that signs many requests: nothing that it caches may reach a request.

use std::time::Duration;

use proptest::prelude::*;
use tcss_export::{
    Credentials, Endpoint, Session,
    actions::{Action, DescribeExportJobResult},
    core::{ClockOffset, Mono, Now, read_answer},
    error::{Field, Reason},
};

use crate::{
    assert_refused,
    common::{
        self, HOST, ID, KEY, SIGNATURE, TIME, action, at, credentials, response, scope, session,
        signature, with_token,
    },
    sign, user_action,
};

/// Asserts that the session signs exactly as a new one would.
fn assert_signs_like_a_new_session<A: Action>(
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
fn debug_text_has_the_endpoint_and_no_key() {
    let mut session = session();
    session.request(&action(), &credentials(), at(TIME)).unwrap();
    let shown = format!("{session:?}");
    assert!(shown.contains(HOST) && !shown.contains(KEY) && !shown.contains(ID), "{shown}");
}

/// The answer comes two seconds after the request, so its date is taken for 16:30:01.
#[test]
fn an_answer_corrects_the_clock_if_it_is_far_off_or_a_signature_expired() {
    const EXPIRED: &str =
        r#"{"Response":{"Error":{"Code":"AuthFailure.SignatureExpire","Message":"m"}}}"#;
    const REFUSED: &str = r#"{"Response":{"Error":{"Code":"InvalidParameter","Message":"m"}}}"#;
    for (time, body, expected) in [
        ("16:30:01", REFUSED, None),
        ("16:30:01", EXPIRED, Some(0)),
        ("16:30:11", REFUSED, None),
        ("16:30:11", EXPIRED, Some(10_000)),
        ("17:30:01", REFUSED, Some(3_600_000)),
        ("17:30:01", "<html>", None),
    ] {
        let mut session = session();
        let response = response(200, &[("date", &format!("Tue, 14 Nov 2023 {time} GMT"))], body);
        let result = read_answer::<DescribeExportJobResult>(&response);
        let started = Now { wall: at(TIME), mono: Mono::default() };
        let answered = Mono::from_origin(Duration::from_secs(2));
        let changed = session.note_date(started, answered, response.headers(), &result);
        assert_eq!(changed.map(ClockOffset::as_millis), expected, "{time} {body}");
        assert_eq!(session.clock_offset(), changed.unwrap_or_default());
    }
}

#[test]
fn the_next_request_has_a_changed_token() {
    let mut session = session();
    let other = credentials().with_token("FieldCasesToken0002").unwrap();
    for credentials in [credentials(), with_token(), other, credentials()] {
        assert_signs_like_a_new_session(&mut session, &action(), &credentials, TIME);
    }
}

#[test]
fn the_next_request_is_signed_with_a_changed_key_of_the_same_id() {
    let mut session = session();
    let other = Credentials::new(ID, "FieldCasesSecretKey0002").unwrap();
    for credentials in [credentials(), other, credentials()] {
        assert_signs_like_a_new_session(&mut session, &action(), &credentials, TIME);
    }
}

#[test]
fn the_next_request_is_signed_for_a_new_date() {
    let mut session = session();
    for time in [1_700_006_399, 1_700_006_400, 1_700_006_400 + 86_400] {
        assert_signs_like_a_new_session(&mut session, &action(), &credentials(), time);
    }
}

#[test]
fn the_next_request_is_signed_for_an_earlier_date() {
    let mut session = session();
    for time in [1_700_006_400, 1_700_006_399, 1_700_006_400, 0] {
        assert_signs_like_a_new_session(&mut session, &action(), &credentials(), time);
    }
}

#[test]
fn a_time_that_cannot_be_signed_does_not_affect_the_next_request() {
    let mut session = session();
    for bad in [-1, i64::MAX] {
        assert_signs_like_a_new_session(&mut session, &action(), &credentials(), TIME);
        assert!(session.request(&action(), &credentials(), at(bad)).is_err());
        assert_signs_like_a_new_session(&mut session, &action(), &credentials(), TIME);
    }
}

#[test]
fn another_service_on_the_same_day_is_signed_with_its_own_key() {
    let mut session = session();
    let before = session.request(&action(), &credentials(), at(TIME)).unwrap();
    let other = session.request(&OtherServiceAndVersion, &credentials(), at(TIME)).unwrap();
    assert_eq!(scope(&other), "2023-11-14/cvm/tc3_request");
    let fresh =
        common::session().request(&OtherServiceAndVersion, &credentials(), at(TIME)).unwrap();
    assert_eq!(other.headers(), fresh.headers());
    let after = session.request(&action(), &credentials(), at(TIME)).unwrap();
    assert_eq!(after.headers(), before.headers());
}

user_action!(OtherServiceAndVersion, "cvm", "2017-03-12", "DescribeInstances");
// Each differs from the one before in one constant.
user_action!(OtherVersion, "cvm", "2020-11-01", "DescribeInstances");
user_action!(OtherService, "tcss", "2020-11-01", "DescribeInstances");

proptest! {
    #[test]
    fn every_request_is_signed_as_if_it_were_the_first(
        signings in proptest::collection::vec((0usize..4, 0usize..4, 0i64..5, 0i64..86_400), 1..20)
    ) {
        let sets = [
            credentials(),
            with_token(),
            Credentials::new(ID, "FieldCasesSecretKey0002").unwrap(),
            Credentials::new("AKIDFIELDCASES0002", KEY).unwrap(),
        ];
        let mut session = session();
        for (set, action_index, day, second) in signings {
            let (set, time) = (&sets[set], TIME + day * 86_400 + second);
            match action_index {
                0 => assert_signs_like_a_new_session(&mut session, &action(), set, time),
                1 => assert_signs_like_a_new_session(&mut session, &OtherServiceAndVersion, set, time),
                2 => assert_signs_like_a_new_session(&mut session, &OtherVersion, set, time),
                _ => assert_signs_like_a_new_session(&mut session, &OtherService, set, time),
            }
        }
    }
}

#[test]
fn a_cloned_session_signs_the_same() {
    let mut session = session();
    session.request(&action(), &credentials(), at(TIME)).unwrap();
    assert_eq!(signature(&sign(session.clone())), SIGNATURE);
}

#[test]
fn one_prepared_request_can_be_signed_many_times() {
    let mut session = session();
    let prepared = session.prepare(&action()).unwrap();
    for time in [TIME, 1_699_979_800, 1_700_006_400] {
        let again = session.sign(&prepared, &credentials(), at(time)).unwrap();
        let fresh = common::session().request(&action(), &credentials(), at(time)).unwrap();
        assert_eq!(again.headers(), fresh.headers());
        assert_eq!(again.body(), fresh.body());
    }
}

#[test]
fn a_request_prepared_for_another_endpoint_is_refused() {
    let prepared = session().prepare(&action()).unwrap();
    for other in [Endpoint::mainland(), format!("{HOST}:8443").parse().unwrap()] {
        let result = Session::new(other).sign(&prepared, &credentials(), at(TIME));
        assert_refused(result, Field::Prepared, Reason::OtherEndpoint);
    }
}

#[test]
fn a_request_prepared_by_another_session_with_the_same_endpoint_is_signed() {
    let prepared = session().prepare(&action()).unwrap();
    let endpoint = "https://TCSS.Intl.TencentCloudAPI.com/".parse().unwrap();
    let request = Session::new(endpoint).sign(&prepared, &credentials(), at(TIME)).unwrap();
    assert_eq!(signature(&request), SIGNATURE);
}

#[test]
fn an_unsigned_request_has_the_headers_of_a_signed_one() {
    let mut session = session().with_region("ap-singapore").unwrap();
    let signed = session.request(&action(), &with_token(), at(TIME)).unwrap();
    let unsigned = session.unsigned_request(&action(), at(TIME)).unwrap();
    assert_eq!(unsigned.headers()["authorization"], "SKIP");
    assert!(!unsigned.headers().contains_key("x-tc-token"));
    let rest = |request: &http::Request<bytes::Bytes>| {
        let mut headers = request.headers().clone();
        headers.remove("authorization");
        headers.remove("x-tc-token");
        headers
    };
    assert_eq!(rest(&unsigned), rest(&signed));
    assert_eq!(unsigned.body(), signed.body());
    assert_eq!((unsigned.method(), unsigned.uri()), (signed.method(), signed.uri()));
}

#[test]
fn an_unsigned_request_has_the_corrected_time_of_a_signed_one() {
    let mut session = session().with_clock_offset(ClockOffset::from_millis(600_000));
    let request = session.unsigned_request(&action(), at(TIME)).unwrap();
    assert_eq!(request.headers()["x-tc-timestamp"], "1699980000");
    assert_refused(
        session.unsigned_request(&action(), at(-601)),
        Field::Timestamp,
        Reason::OutOfRange,
    );
}
