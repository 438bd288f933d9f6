//! Wall clocks that jump or are wrong.

use tcss_export::{
    core::{ClockOffset, wait::StartError},
    driver::TransportErrorKind,
    error::{Field, Reason},
    wait::{self, Policy, Remedy},
};

use crate::{
    common::{scope, session, signature},
    harness::{Exchange, Harness, ZERO, answer, api, fault, run, running, secs, success},
    with::with,
};

/// Ten minutes ahead of [`SLOW`].
const DATE: &str = "Wed, 15 Nov 2023 00:09:50 GMT";

/// 2023-11-14T23:59:50Z.
const SLOW: i64 = 1_700_006_390;

/// The answer to a request whose timestamp is too far from the service's time.
fn expired() -> Exchange {
    api("AuthFailure.SignatureExpire")
}

/// A wait on a machine whose clock is ten minutes slow.
fn slow() -> Harness {
    Harness { wall: SLOW * 1_000, ..Harness::new(&Policy::default(), 7) }
}

#[test]
fn a_jump_of_the_wall_clock_changes_no_delay() {
    let script = |hours: i64| {
        let jump = hours * 3_600;
        [
            running().then_wall_jumps(jump),
            api("InternalError").then_wall_jumps(-jump),
            running().then_wall_jumps(-jump),
            api("RequestLimitExceeded").then_wall_jumps(jump),
            success(),
        ]
    };
    let (steady, jumping) = (run(script(0)), run(script(2)));
    assert_eq!(jumping.starts(), steady.starts());
    assert_eq!(jumping.delays(), steady.delays());
}

#[test]
fn timestamps_follow_the_wall_clock() {
    let policy = with(Policy::default(), |p| {
        p.poll_interval = secs(5);
        p.longest_poll_interval = secs(5);
    });
    let script = [running().then_wall_jumps(7_200), running().then_wall_jumps(-7_200), success()];
    let run = Harness::new(&policy, 7).run(script);
    assert_eq!(run.timestamps(), ["1699979400", "1699986605", "1699979410"]);
}

#[test]
fn an_expired_signature_corrects_the_clock_and_is_retried_at_once() {
    let run = slow().run([expired().dated(DATE), success()]);
    run.assert_url(2);
    assert_eq!(run.timestamps(), ["1700006390", "1700006990"]);
    assert_eq!(scope(&run.polls[0].request), "2023-11-14/tcss/tc3_request");
    assert_eq!(scope(&run.polls[1].request), "2023-11-15/tcss/tc3_request");
    assert_eq!(
        signature(&run.polls[1].request),
        "7ea66f56f45f795df814a4b120c609fc35803f814b1a3d1b8282b6db001cdf37"
    );
    assert_eq!(run.events[0].clock_offset.map(ClockOffset::as_millis), Some(600_000));
    assert_eq!((run.remedies(), run.delays()), (vec![Remedy::ClockCorrected], vec![ZERO]));
}

#[test]
fn later_requests_use_the_same_offset() {
    let run = slow().run([expired().dated(DATE), running(), success()]);
    assert_eq!(run.timestamps(), ["1700006390", "1700006990", "1700006992"]);
    assert_eq!(run.session.clock_offset().as_millis(), 600_000);
    let next_session = session().with_clock_offset(run.session.clock_offset());
    let wait = Harness { session: next_session, ..slow() };
    assert_eq!(wait.run([success()]).timestamps(), ["1700006990"]);
}

#[test]
fn a_second_expired_signature_in_a_row_ends_the_wait_and_the_text_has_the_offset() {
    let run = slow().run([expired().dated(DATE), expired().dated(DATE)]);
    let error = run.error();
    assert_eq!(run.polls.len(), 2);
    let code = run.code();
    assert_eq!(code, Some("AuthFailure.SignatureExpire"));
    assert_eq!(error.report.clock_offset.as_millis(), 600_000);
    assert!(error.to_string().contains("clock offset +600.000 s"), "{error}");
}

#[test]
fn a_second_expired_signature_ends_the_wait_whatever_failed_in_between() {
    let between =
        [api("InternalError"), fault(TransportErrorKind::Timeout), api("RequestLimitExceeded")];
    for between in between {
        let run = slow().run([expired().dated(DATE), between, expired().dated(DATE)]);
        assert!(matches!(run.kind(), wait::ErrorKind::Fault(_)));
    }
}

#[test]
fn an_expired_signature_after_a_good_answer_corrects_the_clock_again() {
    let script = [
        expired().dated(DATE),
        running().then_wall_jumps(600),
        // Now the offset is ten minutes too large.
        expired().dated("Wed, 15 Nov 2023 00:09:52 GMT"),
        success(),
    ];
    let run = slow().run(script);
    run.assert_url(4);
    assert_eq!(run.timestamps(), ["1700006390", "1700006990", "1700007592", "1700006992"]);
}

#[test]
fn an_expired_signature_without_a_usable_date_ends_the_wait() {
    let run = slow().run([expired()]);
    assert!(matches!(run.kind(), wait::ErrorKind::Fault(_)));
    assert_eq!(run.session.clock_offset(), ClockOffset::default());
}

#[test]
fn an_expired_signature_corrects_a_small_difference_as_well() {
    let run = slow().run([expired().dated("Wed, 15 Nov 2023 00:00:00 GMT"), success()]);
    assert_eq!(run.timestamps(), ["1700006390", "1700006400"]);
}

/// One test for each set of headers that must not correct the clock.
macro_rules! corrects_nothing {
    ($($name:ident: $headers:expr;)*) => {$(
        #[test]
        fn $name() {
            let with_headers = |exchange: Exchange| {
                let headers: &[(&'static str, &str)] = &$headers;
                headers.iter().fold(exchange, |e, (name, value)| e.with_header(name, value))
            };
            let run = slow().run([with_headers(running()), with_headers(expired())]);
            assert_eq!(run.polls.len(), 2);
            assert!(run.events.iter().all(|event| event.clock_offset.is_none()));
            assert_eq!(run.session.clock_offset(), ClockOffset::default());
        }
    )*};
}

corrects_nothing! {
    absent_date: [];
    date_with_an_age: [("date", DATE), ("age", "0")];
    two_dates: [("date", DATE), ("date", DATE)];
    empty_date: [("date", "")];
    date_in_no_known_form: [("date", "yesterday")];
    date_in_another_zone: [("date", "Wed, 15 Nov 2023 00:09:50 CET")];
    obsolete_date_without_a_weekday: [("date", "15-Nov-23 00:09:50 GMT")];
    date_before_the_epoch: [("date", "Wed, 15 Nov 1923 00:09:50 GMT")];
    invalid_hour: [("date", "Wed, 15 Nov 2023 24:09:50 GMT")];
    seconds_as_a_number: [("date", "1700006990")];
}

#[test]
fn a_date_in_an_obsolete_form_corrects_the_clock() {
    for date in ["Wednesday, 15-Nov-23 00:00:21 GMT", "Wed Nov 15 00:00:21 2023"] {
        let run = slow().run([running().dated(date), success()]);
        assert_eq!(run.events[0].clock_offset.map(ClockOffset::as_millis), Some(31_000));
    }
}

#[test]
fn any_good_answer_corrects_a_difference_above_30_s() {
    // 31 s ahead of the local clock.
    let ahead = running().dated("Wed, 15 Nov 2023 00:00:21 GMT");
    let run = slow().run([ahead, success()]);
    assert_eq!(run.events[0].clock_offset.map(ClockOffset::as_millis), Some(31_000));
    assert_eq!(run.timestamps()[1], "1700006423");
}

#[test]
fn a_good_answer_ignores_a_difference_up_to_30_s() {
    for date in ["Wed, 15 Nov 2023 00:00:20 GMT", "Tue, 14 Nov 2023 23:59:20 GMT"] {
        let run = slow().run([running().dated(date), success()]);
        assert_eq!(run.events[0].clock_offset, None);
        assert_eq!(run.timestamps()[1], "1700006392");
    }
}

#[test]
fn a_fast_clock_is_corrected_backwards() {
    let wait = Harness { wall: (SLOW + 1_200) * 1_000, ..slow() };
    let run = wait.run([expired().dated(DATE), success()]);
    assert_eq!(run.timestamps(), ["1700007590", "1700006990"]);
    assert_eq!(run.session.clock_offset().to_string(), "-600.000 s");
}

#[test]
fn the_offset_is_measured_at_the_middle_of_the_exchange() {
    let run =
        slow().run([running().dated("Wed, 15 Nov 2023 00:09:52 GMT").taking(secs(4)), success()]);
    assert_eq!(run.session.clock_offset().as_millis(), 600_000);
}

#[test]
fn a_page_never_corrects_the_clock() {
    let run = slow().run([answer(502, "<html>").dated(DATE), success()]);
    assert_eq!(run.session.clock_offset(), ClockOffset::default());
}

#[test]
fn another_api_error_corrects_the_clock_and_is_retried_as_usual() {
    let run = slow().run([api("InternalError").dated(DATE), success()]);
    assert_eq!(run.session.clock_offset().as_millis(), 600_000);
    assert_eq!(run.remedies(), [Remedy::Retry]);
}

#[test]
fn a_time_that_cannot_be_signed_ends_the_wait() {
    let mut wait = Harness { wall: -1, ..slow() };
    let Err(StartError::Build(error)) = wait.start() else { panic!("the request was signed") };
    assert_eq!((error.field(), error.reason()), (Field::Timestamp, Reason::OutOfRange));
    let end = wait.waiter.finish().unwrap_err();
    assert_eq!((end.kind, end.report.polls), (wait::ErrorKind::Build(error), 0));
}
