//! What a session signs: the date, the body and the timestamp.

use tcss_export::{
    JobId,
    actions::DescribeExportJobResult,
    core::Wall,
    error::{BuildError, Field, Reason},
    signing::HexDigest,
};
use tcss_export_testkit::verify::Refusal;

use crate::common::{
    BODY, ID, KEY, SIGNATURE, TIME, Wire, action, at, credentials, scope, session, signature,
    signed_request,
};

#[test]
fn the_scope_date_is_the_utc_date_of_the_timestamp() {
    for (time, date) in [
        (TIME, "2023-11-14/tcss/tc3_request"),
        (1_700_006_399, "2023-11-14/tcss/tc3_request"),
        (1_700_006_400, "2023-11-15/tcss/tc3_request"),
        (1_709_251_199, "2024-02-29/tcss/tc3_request"),
        (1_709_251_200, "2024-03-01/tcss/tc3_request"),
    ] {
        let request = session().request(&action(), &credentials(), at(time)).unwrap();
        assert_eq!(scope(&request), date, "at {time}");
    }
}

// Expected: `printf '{"JobId": "3f1c..."}' | sha256sum` begins 13d4c165.
#[test]
fn a_body_that_is_serialised_again_fails_verification() {
    let spaced = BODY.replace(":", ": ");
    assert!(HexDigest::of(spaced.as_bytes()).as_str().starts_with("13d4c165"));
    let mut wire = Wire::of(&signed_request());
    wire.body = spaced.into_bytes();
    assert_eq!(wire.verify(TIME, ID, KEY), Err(Refusal::Signature));
}

#[test]
fn the_hashed_bytes_are_the_sent_bytes() {
    let hashed = session().canonical_request(&action()).unwrap().payload_hash();
    assert_eq!(hashed, HexDigest::of(signed_request().body()));
    assert_eq!(signed_request().body(), BODY);
}

#[test]
fn the_action_is_signed_in_lower_case_and_sent_as_it_is() {
    let canonical = session().canonical_request(&action()).unwrap().to_string();
    assert!(canonical.contains("\nx-tc-action:describeexportjobresult\n"), "{canonical}");
    assert_eq!(signed_request().headers()["x-tc-action"], "DescribeExportJobResult");
}

// Expected: `sha256sum` of the 31 bytes.
#[test]
fn the_body_is_hashed_in_bytes_and_not_in_characters() {
    let job = JobId::new(r#"导出-"7"\A<b>&"#).unwrap();
    let action = DescribeExportJobResult::new(job);
    let request = session().request(&action, &credentials(), at(TIME)).unwrap();
    assert_eq!(request.body(), r#"{"JobId":"导出-\"7\"\\A<b>&"}"#);
    assert_eq!(request.body().len(), 31);
    assert_eq!(
        HexDigest::of(request.body()).as_str(),
        "398da367113c0ab6904fca2049df40c2b25d01b811752b98e5ed7d7d635b0ca1"
    );
}

#[test]
fn the_payload_hash_is_64_lower_case_hex_digits() {
    let hash = session().canonical_request(&action()).unwrap().payload_hash();
    let is_digit = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
    assert!(hash.as_str().len() == 64 && hash.as_str().bytes().all(is_digit));
    assert_eq!(hash.as_str(), "a810469766a5d6203e60b556954e2519f2b89949a4828a53da5dd8d358d26658");
}

fn signed_at(wall: Wall) -> Result<(), BuildError> {
    session().request(&action(), &credentials(), wall).map(drop)
}

#[track_caller]
fn assert_refused(wall: Wall) {
    let error = signed_at(wall).unwrap_err();
    assert_eq!((error.field(), error.reason()), (Field::Timestamp, Reason::OutOfRange));
}

#[test]
fn a_time_before_the_epoch_is_refused() {
    assert_refused(at(-1));
}

#[test]
fn the_last_millisecond_before_the_epoch_is_refused() {
    assert_refused(Wall::from_unix_millis(-1));
}

#[test]
fn a_year_of_five_digits_is_refused() {
    assert_refused(at(253_402_300_800));
}

#[test]
fn the_earliest_and_the_latest_wall_clock_time_are_refused() {
    assert_refused(Wall::from_unix_millis(i64::MIN));
    assert_refused(Wall::from_unix_millis(i64::MAX));
    assert_refused(Wall::from_unix_seconds(i64::MAX));
}

#[test]
fn the_epoch_and_the_last_second_of_9999_are_signed() {
    assert_eq!(signed_at(at(0)), Ok(()));
    assert_eq!(signed_at(at(253_402_300_799)), Ok(()));
}

#[test]
fn fractions_of_a_second_are_dropped() {
    let wall = Wall::from_unix_millis(TIME * 1_000 + 999);
    let request = session().request(&action(), &credentials(), wall).unwrap();
    assert_eq!(request.headers()["x-tc-timestamp"], "1699979400");
    assert_eq!(signature(&request), SIGNATURE);
}
