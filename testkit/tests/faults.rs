//! The text form of download faults.

use proptest::prelude::*;
use tcss_export_testkit::{DownloadFault, DownloadFaults};

#[track_caller]
fn reads(text: &str, faults: impl IntoIterator<Item = DownloadFault>) {
    assert_eq!(text.parse::<DownloadFaults>(), DownloadFaults::new(faults));
}

#[track_caller]
fn refused(text: &str, expected: &str) {
    assert_eq!(text.parse::<DownloadFaults>().expect_err(text).to_string(), expected);
}

#[test]
fn every_word_of_the_grammar_reads_back() {
    let text = "OK,CUT:1,STALL:2,SLOW:3,RESET,CHUNKED,CHUNKED-CUT:4,ETAG,ETAG:a-1,NOETAG,WEAK,CRC,\
                NOCRC,FULL,RANGE,LESS:5,GZIP,REDIRECT,EXPIRED,DENIED,GONE,HTTP:503";
    assert_eq!(text.parse::<DownloadFaults>().expect(text).to_string(), text);
}

#[test]
fn an_empty_text_has_no_fault() {
    reads(" ", []);
}

#[test]
fn blanks_before_a_fault_are_ignored() {
    reads(" GONE, CUT:7", [DownloadFault::Gone, DownloadFault::Cut(7)]);
}

#[test]
fn an_unknown_fault_is_named_with_its_position() {
    refused(
        "OK,cut:1",
        "fault 2 \"cut:1\": expected OK, CUT, STALL, SLOW, RESET, CHUNKED, CHUNKED-CUT, ETAG, \
         NOETAG, WEAK, CRC, NOCRC, FULL, RANGE, LESS, GZIP, REDIRECT, EXPIRED, DENIED, GONE or HTTP",
    );
}

#[test]
fn a_missing_value_is_an_error() {
    refused("CUT", "fault 1 \"CUT\": expected a colon and a value after the name");
}

#[test]
fn an_extra_value_is_an_error() {
    refused("GONE:1", "fault 1 \"GONE:1\": expected nothing after the name");
}

#[test]
fn bytes_are_a_number() {
    refused("STALL:-1", "fault 1 \"STALL:-1\": expected a number of bytes like 1000");
}

#[test]
fn less_needs_a_byte() {
    refused("LESS:0", "fault 1 \"LESS:0\": expected at least one byte");
}

#[test]
fn slow_needs_a_byte() {
    let error = DownloadFaults::new([DownloadFault::Slow(0)]).expect_err("no byte");
    assert_eq!((error.position(), error.step()), (Some(1), "SLOW:0"));
}

#[test]
fn an_etag_has_no_quotes() {
    refused(
        "ETAG:\"a\"",
        "fault 1 \"ETAG:\\\"a\\\"\": expected an ETag of letters, digits, dots, underscores and \
         hyphens",
    );
}

#[test]
fn an_http_status_is_at_most_599() {
    refused("HTTP:600", "fault 1 \"HTTP:600\": expected an HTTP status from 200 to 599");
}

proptest! {
    #[test]
    fn any_accepted_text_reads_back(text in "([A-Z-]{0,11}(:[0-9a-z]{0,4})?,?){0,4}") {
        if let Ok(faults) = text.parse::<DownloadFaults>() {
            prop_assert_eq!(faults.to_string().parse::<DownloadFaults>(), Ok(faults));
        }
    }
}
