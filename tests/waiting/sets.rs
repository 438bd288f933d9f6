//! A set of waits does with each wait what the wait does alone.

use std::error::Error;

use tcss_export::{
    core::{
        Now,
        wait::{SetStep, StartError, WaitSet, Waiter},
    },
    driver::TransportErrorKind,
    error::{BuildError, Field, Reason},
    wait::{ErrorKind, EventKind, Policy},
};

use crate::{
    common::{TIME, credentials, job, session},
    harness::{ZERO, mono, secs},
};

fn now() -> Now {
    Now { wall: tcss_export::core::Wall::from_unix_seconds(TIME), mono: mono(ZERO) }
}

fn waiter() -> Waiter {
    Waiter::new(job(), &Policy::default(), 7, mono(ZERO))
}

/// Returns the wait whose poll is due.
#[track_caller]
fn due(set: &mut WaitSet) -> tcss_export::core::wait::WaitKey {
    match set.next(mono(ZERO)) {
        SetStep::Poll { key, fresh_credentials: false } => key,
        step => panic!("{step:?}"),
    }
}

#[test]
fn a_set_counts_its_waits() {
    let mut set = WaitSet::new();
    assert_eq!((set.len(), set.is_empty(), set.next(mono(ZERO))), (0, true, SetStep::Empty));
    for count in 1..=3 {
        set.add(waiter());
        assert_eq!((set.len(), set.is_empty()), (count, false));
    }
}

#[test]
fn a_poll_that_cannot_start_is_a_fault_and_is_due_later() {
    let mut set = WaitSet::new();
    set.add(waiter());
    let key = due(&mut set);
    let event = set.cannot_start(key, mono(ZERO), TransportErrorKind::Timeout).expect("an event");
    assert!(matches!(event.kind, EventKind::Retrying { .. }), "{event:?}");
    assert!(matches!(set.next(mono(ZERO)), SetStep::WaitUntil(due) if due > mono(ZERO)));
}

#[test]
fn an_abandoned_poll_is_due_again() {
    let mut set = WaitSet::new();
    set.add(waiter());
    let key = due(&mut set);
    set.start(key, now(), &mut session(), &credentials()).expect("a request");
    assert!(matches!(set.next(mono(ZERO)), SetStep::WaitUntil(_)));
    assert_eq!(set.waiter(key).map(Waiter::poll_count), Some(1));
    set.abandon(key);
    assert_eq!(due(&mut set), key);
    set.start(key, now(), &mut session(), &credentials()).expect("a request");
    assert_eq!(set.waiter(key).map(Waiter::poll_count), Some(2));
}

#[test]
fn of_waits_that_are_due_at_once_the_first_is_polled_first() {
    let mut set = WaitSet::new();
    let keys = [waiter(), waiter(), waiter()].map(|waiter| set.add(waiter));
    for key in keys {
        assert_eq!(due(&mut set), key);
        set.start(key, now(), &mut session(), &credentials()).expect("a request");
    }
    assert!(matches!(set.next(mono(ZERO)), SetStep::WaitUntil(due) if due > mono(secs(1))));
}

#[test]
fn a_request_that_cannot_be_built_ends_the_wait_with_its_error_as_source() {
    let mut waiter = waiter();
    // The year 10000.
    let late = Now { wall: tcss_export::core::Wall::from_unix_seconds(253_402_300_800), ..now() };
    let error = waiter.start(late, &mut session(), &credentials()).unwrap_err();
    let StartError::Build(build) = error else { panic!("{error:?}") };
    assert_eq!((build.field(), build.reason()), (Field::Timestamp, Reason::OutOfRange));
    let error = waiter.finish().unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Build(_)), "{error:?}");
    let source = error.source().and_then(|source| source.downcast_ref::<BuildError>());
    assert_eq!(source, Some(&build));
}
