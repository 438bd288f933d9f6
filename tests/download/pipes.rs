//! Targets such as pipes, where written bytes cannot be taken back.

use tcss_export::{
    core::download::Opening,
    download::{ErrorKind, EventKind, Fault, Policy},
};

use crate::{
    run::{Run, download, url},
    server::{Answer, File, Reply, crc64, digits},
};

fn pipe() -> Run {
    Run::of(download(&Policy::default()).without_restart())
}

#[track_caller]
fn assert_never_starts_over(run: &Run) {
    for exchange in &run.exchanges {
        assert_ne!(exchange.opening, Some(Opening::StartOver));
    }
}

#[test]
fn the_first_answer_is_appended_too() {
    let mut run = pipe();
    run.serve(&digits(), Reply::Correct);
    assert_eq!(run.exchanges[0].opening, Some(Opening::Append));
    assert_eq!(run.sink, b"123456789");
}

#[test]
fn a_cut_is_resumed() {
    let mut run = pipe();
    run.serve_all(&digits(), &[Reply::Cut(3), Reply::ShortRange(2), Reply::Correct]);
    assert_never_starts_over(&run);
    assert_eq!(run.sink, b"123456789");
    assert!(run.outcome().unwrap().verified);
}

#[test]
fn bytes_already_written_are_skipped() {
    for piece in [1, 2, 3, 4, 9] {
        let mut run = Run { piece, ..pipe() };
        run.serve_all(&digits(), &[Reply::Cut(3), Reply::Whole]);
        assert_never_starts_over(&run);
        assert_eq!(run.sink, b"123456789");
        assert!(run.outcome().unwrap().verified);
    }
}

#[test]
fn a_whole_answer_cut_within_the_written_bytes_is_incomplete() {
    let mut run = pipe();
    run.serve(&digits(), Reply::Cut(5));
    let request = run.start();
    let mut answer = digits().answer(&request, Reply::Whole);
    answer.body.truncate(2);
    let kind = run.process(request, &answer).kind.clone();
    assert!(matches!(kind, EventKind::Retrying { fault: Fault::Incomplete, .. }), "{kind:?}");
    run.serve(&digits(), Reply::Correct);
    assert_eq!(run.exchanges[2].request.headers()["range"], "bytes=5-");
    assert_eq!(run.sink, b"123456789");
}

#[test]
fn more_bytes_than_declared_are_not_written() {
    for piece in [1, 9, 10] {
        let mut run = Run { piece, ..pipe() };
        run.serve_all(&digits(), &[Reply::ExtraByte, Reply::Correct]);
        assert_eq!(run.sink, b"123456789");
        assert!(run.outcome().unwrap().verified);
    }
}

/// Its proper end does not prove that it is the whole file.
#[test]
fn a_whole_answer_without_a_length_must_cover_the_written_bytes() {
    let mut run = pipe();
    run.serve(&digits().without_crc(), Reply::Cut(5));
    let headers = [("transfer-encoding", "chunked"), ("etag", "\"v1\"")];
    let kind = run.answer(&Answer::new(200, &headers, "12")).kind.clone();
    assert!(matches!(kind, EventKind::Retrying { fault: Fault::Incomplete, .. }), "{kind:?}");
}

#[test]
fn ranges_that_do_not_match_the_checksum_end_the_download() {
    let mut run = pipe();
    let request = run.start();
    let mut answer = digits().answer(&request, Reply::Cut(3));
    answer.body = "xyz".into();
    run.process(request, &answer);
    run.serve(&digits(), Reply::Correct);
    let expected =
        ErrorKind::Mismatch { expected: crc64(b"123456789"), computed: crc64(b"xyz456789") };
    assert_eq!(run.outcome().unwrap_err().kind, expected);
}

#[test]
fn before_the_first_byte_a_new_url_may_lead_to_another_file() {
    let download = download(&Policy::default()).with_new_urls().without_restart();
    let mut run = Run::of(download);
    run.serve(&digits(), Reply::Expired);
    run.download.new_url(run.mono(), url("https://h.example/b.csv"));
    run.serve(&digits(), Reply::Correct);
    assert_eq!(run.sink, b"123456789");
}

#[test]
fn another_file_ends_the_download() {
    for (file, reply) in [
        (digits().with_etag("\"v2\""), Reply::Correct),
        (digits().with_etag("\"v2\""), Reply::IgnoresIfRange),
        (digits().without_etag(), Reply::Whole),
        (File::new("1234567890").without_crc(), Reply::Whole),
        (File::new("12345678x"), Reply::Whole),
        (digits().with_etag("\"v2\""), Reply::Whole),
    ] {
        let mut run = pipe();
        run.serve(&digits(), Reply::Cut(3));
        run.serve(&file, reply);
        assert_never_starts_over(&run);
        let error = run.outcome().unwrap_err();
        assert_eq!(error.kind, ErrorKind::Changed, "{file:?} {reply:?}");
        assert_eq!(
            error.to_string(),
            "a part is written already, and the file may have changed on the server since \
             (requests: 2, 0.2 s, 3 of 9 bytes)"
        );
        assert_eq!(run.sink, b"123");
    }
}

#[test]
fn a_file_without_a_tag_cannot_be_resumed() {
    let mut run = pipe();
    let file = digits().without_etag();
    run.serve_all(&file, &[Reply::Cut(3), Reply::Correct]);
    assert_eq!(run.outcome().unwrap_err().kind, ErrorKind::Changed);
    assert_eq!(run.sink, b"123");
}

#[test]
fn before_the_first_byte_the_file_may_change() {
    let mut run = pipe();
    run.serve_all(&digits(), &[Reply::Cut(0)]);
    let other = File::new("abc").with_etag("\"v2\"");
    run.serve(&other, Reply::Correct);
    assert_eq!(run.sink, b"abc");
    assert!(run.outcome().unwrap().verified);
}

#[test]
fn a_mismatch_ends_the_download() {
    for replies in [&[Reply::WrongCrc][..], &[Reply::Cut(3), Reply::WrongCrc]] {
        let mut run = pipe();
        run.serve_all(&digits(), replies);
        let kind = run.outcome().unwrap_err().kind;
        let is_typed = matches!(kind, ErrorKind::Mismatch { .. } | ErrorKind::Changed);
        assert!(is_typed, "{kind:?}");
    }
}

#[test]
fn a_new_url_of_another_file_ends_the_download() {
    let download = download(&Policy::default()).with_new_urls().without_restart();
    let mut run = Run::of(download);
    run.serve_all(&digits(), &[Reply::Cut(3), Reply::Expired]);
    let event = run.download.new_url(run.mono(), url("https://h.example/b.csv"));
    assert_eq!(event.kind, EventKind::Ended);
    assert_eq!(run.outcome().unwrap_err().kind, ErrorKind::Changed);
}
