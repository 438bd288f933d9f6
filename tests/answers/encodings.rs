//! Codings of a body.

use tcss_export::error::{Advice, ResponseErrorKind as Kind};

use crate::{
    common::{base64, read},
    reading::{GOOD, read_ok},
};

// Field case P9: the coded form of a running answer.
const GZIP: &str = "H4sIAAAAAAACA6tWCkotLsjPK05VsqpWcq0oyC8qCS5JLCktVrJSCgr18/P0c1fSASoqLE0tLvFMAYoW6Voo1dYCAPQgeeY5AAAA";

#[test]
fn p9_compressed_answer_is_an_error_that_names_the_encoding() {
    let error = read(200, &[("Content-Encoding", "gzip")], base64(GZIP)).unwrap_err();
    assert_eq!(*error.kind(), Kind::Encoding("gzip".into()));
    assert_eq!(error.advice(), Advice::Stop);
    assert_eq!(
        error.to_string(),
        "answer has the content encoding gzip, identity was asked for \
         (HTTP status 200, no request id)"
    );
}

#[test]
fn p9_compressed_answer_that_does_not_say_so_is_no_result() {
    assert!(matches!(read_ok(base64(GZIP)).unwrap_err().kind(), Kind::Page { .. }));
}

#[test]
fn every_other_encoding_is_named() {
    for coding in ["GZIP", "br", "x-gzip", "identity, gzip", "unknown"] {
        let error = read(200, &[("Content-Encoding", coding)], GOOD).unwrap_err();
        assert_eq!(*error.kind(), Kind::Encoding(coding.into()));
    }
}

#[test]
fn encoding_in_a_second_header_is_named() {
    let headers = [("Content-Encoding", "identity"), ("Content-Encoding", "br")];
    assert_eq!(*read(200, &headers, GOOD).unwrap_err().kind(), Kind::Encoding("br".into()));
}

#[test]
fn identity_and_an_empty_encoding_are_none() {
    for coding in ["identity", "Identity", ""] {
        assert!(read(200, &[("Content-Encoding", coding)], GOOD).is_ok(), "{coding}");
    }
}
