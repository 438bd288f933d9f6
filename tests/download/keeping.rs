//! What an earlier download has left, and targets where nothing can be taken back.

use tcss_export::{
    core::{
        Mono,
        download::{Download, Opening, Part, PartMetadata},
    },
    download::{ErrorKind, EventKind, Fault, Policy},
};

use crate::{
    server::{Answer, File, Play, crc64, digits},
    trial::{Trial, URL, download, url},
};

/// Returns what a download that came so far leaves behind, as a text and as bytes.
fn left_behind(file: &File, play: Play) -> (String, Vec<u8>) {
    let mut trial = Trial::new(&Policy::default());
    trial.serve(file, play);
    (trial.download.metadata().unwrap().to_text(), trial.sink)
}

/// Reads what was left, as a later process would, a piece at a time.
fn kept(text: &str, bytes: &[u8]) -> Part {
    let mut kept = Part::new(PartMetadata::from_text(text).unwrap());
    let there = usize::try_from(kept.limit()).unwrap_or(usize::MAX).min(bytes.len());
    for piece in bytes[..there].chunks(2) {
        kept.read(piece);
    }
    assert_eq!(kept.length(), there as u64);
    kept
}

/// Goes on with kept bytes by a URL.
fn resumed(by: &str, text: &str, bytes: &[u8]) -> Trial {
    let kept = kept(text, bytes);
    let sink = bytes[..usize::try_from(kept.length()).unwrap()].to_vec();
    let download = Download::new(url(by), &Policy::default(), 7, Mono::default()).unwrap();
    Trial { sink, ..going_on(download, kept) }
}

fn going_on(mut download: Download, kept: Part) -> Trial {
    download.resume(kept);
    Trial::of(download)
}

#[test]
fn a_later_download_goes_on_with_what_was_left() {
    let (text, bytes) = left_behind(&digits(), Play::Cut(3));
    let mut trial = resumed("https://h.example/a.csv?q-signature=EXAMPLE0002", &text, &bytes);
    assert_eq!((trial.download.bytes(), trial.download.total()), (3, Some(9)));
    trial.serve(&digits(), Play::Well);
    assert_eq!(trial.past[0].request.headers()["range"], "bytes=3-");
    assert_eq!(trial.past[0].request.headers()["if-range"], "\"v1\"");
    assert_eq!(trial.past[0].opening, Some(Opening::Append));
    assert_eq!(trial.sink, b"123456789");
    let downloaded = trial.outcome().unwrap();
    assert_eq!((downloaded.crc64, downloaded.verified), (crc64(b"123456789"), true));
    assert_eq!((downloaded.report.requests, downloaded.report.resumes), (1, 1));
}

#[test]
fn what_was_left_of_another_file_counts_for_nothing() {
    let (text, bytes) = left_behind(&digits(), Play::Cut(3));
    for other in
        ["https://h.example/b.csv", "https://other.example/a.csv", "https://h.example:1/a.csv"]
    {
        let mut trial = resumed(other, &text, &bytes);
        assert_eq!(trial.download.bytes(), 0);
        trial.serve(&digits(), Play::Well);
        assert_eq!(trial.past[0].request.headers().get("range"), None);
        assert_eq!(trial.past[0].opening, Some(Opening::StartOver));
        assert_eq!(trial.sink, b"123456789");
    }
}

#[test]
fn a_file_that_has_changed_since_comes_whole() {
    let (text, bytes) = left_behind(&digits(), Play::Cut(3));
    let other = File::new("abc").with_etag("\"v2\"");
    let mut trial = resumed(URL, &text, &bytes);
    trial.serve(&other, Play::Well);
    assert_eq!(trial.past[0].opening, Some(Opening::StartOver));
    assert_eq!(trial.sink, b"abc");
    assert_eq!(trial.outcome().unwrap().report.restarts, 1);
}

/// So the server is asked whether it is still the same.
#[test]
fn of_a_whole_file_that_was_left_the_last_byte_is_asked_for() {
    let (text, _) = left_behind(&digits(), Play::Cut(8));
    let mut trial = resumed(URL, &text, b"123456789");
    trial.serve(&digits(), Play::Well);
    assert_eq!(trial.past[0].request.headers()["range"], "bytes=8-");
    assert_eq!(trial.sink, b"123456789");
    assert!(trial.outcome().unwrap().verified);
}

#[test]
fn bytes_that_are_not_what_was_written_start_over() {
    let (text, _) = left_behind(&digits(), Play::Cut(4));
    let mut trial = resumed(URL, &text, b"12\0\0");
    trial.play(&digits(), &[Play::Well, Play::Well]);
    let EventKind::Retrying { fault, .. } = &trial.past[0].event.kind else { panic!() };
    assert_eq!(*fault, Fault::Mismatch);
    assert_eq!(trial.past[1].opening, Some(Opening::StartOver));
    assert_eq!(trial.sink, b"123456789");
    assert!(trial.outcome().unwrap().verified);
}

#[test]
fn bytes_that_are_not_what_was_written_start_over_where_nothing_was_left() {
    let (text, bytes) = left_behind(&digits(), Play::ChunkedCut(8));
    let mut bytes = [&bytes[..], b"9"].concat();
    bytes[3] = 0;
    let mut trial = resumed(URL, &text, &bytes);
    trial.play(&digits(), &[Play::Well, Play::Well]);
    let EventKind::Retrying { fault, .. } = &trial.past[0].event.kind else {
        panic!("{:?}", trial.past[0])
    };
    assert_eq!(*fault, Fault::Mismatch);
    assert_eq!(trial.sink, b"123456789");
}

#[test]
fn more_bytes_than_the_file_has_start_over() {
    let (text, _) = left_behind(&digits(), Play::Cut(3));
    let mut kept = Part::new(PartMetadata::from_text(&text).unwrap());
    kept.read(b"1234567890");
    let mut trial = going_on(download(&Policy::default()), kept);
    trial.sink = b"1234567890".to_vec();
    trial.play(&digits(), &[Play::Well, Play::Well]);
    assert_eq!(trial.sink, b"123456789");
    assert!(trial.outcome().is_ok());
}

#[test]
fn bytes_that_were_left_are_no_progress_when_they_come_again() {
    let (text, bytes) = left_behind(&digits(), Play::Cut(5));
    let mut trial = resumed(URL, &text, &bytes);
    let other = digits().with_etag("\"v2\"");
    trial.play(&other, &[Play::Status(500); Policy::MAX_FAILURES as usize]);
    trial.serve(&other, Play::Cut(5));
    assert_eq!(trial.outcome().unwrap_err().kind, ErrorKind::Fault(Fault::Incomplete));
}

#[test]
fn all_bytes_are_whole_once_the_last_was_shown_again() {
    let (text, _) = left_behind(&digits(), Play::Cut(3));
    let mut kept = Part::new(PartMetadata::from_text(&text).unwrap());
    kept.read(b"123456789");
    let mut trial = going_on(download(&Policy::default()), kept);
    trial.serve(&digits(), Play::Well);
    assert_eq!(trial.past[0].request.headers()["range"], "bytes=8-");
    assert_eq!(trial.past[0].opening, Some(Opening::Append));
    assert!(trial.outcome().unwrap().verified);
}

#[test]
fn no_bytes_are_no_resume() {
    let (text, _) = left_behind(&digits(), Play::Cut(3));
    let mut trial = resumed(URL, &text, b"");
    trial.serve(&digits(), Play::Well);
    assert_eq!(trial.past[0].request.headers().get("range"), None);
    let report = trial.outcome().unwrap().report;
    assert_eq!((report.resumes, report.restarts), (0, 0));
}

#[test]
fn a_tag_that_was_made_up_is_no_reason_to_fail() {
    for tag in ["W/\\\"v1\\\"", "x\\r\\ny", "", "\\\"v9\\\""] {
        let (text, bytes) = left_behind(&digits(), Play::Cut(3));
        let text = text.replace("\\\"v1\\\"", tag);
        let mut trial = resumed(URL, &text, &bytes);
        trial.serve(&digits(), Play::Well);
        assert_eq!(trial.sink, b"123456789", "{tag}");
        assert!(trial.outcome().is_ok());
    }
}

#[test]
fn a_part_names_its_file_and_no_secret() {
    let (text, _) = left_behind(&digits(), Play::Cut(3));
    assert!(text.contains("https://h.example/a.csv"), "{text}");
    assert!(!text.contains("EXAMPLE0001") && !text.contains('?'), "{text}");
}

#[test]
fn a_part_is_known_from_the_head_on_and_only_by_a_strong_tag() {
    let mut trial = Trial::new(&Policy::default());
    assert_eq!(trial.download.metadata(), None);
    trial.serve(&digits().with_etag("W/\"v1\""), Play::Cut(3));
    assert_eq!(trial.download.metadata(), None);
    trial.serve(&digits(), Play::Cut(3));
    assert_ne!(trial.download.metadata(), None);
}

fn pipe() -> Trial {
    Trial::of(download(&Policy::default()).without_restart())
}

#[track_caller]
fn assert_never_starts_over(trial: &Trial) {
    for exchange in &trial.past {
        assert_ne!(exchange.opening, Some(Opening::StartOver));
    }
}

#[test]
fn on_a_pipe_the_first_answer_is_appended_too() {
    let mut trial = pipe();
    trial.serve(&digits(), Play::Well);
    assert_eq!(trial.past[0].opening, Some(Opening::Append));
    assert_eq!(trial.sink, b"123456789");
}

#[test]
fn on_a_pipe_a_cut_is_resumed() {
    let mut trial = pipe();
    trial.play(&digits(), &[Play::Cut(3), Play::Less(2), Play::Well]);
    assert_never_starts_over(&trial);
    assert_eq!(trial.sink, b"123456789");
    assert!(trial.outcome().unwrap().verified);
}

#[test]
fn on_a_pipe_the_bytes_that_are_there_are_passed_over() {
    for piece in [1, 2, 3, 4, 9] {
        let mut trial = Trial { piece, ..pipe() };
        trial.play(&digits(), &[Play::Cut(3), Play::Whole]);
        assert_never_starts_over(&trial);
        assert_eq!(trial.sink, b"123456789");
        assert!(trial.outcome().unwrap().verified);
    }
}

#[test]
fn on_a_pipe_a_whole_answer_that_is_cut_within_what_is_there_is_incomplete() {
    let mut trial = pipe();
    trial.serve(&digits(), Play::Cut(5));
    let request = trial.start();
    let mut answer = digits().answer(&request, Play::Whole);
    answer.body.truncate(2);
    let kind = trial.take(request, &answer).kind.clone();
    assert!(matches!(kind, EventKind::Retrying { fault: Fault::Incomplete, .. }), "{kind:?}");
    trial.serve(&digits(), Play::Well);
    assert_eq!(trial.past[2].request.headers()["range"], "bytes=5-");
    assert_eq!(trial.sink, b"123456789");
}

#[test]
fn on_a_pipe_more_bytes_than_were_declared_are_not_written() {
    for piece in [1, 9, 10] {
        let mut trial = Trial { piece, ..pipe() };
        trial.play(&digits(), &[Play::Beyond, Play::Well]);
        assert_eq!(trial.sink, b"123456789");
        assert!(trial.outcome().unwrap().verified);
    }
}

/// Its end is a good one, and does not show that it is not the whole file.
#[test]
fn on_a_pipe_a_whole_answer_without_a_length_must_reach_what_is_there() {
    let mut trial = pipe();
    trial.serve(&digits().without_crc(), Play::Cut(5));
    let headers = [("transfer-encoding", "chunked"), ("etag", "\"v1\"")];
    let kind = trial.answer(&Answer::new(200, &headers, "12")).kind.clone();
    assert!(matches!(kind, EventKind::Retrying { fault: Fault::Incomplete, .. }), "{kind:?}");
}

#[test]
fn on_a_pipe_parts_that_do_not_fit_together_are_the_end() {
    let mut trial = pipe();
    let request = trial.start();
    let mut answer = digits().answer(&request, Play::Cut(3));
    answer.body = "xyz".into();
    trial.take(request, &answer);
    trial.serve(&digits(), Play::Well);
    let expected =
        ErrorKind::Mismatch { expected: crc64(b"123456789"), computed: crc64(b"xyz456789") };
    assert_eq!(trial.outcome().unwrap_err().kind, expected);
}

#[test]
fn on_a_pipe_a_new_url_may_be_of_another_file_while_nothing_is_written() {
    let download = download(&Policy::default()).with_new_urls().without_restart();
    let mut trial = Trial::of(download);
    trial.serve(&digits(), Play::Expired);
    trial.download.new_url(trial.mono(), url("https://h.example/b.csv"));
    trial.serve(&digits(), Play::Well);
    assert_eq!(trial.sink, b"123456789");
}

#[test]
fn on_a_pipe_another_file_is_the_end() {
    for (file, play) in [
        (digits().with_etag("\"v2\""), Play::Well),
        (digits().with_etag("\"v2\""), Play::AnyFile),
        (digits().without_etag(), Play::Whole),
        (File::new("1234567890").without_crc(), Play::Whole),
        (File::new("12345678x"), Play::Whole),
        (digits().with_etag("\"v2\""), Play::Whole),
    ] {
        let mut trial = pipe();
        trial.serve(&digits(), Play::Cut(3));
        trial.serve(&file, play);
        assert_never_starts_over(&trial);
        let error = trial.outcome().unwrap_err();
        assert_eq!(error.kind, ErrorKind::Changed, "{file:?} {play:?}");
        assert_eq!(
            error.to_string(),
            "a part is written already, and the file may have changed on the server since \
             (requests: 2, 0.2 s, 3 of 9 bytes)"
        );
        assert_eq!(trial.sink, b"123");
    }
}

#[test]
fn on_a_pipe_a_file_without_a_tag_cannot_go_on() {
    let mut trial = pipe();
    let file = digits().without_etag();
    trial.play(&file, &[Play::Cut(3), Play::Well]);
    assert_eq!(trial.outcome().unwrap_err().kind, ErrorKind::Changed);
    assert_eq!(trial.sink, b"123");
}

#[test]
fn on_a_pipe_a_file_of_which_nothing_is_written_may_change() {
    let mut trial = pipe();
    trial.play(&digits(), &[Play::Cut(0)]);
    let other = File::new("abc").with_etag("\"v2\"");
    trial.serve(&other, Play::Well);
    assert_eq!(trial.sink, b"abc");
    assert!(trial.outcome().unwrap().verified);
}

#[test]
fn on_a_pipe_a_mismatch_is_the_end() {
    for plays in [&[Play::WrongCrc][..], &[Play::Cut(3), Play::WrongCrc]] {
        let mut trial = pipe();
        trial.play(&digits(), plays);
        let kind = trial.outcome().unwrap_err().kind;
        let is_typed = matches!(kind, ErrorKind::Mismatch { .. } | ErrorKind::Changed);
        assert!(is_typed, "{kind:?}");
    }
}

#[test]
fn on_a_pipe_a_new_url_of_another_file_is_the_end() {
    let download = download(&Policy::default()).with_new_urls().without_restart();
    let mut trial = Trial::of(download);
    trial.play(&digits(), &[Play::Cut(3), Play::Expired]);
    let event = trial.download.new_url(trial.mono(), url("https://h.example/b.csv"));
    assert_eq!(event.kind, EventKind::Ended);
    assert_eq!(trial.outcome().unwrap_err().kind, ErrorKind::Changed);
}
