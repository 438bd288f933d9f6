//! Bodies: where they end, which encodings and checksums are accepted, and which answers are not a
//! file.

use std::error::Error;

use http::{HeaderValue, Version};
use tcss_export::{
    core::{ClockOffset, Mono, Now, download::Opening},
    download::{ErrorKind, EventKind, Fault, Policy},
    driver::TransportErrorKind,
};

use crate::{
    run::{
        Due, Run, assert_complete, assert_retries, assert_starts_over, cut_after_3, download, run,
        run_from,
    },
    server::{Answer, CRC64, End, File, Reply, crc64, digits},
    with::with,
};

#[test]
fn a_transport_error_after_the_last_byte_is_ignored() {
    let mut run = run();
    let mut answer = Answer::new(200, &[("content-length", "3")], "abc");
    answer.end = End::Broken(TransportErrorKind::Connection);
    run.answer(&answer);
    assert_eq!(run.outcome().unwrap().bytes, 3);
}

#[test]
fn an_invalid_content_length_is_a_fault() {
    for length in ["", "x", "-1", "+9", "9, 9", "18446744073709551616"] {
        let mut run = run();
        run.answer(&Answer::new(200, &[("content-length", length)], "123456789"));
        assert_eq!(run.exchanges[0].opening, Some(Opening::Drop));
        assert_retries(&run, &Fault::BadLength);
    }
    let mut run = run();
    let mut answer = Answer::new(200, &[("content-length", "9")], "123456789");
    answer.head.as_mut().unwrap().headers.append("content-length", "9".parse().unwrap());
    run.answer(&answer);
    assert_retries(&run, &Fault::BadLength);
}

#[test]
fn an_empty_file_is_downloaded() {
    let mut run = run();
    run.serve(&File::new(""), Reply::Correct);
    assert_eq!(run.exchanges[0].opening, Some(Opening::StartOver));
    assert_complete(&mut run, &File::new(""));
}

#[test]
fn a_chunked_file_needs_no_length() {
    let mut run = run();
    assert_eq!(run.serve(&digits().without_crc(), Reply::Chunked).total, Some(9));
    assert_complete(&mut run, &digits().without_crc());
}

#[test]
fn a_body_without_length_or_chunks_is_an_error() {
    let mut run = run();
    run.serve(&digits().without_crc(), Reply::NoLength);
    assert_eq!(run.exchanges[0].opening, Some(Opening::Drop));
    let error = run.outcome().unwrap_err();
    assert_eq!(error.kind, ErrorKind::NoLength);
    let expected = "the answer does not show where the file ends (requests: 1, 0.0 s)";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_checksum_or_http_2_shows_the_end_of_a_body_without_length() {
    let mut run = run();
    run.serve(&digits(), Reply::NoLength);
    assert_complete(&mut run, &digits());
    let mut run = Run::of(download(&Policy::default()));
    let file = digits().without_crc();
    let request = run.start();
    let mut answer = file.answer(&request, Reply::NoLength);
    answer.head.as_mut().unwrap().version = Version::HTTP_2;
    run.process(request, &answer);
    assert_complete(&mut run, &file);
}

#[test]
fn a_matching_checksum_proves_a_body_without_length() {
    for reply in [Reply::NoLength, Reply::Chunked] {
        let mut run = run();
        let request = run.start();
        let mut answer = digits().answer(&request, reply);
        answer.end = End::Broken(TransportErrorKind::Truncated);
        run.process(request, &answer);
        assert_complete(&mut run, &digits());

        let mut run = Run::of(download(&Policy::default()));
        let request = run.start();
        answer.body.truncate(8);
        run.process(request, &answer);
        assert_retries(&run, &Fault::Incomplete);
    }
}

#[test]
fn a_matching_checksum_verifies_the_file() {
    let mut run = run();
    run.answer(&Answer::new(
        200,
        &[("content-length", "9"), ("x-cos-hash-crc64ecma", "11051210869376104954")],
        "123456789",
    ));
    let downloaded = run.outcome().unwrap();
    assert_eq!((downloaded.crc64, downloaded.verified), (11_051_210_869_376_104_954, true));
}

#[test]
fn without_a_checksum_the_file_is_not_verified() {
    let mut run = run();
    run.serve(&digits().without_crc(), Reply::Correct);
    let downloaded = run.outcome().unwrap();
    assert_eq!((downloaded.bytes, downloaded.verified), (9, false));
    assert_eq!(downloaded.crc64, crc64(b"123456789"));
}

#[test]
fn another_checksum_is_a_mismatch() {
    let mut run = run();
    run.serve(&digits(), Reply::WrongCrc);
    let error = run.outcome().unwrap_err();
    let computed = 11_051_210_869_376_104_954;
    assert_eq!(error.kind, ErrorKind::Mismatch { expected: 1, computed });
    assert_eq!(
        error.to_string(),
        "expected the CRC-64 1, got 11051210869376104954 (requests: 1, 0.0 s, 9 of 9 bytes)"
    );
}

#[test]
fn an_unreadable_or_ambiguous_checksum_is_a_fault() {
    let all = [
        &[""][..],
        &["x"],
        &["-1"],
        &["+1"],
        &["18446744073709551616"],
        &["11051210869376104954, 11051210869376104954"],
        &["11051210869376104954", "1"],
        &["11051210869376104954", "x"],
        &["x", "11051210869376104954"],
        &["\u{ff}"],
    ];
    for values in all {
        let mut run = run();
        let mut answer = Answer::new(200, &[("content-length", "9")], "123456789");
        let headers = &mut answer.head.as_mut().unwrap().headers;
        for value in values {
            headers.append(CRC64, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        run.answer(&answer);
        assert_eq!(run.exchanges[0].opening, Some(Opening::Drop), "{values:?}");
        assert_retries(&run, &Fault::BadChecksum);
        // The next answer is a good one.
        run.serve(&digits(), Reply::Correct);
        assert_complete(&mut run, &digits());
    }
}

#[test]
fn an_unreadable_checksum_of_a_range_starts_over() {
    let mut run = cut_after_3();
    let range = [("content-range", "bytes 3-8/9"), ("etag", "\"v1\""), (CRC64, "x")];
    run.answer(&Answer::new(206, &range, "456789"));
    assert_starts_over(&mut run, &digits(), &Fault::BadChecksum);
}

#[test]
fn a_repeated_equal_checksum_counts() {
    let mut run = run();
    let mut answer = Answer::new(200, &[("content-length", "9")], "123456789");
    let headers = &mut answer.head.as_mut().unwrap().headers;
    for value in ["11051210869376104954", " 11051210869376104954"] {
        headers.append(CRC64, value.parse().unwrap());
    }
    run.answer(&answer);
    assert!(run.outcome().unwrap().verified);
}

#[test]
fn another_content_encoding_than_identity_is_an_error_that_names_it() {
    let mut run = run();
    run.serve(&digits(), Reply::Gzip);
    assert_eq!(run.exchanges[0].request.headers()["accept-encoding"], "identity");
    assert_eq!(run.exchanges[0].opening, Some(Opening::Drop));
    assert_eq!(run.sink, b"");
    let error = run.outcome().unwrap_err();
    assert_eq!(error.kind, ErrorKind::Coding("gzip".into()));
    assert_eq!(
        error.to_string(),
        "the file has the content encoding gzip, not identity (requests: 1, 0.0 s)"
    );
}

#[test]
fn an_encoded_range_is_an_error_and_the_bytes_stay() {
    let mut run = run();
    run.serve_all(&digits(), &[Reply::Cut(3), Reply::Gzip]);
    assert_eq!(run.outcome().unwrap_err().kind, ErrorKind::Coding("gzip".into()));
    assert_eq!(run.sink, b"123");
}

#[test]
fn a_content_encoding_that_changes_no_byte_is_accepted() {
    for words in ["Identity", "identity, identity", "utf-8", "none", "binary", "8bit", "", ","] {
        let mut run = run();
        let answer = Answer::new(200, &[("content-length", "1")], "x");
        run.answer(&answer.with("content-encoding", words));
        assert_eq!(run.outcome().unwrap().bytes, 1, "{words:?}");
    }
}

/// A content encoding that changes no byte does not prove that the bytes are right.
#[test]
fn with_such_a_content_encoding_length_and_checksum_are_checked() {
    let file = || Answer::new(200, &[("content-length", "9")], "123456789");
    let mut wrong = run();
    wrong.answer(&file().with("content-encoding", "utf-8").with(CRC64, "1"));
    assert!(matches!(wrong.kind(), ErrorKind::Mismatch { expected: 1, .. }));
    let mut short = Run::new(&with(Policy::default(), |p| p.max_failures = 0));
    short.answer(&file().with("content-encoding", "none").with("content-length", "10"));
    assert_eq!(short.kind(), ErrorKind::Fault(Fault::Incomplete));
}

#[test]
fn a_range_with_a_content_encoding_that_changes_no_byte_is_appended() {
    let mut run = cut_after_3();
    let request = run.start();
    let answer = digits().answer(&request, Reply::Correct).with("content-encoding", "utf-8");
    run.process(request, &answer);
    assert_complete(&mut run, &digits());
}

#[test]
fn a_file_of_11_mib_arrives_complete() {
    let file = File::new(vec![b'x'; 11 << 20]);
    let mut run = run();
    run.piece = 1 << 16;
    run.serve(&file, Reply::Correct);
    assert_eq!(run.outcome().unwrap().bytes, 11_534_336);
    assert!(run.sink == file.bytes);
}

#[test]
fn the_bytes_are_not_changed() {
    let file = b"\xef\xbb\xbfid,name\r\n17,abcd\r\n";
    assert_eq!(file.len(), 21);
    for piece in [1, 2, 21] {
        let mut run = Run { piece, ..run() };
        run.serve(&File::new(&file[..]), Reply::Correct);
        assert_eq!(run.sink, file);
    }
}

#[test]
fn an_early_close_is_incomplete_and_can_be_resumed() {
    let mut run = Run::new(&with(Policy::default(), |p| p.max_failures = 0));
    run.serve(&File::new("0123456789"), Reply::Cut(3));
    let error = run.outcome().unwrap_err();
    assert_eq!(error.kind, ErrorKind::Fault(Fault::Incomplete));
    assert_eq!((error.report.bytes, error.report.total), (3, Some(10)));
    let source = error.source().unwrap();
    let expected = "the answer was incomplete: it ended before the file did";
    assert_eq!(source.to_string(), expected);
    assert_eq!(run.sink, b"012");
    assert!(run.download.metadata().is_some());
}

/// Some transports report the end of the connection as the end of the body.
#[test]
fn a_short_body_is_incomplete_however_it_ends() {
    for end in [Ok(()), Err(TransportErrorKind::Truncated), Err(TransportErrorKind::Connection)] {
        let mut download = download(&Policy::default());
        download.start(Now::default(), ClockOffset::default()).unwrap();
        let answer = Answer::new(200, &[("content-length", "10")], "");
        download.head(Mono::default(), answer.head.as_ref().unwrap());
        download.body(Mono::default(), b"012");
        let event = download.ended(Mono::default(), end);
        assert!(
            matches!(event.kind, EventKind::Retrying { fault: Fault::Incomplete, .. }),
            "{end:?}: {event:?}"
        );
    }
}

/// Returns the error of a download that ends with this answer.
fn ended_by(answer: &Answer) -> ErrorKind {
    let mut run = run();
    let event = run.answer(answer);
    assert_eq!(event.kind, EventKind::Ended, "{answer:?}");
    run.outcome().unwrap_err().kind
}

fn ok(headers: &[(&str, &str)]) -> Answer {
    Answer::new(200, headers, "123456789").without("content-length")
}

#[test]
fn a_transfer_encoding_other_than_chunked_is_an_error_that_names_it() {
    for coding in ["identity", "gzip", "xchunked", "gzip, chunked", "chunked, chunked", ""] {
        let kind = ended_by(&ok(&[("transfer-encoding", coding), ("etag", "\"v1\"")]));
        assert_eq!(kind, ErrorKind::Coding(coding.into()));
    }
}

#[test]
fn two_transfer_encodings_are_an_error() {
    let mut answer = ok(&[("transfer-encoding", "chunked")]);
    let head = answer.head.as_mut().expect("an answer");
    head.headers.append("transfer-encoding", HeaderValue::from_static("identity"));
    assert_eq!(ended_by(&answer), ErrorKind::Coding("identity".into()));
}

#[test]
fn chunked_is_an_error_in_http_1_0() {
    let mut answer = ok(&[("transfer-encoding", "chunked")]);
    answer.head.as_mut().expect("an answer").version = Version::HTTP_10;
    assert_eq!(ended_by(&answer), ErrorKind::Coding("chunked".into()));
}

#[test]
fn the_letter_case_of_chunked_does_not_matter() {
    let mut run = run();
    run.answer(&ok(&[("transfer-encoding", "Chunked")]));
    assert_eq!(run.outcome().unwrap().bytes, 9);
}

#[test]
fn a_range_with_a_transfer_encoding_is_an_error() {
    let headers = [("content-range", "bytes 0-8/9"), ("transfer-encoding", "gzip")];
    let answer = Answer::new(206, &headers, "123456789").without("content-length");
    assert_eq!(ended_by(&answer), ErrorKind::Coding("gzip".into()));
}

#[test]
fn an_html_page_with_status_200_is_a_fault_and_the_bytes_stay() {
    let mut run = run();
    run.serve(&digits(), Reply::Cut(3));
    let page = Answer::new(200, &[("content-type", "Text/HTML; charset=utf-8")], "<html>login");
    let event = run.answer(&page);
    assert!(matches!(event.kind, EventKind::Retrying { fault: Fault::Page, .. }), "{event:?}");
    run.serve(&digits(), Reply::Correct);
    assert_eq!(run.exchanges[2].request.headers()["range"], "bytes=3-");
    assert_eq!(run.outcome().unwrap().bytes, 9);
}

#[test]
fn repeated_html_pages_end_the_download() {
    let mut run = run();
    let page = Answer::new(200, &[("content-type", "text/html")], "<html>login");
    for _ in 0..=Policy::MAX_FAILURES {
        assert_eq!(run.wait_until_due(), Due::Request);
        run.answer(&page);
    }
    assert_eq!(run.outcome().unwrap_err().kind, ErrorKind::Fault(Fault::Page));
}

#[test]
fn an_html_file_with_a_tag_or_a_checksum_is_downloaded() {
    for header in ["etag", "x-cos-hash-crc64ecma"] {
        let mut run = run();
        let answer = Answer::new(
            200,
            &[
                ("content-type", "text/html"),
                ("content-length", "9"),
                ("etag", "\"v1\""),
                // The check value of CRC-64/XZ, from its catalogue entry.
                ("x-cos-hash-crc64ecma", "11051210869376104954"),
            ],
            "123456789",
        );
        run.answer(&answer.without(header));
        assert_eq!(run.outcome().unwrap().bytes, 9, "{header}");
    }
}

#[test]
fn a_missing_required_checksum_is_reported_before_any_byte() {
    let policy = with(Policy::default(), |p| p.require_crc64 = true);
    for reply in [Reply::Correct, Reply::ShortRange(4)] {
        let mut run = Run::new(&policy);
        run.serve(&digits().without_crc(), reply);
        let error = run.outcome().unwrap_err();
        assert_eq!((error.kind, error.report.bytes), (ErrorKind::NoChecksum, 0));
    }
    let mut run = Run::new(&policy);
    run.serve(&digits(), Reply::Correct);
    assert!(run.outcome().unwrap().verified);
}

#[test]
fn a_connection_closed_before_the_checksum_matches_is_incomplete() {
    let mut run = run();
    let headers = [("x-cos-hash-crc64ecma", "11051210869376104954"), ("etag", "\"v1\"")];
    let cut = Answer::new(200, &headers, "12345").without("content-length");
    let event = run.answer(&cut);
    assert!(matches!(event.kind, EventKind::Retrying { fault: Fault::Incomplete, .. }));
    let whole = Answer::new(200, &headers, "123456789").without("content-length");
    run.answer(&whole);
    let downloaded = run.outcome().unwrap();
    assert_eq!((downloaded.bytes, downloaded.verified), (9, true));
}

#[test]
fn the_report_has_the_request_id_of_the_last_answer() {
    let mut run = run();
    run.answer(&Answer::new(302, &[("x-cos-request-id", "x-7")], ""));
    assert_eq!(run.outcome().unwrap_err().report.request_id.as_deref(), Some("x-7"));
}

#[test]
fn the_request_id_of_the_report_shows_no_value_of_the_query() {
    let mut run = run_from("https://h.example/a.csv?q-signature=EXAMPLE0EXAMPLE0001");
    run.answer(&Answer::new(302, &[("x-cos-request-id", "x-EXAMPLE0EXAMPLE0001")], ""));
    assert_eq!(run.outcome().unwrap_err().report.request_id.as_deref(), Some("x-..."));
}
