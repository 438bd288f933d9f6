//! Wall clocks that jump or are wrong.

use tcss_export::{
    core::{ClockOffset, wait::StartError},
    driver::TransportErrorKind,
    error::{Field, Reason},
    wait::{self, Correction, Policy},
};

use crate::{
    common::{scope, session, signature},
    exchange::{Exchange, api, fault, running, said, success},
    rig::{Rig, ZERO, run, secs},
    with::with,
};

/// Ten minutes ahead of [`SLOW`].
const DATE: &str = "Wed, 15 Nov 2023 00:09:50 GMT";
/// 2023-11-14T23:59:50Z.
const SLOW: i64 = 1_700_006_390;

fn expired() -> Exchange {
    api("AuthFailure.SignatureExpire")
}

fn slow() -> Rig {
    Rig { wall: SLOW * 1_000, ..Rig::new(&Policy::default(), 7) }
}
#[test]
fn wall_clock_that_jumps_changes_no_delay() {
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
    let (still, jumping) = (run(script(0)), run(script(2)));
    assert_eq!(jumping.starts(), still.starts());
    assert_eq!(jumping.delays(), still.delays());
}

#[test]
fn signing_follows_the_wall_clock() {
    let policy = with(Policy::default(), |p| {
        p.poll_interval = secs(5);
        p.longest_poll_interval = secs(5);
    });
    let script = [running().then_wall_jumps(7_200), running().then_wall_jumps(-7_200), success()];
    let run = Rig::new(&policy, 7).run(script);
    assert_eq!(run.timestamps(), ["1699979400", "1699986605", "1699979410"]);
}

// Field case S8, with its exact values.
#[test]
fn expired_signature_corrects_the_clock_and_is_repeated_at_once() {
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
    assert_eq!((run.remedies(), run.delays()), (vec![Correction::ClockCorrected], vec![ZERO]));
}

#[test]
fn offset_is_kept_for_later_requests() {
    let run = slow().run([expired().dated(DATE), running(), success()]);
    assert_eq!(run.timestamps(), ["1700006390", "1700006990", "1700006992"]);
    assert_eq!(run.session.clock_offset().as_millis(), 600_000);
    let kept = session().with_clock_offset(run.session.clock_offset());
    let rig = Rig { session: kept, ..slow() };
    assert_eq!(rig.run([success()]).timestamps(), ["1700006990"]);
}

#[test]
fn second_in_a_row_is_final_and_its_text_names_the_offset() {
    let run = slow().run([expired().dated(DATE), expired().dated(DATE)]);
    let error = run.error();
    assert_eq!(run.polls.len(), 2);
    let code = error.code().map(tcss_export::error::ErrorCode::as_str);
    assert_eq!(code, Some("AuthFailure.SignatureExpire"));
    assert_eq!(error.report.clock_offset.as_millis(), 600_000);
    assert!(error.to_string().contains("clock offset +600.000 s"), "{error}");
}

#[test]
fn second_in_a_row_is_final_whatever_failed_in_between() {
    let between =
        [api("InternalError"), fault(TransportErrorKind::Timeout), api("RequestLimitExceeded")];
    for between in between {
        let run = slow().run([expired().dated(DATE), between, expired().dated(DATE)]);
        assert!(matches!(run.kind(), wait::ErrorKind::Fault(_)));
    }
}

#[test]
fn next_one_is_corrected_again_after_a_good_answer() {
    let script = [
        expired().dated(DATE),
        running().then_wall_jumps(600),
        // Now the offset of ten minutes is ten minutes too much.
        expired().dated("Wed, 15 Nov 2023 00:09:52 GMT"),
        success(),
    ];
    let run = slow().run(script);
    run.assert_url(4);
    assert_eq!(run.timestamps(), ["1700006390", "1700006990", "1700007592", "1700006992"]);
}

#[test]
fn without_a_usable_date_is_final() {
    let run = slow().run([expired()]);
    assert!(matches!(run.kind(), wait::ErrorKind::Fault(_)));
    assert_eq!(run.session.clock_offset(), ClockOffset::default());
}

#[test]
fn small_difference_is_corrected_when_the_service_says_expired() {
    let run = slow().run([expired().dated("Wed, 15 Nov 2023 00:00:00 GMT"), success()]);
    assert_eq!(run.timestamps(), ["1700006390", "1700006400"]);
}

/// Makes one test a set of headers that tell no time.
macro_rules! tells_no_time {
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
tells_no_time! {
    no_date: [];
    date_with_an_age: [("date", DATE), ("age", "0")];
    two_dates: [("date", DATE), ("date", DATE)];
    empty_date: [("date", "")];
    date_of_no_form: [("date", "yesterday")];
    date_in_another_zone: [("date", "Wed, 15 Nov 2023 00:09:50 CET")];
    date_of_no_weekday: [("date", "15-Nov-23 00:09:50 GMT")];
    date_before_the_epoch: [("date", "Wed, 15 Nov 1923 00:09:50 GMT")];
    hour_that_is_none: [("date", "Wed, 15 Nov 2023 24:09:50 GMT")];
    seconds_as_a_number: [("date", "1700006990")];
}

#[test]
fn dates_of_the_two_obsolete_forms_correct_the_clock_as_well() {
    for date in ["Wednesday, 15-Nov-23 00:00:21 GMT", "Wed Nov 15 00:00:21 2023"] {
        let run = slow().run([running().dated(date), success()]);
        assert_eq!(run.events[0].clock_offset.map(ClockOffset::as_millis), Some(31_000));
    }
}

#[test]
fn difference_beyond_30_s_is_corrected_by_any_good_answer() {
    // 31 s ahead of the local clock.
    let ahead = running().dated("Wed, 15 Nov 2023 00:00:21 GMT");
    let run = slow().run([ahead, success()]);
    assert_eq!(run.events[0].clock_offset.map(ClockOffset::as_millis), Some(31_000));
    assert_eq!(run.timestamps()[1], "1700006423");
}

#[test]
fn difference_up_to_30_s_is_left_alone() {
    for date in ["Wed, 15 Nov 2023 00:00:20 GMT", "Tue, 14 Nov 2023 23:59:20 GMT"] {
        let run = slow().run([running().dated(date), success()]);
        assert_eq!(run.events[0].clock_offset, None);
        assert_eq!(run.timestamps()[1], "1700006392");
    }
}

#[test]
fn clock_that_is_ahead_is_corrected_backwards() {
    let rig = Rig { wall: (SLOW + 1_200) * 1_000, ..slow() };
    let run = rig.run([expired().dated(DATE), success()]);
    assert_eq!(run.timestamps(), ["1700007590", "1700006990"]);
    assert_eq!(run.session.clock_offset().to_string(), "-600.000 s");
}

#[test]
fn offset_is_taken_at_the_middle_of_the_exchange() {
    let run =
        slow().run([running().dated("Wed, 15 Nov 2023 00:09:52 GMT").taking(secs(4)), success()]);
    assert_eq!(run.session.clock_offset().as_millis(), 600_000);
}

#[test]
fn page_never_corrects_the_clock() {
    let run = slow().run([said(502, "<html>").dated(DATE), success()]);
    assert_eq!(run.session.clock_offset(), ClockOffset::default());
}

#[test]
fn other_error_of_the_service_corrects_the_clock_and_is_treated_as_ever() {
    let run = slow().run([api("InternalError").dated(DATE), success()]);
    assert_eq!(run.session.clock_offset().as_millis(), 600_000);
    assert_eq!(run.remedies(), [Correction::Retry]);
}

#[test]
fn time_that_cannot_be_signed_ends_the_wait() {
    let mut rig = Rig { wall: -1, ..slow() };
    let Err(StartError::Build(error)) = rig.start() else { panic!("signed") };
    assert_eq!((error.field(), error.reason()), (Field::Timestamp, Reason::OutOfRange));
    let end = rig.waiter.finish().unwrap_err();
    assert_eq!((end.kind, end.report.polls), (wait::ErrorKind::Build(error), 0));
}
