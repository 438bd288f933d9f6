//! Parts that an earlier download left.

use tcss_export::{
    core::download::{Download, Opening, Part, PartMetadata},
    download::{ErrorKind, EventKind, Fault, Policy},
};

use crate::{
    run::{Run, URL, download, download_from},
    server::{File, Reply, crc64, digits},
    with::with,
};

/// Returns the part metadata and the bytes that an interrupted download leaves.
fn interrupted(file: &File, reply: Reply) -> (String, Vec<u8>) {
    let mut run = Run::new(&Policy::default());
    run.serve(file, reply);
    (run.download.metadata().unwrap().to_text(), run.sink)
}

/// Reads a part in pieces, as a later process would.
fn part(text: &str, bytes: &[u8]) -> Part {
    let mut part = Part::new(PartMetadata::from_text(text).unwrap());
    let length = usize::try_from(part.limit()).unwrap_or(usize::MAX).min(bytes.len());
    for piece in bytes[..length].chunks(2) {
        part.read(piece);
    }
    assert_eq!(part.length(), length as u64);
    part
}

/// Resumes a part with this URL.
fn resumed(url: &str, text: &str, bytes: &[u8]) -> Run {
    let part = part(text, bytes);
    let sink = bytes[..usize::try_from(part.length()).unwrap()].to_vec();
    Run { sink, ..resuming(download_from(url), part) }
}

fn resuming(mut download: Download, part: Part) -> Run {
    download.resume(part);
    Run::of(download)
}

#[test]
fn a_later_download_resumes_the_part() {
    let (text, bytes) = interrupted(&digits(), Reply::Cut(3));
    let mut run = resumed("https://h.example/a.csv?q-signature=EXAMPLE0002", &text, &bytes);
    assert_eq!((run.download.bytes(), run.download.total()), (3, Some(9)));
    run.serve(&digits(), Reply::Correct);
    assert_eq!(run.exchanges[0].request.headers()["range"], "bytes=3-");
    assert_eq!(run.exchanges[0].request.headers()["if-range"], "\"v1\"");
    assert_eq!(run.exchanges[0].opening, Some(Opening::Append));
    assert_eq!(run.sink, b"123456789");
    let downloaded = run.outcome().unwrap();
    assert_eq!((downloaded.crc64, downloaded.verified), (crc64(b"123456789"), true));
    assert_eq!((downloaded.report.requests, downloaded.report.resumes), (1, 1));
}

#[test]
fn a_part_without_a_checksum_does_not_complete_where_one_is_required() {
    let file = digits().without_crc();
    let (text, bytes) = interrupted(&file, Reply::Cut(3));
    let policy = with(Policy::default(), |p| p.require_crc64 = true);
    let mut run = Run { sink: bytes.clone(), ..resuming(download(&policy), part(&text, &bytes)) };
    run.serve(&file, Reply::Correct);
    assert_eq!(run.kind(), ErrorKind::NoChecksum);
}

#[test]
fn a_part_of_another_file_is_ignored() {
    let (text, bytes) = interrupted(&digits(), Reply::Cut(3));
    for other in [
        "https://h.example/b.csv",
        "https://h.example/a.csv?id=2",
        "https://other.example/a.csv",
        "https://h.example:1/a.csv",
    ] {
        let mut run = resumed(other, &text, &bytes);
        assert_eq!(run.download.bytes(), 0);
        run.serve(&digits(), Reply::Correct);
        assert_eq!(run.exchanges[0].request.headers().get("range"), None);
        assert_eq!(run.exchanges[0].opening, Some(Opening::StartOver));
        assert_eq!(run.sink, b"123456789");
    }
}

#[test]
fn a_file_that_has_changed_since_is_downloaded_whole() {
    let (text, bytes) = interrupted(&digits(), Reply::Cut(3));
    let other = File::new("abc").with_etag("\"v2\"");
    let mut run = resumed(URL, &text, &bytes);
    run.serve(&other, Reply::Correct);
    assert_eq!(run.exchanges[0].opening, Some(Opening::StartOver));
    assert_eq!(run.sink, b"abc");
    assert_eq!(run.outcome().unwrap().report.restarts, 1);
}

/// The answer shows whether the file is still the same.
#[test]
fn a_complete_part_requests_its_last_byte_again() {
    let (text, _) = interrupted(&digits(), Reply::Cut(8));
    let mut run = resumed(URL, &text, b"123456789");
    run.serve(&digits(), Reply::Correct);
    assert_eq!(run.exchanges[0].request.headers()["range"], "bytes=8-");
    assert_eq!(run.sink, b"123456789");
    assert!(run.outcome().unwrap().verified);
}

#[test]
fn a_damaged_part_starts_over() {
    let (text, _) = interrupted(&digits(), Reply::Cut(4));
    let mut run = resumed(URL, &text, b"12\0\0");
    run.serve_all(&digits(), &[Reply::Correct, Reply::Correct]);
    let EventKind::Retrying { fault, .. } = &run.exchanges[0].event.kind else { panic!() };
    assert_eq!(*fault, Fault::Mismatch);
    assert_eq!(run.exchanges[1].opening, Some(Opening::StartOver));
    assert_eq!(run.sink, b"123456789");
    assert!(run.outcome().unwrap().verified);
}

#[test]
fn a_damaged_complete_part_starts_over() {
    let (text, bytes) = interrupted(&digits(), Reply::ChunkedCut(8));
    let mut bytes = [&bytes[..], b"9"].concat();
    bytes[3] = 0;
    let mut run = resumed(URL, &text, &bytes);
    run.serve_all(&digits(), &[Reply::Correct, Reply::Correct]);
    let EventKind::Retrying { fault, .. } = &run.exchanges[0].event.kind else {
        panic!("{:?}", run.exchanges[0])
    };
    assert_eq!(*fault, Fault::Mismatch);
    assert_eq!(run.sink, b"123456789");
}

#[test]
fn a_part_longer_than_the_file_starts_over() {
    let (text, _) = interrupted(&digits(), Reply::Cut(3));
    let mut part = Part::new(PartMetadata::from_text(&text).unwrap());
    part.read(b"1234567890");
    let mut run = resuming(download(&Policy::default()), part);
    run.sink = b"1234567890".to_vec();
    run.serve_all(&digits(), &[Reply::Correct, Reply::Correct]);
    assert_eq!(run.sink, b"123456789");
    assert!(run.outcome().is_ok());
}

#[test]
fn downloading_the_bytes_of_the_part_again_is_not_progress() {
    let (text, bytes) = interrupted(&digits(), Reply::Cut(5));
    let mut run = resumed(URL, &text, &bytes);
    let other = digits().with_etag("\"v2\"");
    run.serve_all(&other, &[Reply::Status(500); Policy::MAX_FAILURES as usize]);
    run.serve(&other, Reply::Cut(5));
    assert_eq!(run.outcome().unwrap_err().kind, ErrorKind::Fault(Fault::Incomplete));
}

#[test]
fn a_complete_part_needs_only_its_last_byte_again() {
    let (text, _) = interrupted(&digits(), Reply::Cut(3));
    let mut part = Part::new(PartMetadata::from_text(&text).unwrap());
    part.read(b"123456789");
    let mut run = resuming(download(&Policy::default()), part);
    run.serve(&digits(), Reply::Correct);
    assert_eq!(run.exchanges[0].request.headers()["range"], "bytes=8-");
    assert_eq!(run.exchanges[0].opening, Some(Opening::Append));
    assert!(run.outcome().unwrap().verified);
}

#[test]
fn an_empty_part_does_not_count_as_a_resume() {
    let (text, _) = interrupted(&digits(), Reply::Cut(3));
    let mut run = resumed(URL, &text, b"");
    run.serve(&digits(), Reply::Correct);
    assert_eq!(run.exchanges[0].request.headers().get("range"), None);
    let report = run.outcome().unwrap().report;
    assert_eq!((report.resumes, report.restarts), (0, 0));
}

#[test]
fn an_invalid_tag_in_the_part_metadata_does_not_fail_the_download() {
    for tag in ["W/\\\"v1\\\"", "x\\r\\ny", "", "\\\"v9\\\""] {
        let (text, bytes) = interrupted(&digits(), Reply::Cut(3));
        let text = text.replace("\\\"v1\\\"", tag);
        let mut run = resumed(URL, &text, &bytes);
        run.serve(&digits(), Reply::Correct);
        assert_eq!(run.sink, b"123456789", "{tag}");
        assert!(run.outcome().is_ok());
    }
}

#[test]
fn part_metadata_names_the_file_without_secrets() {
    let (text, _) = interrupted(&digits(), Reply::Cut(3));
    assert!(text.contains("https://h.example/a.csv"), "{text}");
    assert!(!text.contains("EXAMPLE0001") && !text.contains('?'), "{text}");
}

#[test]
fn part_metadata_exists_once_a_head_has_a_strong_tag() {
    let mut run = Run::new(&Policy::default());
    assert_eq!(run.download.metadata(), None);
    run.serve(&digits().with_etag("W/\"v1\""), Reply::Cut(3));
    assert_eq!(run.download.metadata(), None);
    run.serve(&digits(), Reply::Cut(3));
    assert_ne!(run.download.metadata(), None);
}
