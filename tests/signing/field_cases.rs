//! The field cases of signing: dates, bodies and spellings.

use tcss_export::{JobId, actions::DescribeExportJobResult, signing::HexDigest};
use tcss_export_testkit::verify::Refusal;

use crate::common::{BODY, ID, KEY, TIME, Wire, action, at, credentials, f0, scope, session};

// Midnight in UTC parts the days, whatever the zone of the machine.
#[test]
fn scope_date_is_the_utc_date_of_the_timestamp() {
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
fn body_that_is_serialised_again_has_another_hash() {
    let spaced = BODY.replace(":", ": ");
    assert!(HexDigest::of(spaced.as_bytes()).as_str().starts_with("13d4c165"));
    let mut wire = Wire::of(&f0());
    wire.body = spaced.into_bytes();
    assert_eq!(wire.verify(TIME, ID, KEY), Err(Refusal::Signature));
}

#[test]
fn bytes_that_are_hashed_are_the_bytes_that_are_sent() {
    let hashed = session().canonical_request(&action()).unwrap().payload_hash();
    assert_eq!(hashed, HexDigest::of(f0().body()));
    assert_eq!(f0().body(), BODY);
}

#[test]
fn signed_action_is_lower_case_and_the_header_is_not() {
    let canonical = session().canonical_request(&action()).unwrap().to_string();
    assert!(canonical.contains("\nx-tc-action:describeexportjobresult\n"), "{canonical}");
    assert_eq!(f0().headers()["x-tc-action"], "DescribeExportJobResult");
}

// The body is counted and hashed in bytes. Hash by `sha256sum`.
#[test]
fn body_is_hashed_in_bytes() {
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
fn payload_hash_is_64_lower_case_hex_digits() {
    let hash = session().canonical_request(&action()).unwrap().payload_hash();
    let is_digit = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
    assert!(hash.as_str().len() == 64 && hash.as_str().bytes().all(is_digit));
    assert_eq!(hash.as_str(), "a810469766a5d6203e60b556954e2519f2b89949a4828a53da5dd8d358d26658");
}
