//! Times that no timestamp can stand for.

use tcss_export::{
    core::Wall,
    error::{BuildError, Field, Reason},
};

use crate::common::{SIGNATURE, TIME, action, at, credentials, session, signature};

fn signed_at(wall: Wall) -> Result<(), BuildError> {
    session().request(&action(), &credentials(), wall).map(drop)
}

#[track_caller]
fn refused(wall: Wall) {
    let error = signed_at(wall).unwrap_err();
    assert_eq!((error.field(), error.reason()), (Field::Timestamp, Reason::OutOfRange));
}

#[test]
fn time_before_the_epoch_is_refused() {
    refused(at(-1));
}

#[test]
fn last_millisecond_before_the_epoch_is_refused() {
    refused(Wall::from_unix_millis(-1));
}

#[test]
fn year_of_five_digits_is_refused() {
    refused(at(253_402_300_800));
}

#[test]
fn ends_of_the_wall_clock_are_refused() {
    refused(Wall::from_unix_millis(i64::MIN));
    refused(Wall::from_unix_millis(i64::MAX));
    refused(Wall::from_unix_seconds(i64::MAX));
}

#[test]
fn epoch_and_the_last_second_of_9999_are_signed() {
    assert_eq!(signed_at(at(0)), Ok(()));
    assert_eq!(signed_at(at(253_402_300_799)), Ok(()));
}

#[test]
fn parts_of_a_second_are_cut_off() {
    let wall = Wall::from_unix_millis(TIME * 1_000 + 999);
    let request = session().request(&action(), &credentials(), wall).unwrap();
    assert_eq!(request.headers()["x-tc-timestamp"], "1699979400");
    assert_eq!(signature(&request), SIGNATURE);
}
