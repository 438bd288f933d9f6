//! Regions and labels of a client.

use proptest::prelude::*;
use tcss_export::error::{Field, Reason};

use crate::{
    common::{TIME, action, at, credentials, f0, header, session},
    requests::{refused, sign},
};

// The service refuses an empty one.
#[test]
fn unset_region_has_no_header() {
    assert!(!f0().headers().contains_key("x-tc-region"));
}

#[test]
fn empty_region_has_no_header() {
    let request = sign(session().with_region("").unwrap());
    assert!(!request.headers().contains_key("x-tc-region"));
}

#[test]
fn empty_region_takes_the_place_of_an_earlier_one() {
    let session = session().with_region("ap-guangzhou").unwrap().with_region("").unwrap();
    assert!(!sign(session).headers().contains_key("x-tc-region"));
}

#[test]
fn region_is_sent() {
    let request = sign(session().with_region("ap-guangzhou").unwrap());
    assert_eq!(header(&request, "x-tc-region"), "ap-guangzhou");
}

#[test]
fn region_that_is_set_after_a_signing_is_sent() {
    let mut session = session();
    session.request(&action(), &credentials(), at(TIME)).unwrap();
    let request = sign(session.with_region("ap-guangzhou").unwrap());
    assert_eq!(header(&request, "x-tc-region"), "ap-guangzhou");
}

#[test]
fn region_that_would_break_a_header_is_refused() {
    for region in ["ap\r\nX-Evil: 1", "ap guangzhou", "ap\0", "广州", "ap_guangzhou", "\n"] {
        let result = session().with_region(region);
        refused(result, Field::Region, Reason::InvalidCharacter);
    }
}
#[test]
fn label_is_cleaned() {
    let request = sign(session().with_client_label("my app/1.0"));
    assert_eq!(header(&request, "x-tc-requestclient"), "my app1.0");
}

#[test]
fn label_without_a_good_character_has_no_header() {
    for label in ["", "   ", "导出", "\r\n", "///"] {
        let request = sign(session().with_client_label(label));
        assert!(!request.headers().contains_key("x-tc-requestclient"), "{label:?}");
    }
}

#[test]
fn label_cannot_start_another_header() {
    let request = sign(session().with_client_label("a\r\nX-Evil: 1"));
    assert_eq!(header(&request, "x-tc-requestclient"), "aX-Evil 1");
    assert!(!request.headers().contains_key("x-evil"));
}

proptest! {
    // Letters, digits, `-_ ,;.` and at most 128 of them.
    #[test]
    fn any_label_is_made_fit(label: String) {
        let request = sign(session().with_client_label(&label));
        let sent = header(&request, "x-tc-requestclient");
        prop_assert!(sent.len() <= 128);
        prop_assert!(sent.chars().all(|c| c.is_ascii_alphanumeric() || "-_ ,;.".contains(c)));
        prop_assert_eq!(request.headers().contains_key("x-tc-requestclient"), !sent.is_empty());
    }
}

#[test]
fn label_of_200_letters_is_cut_to_128() {
    let request = sign(session().with_client_label(&"a".repeat(200)));
    assert_eq!(header(&request, "x-tc-requestclient").len(), 128);
}
