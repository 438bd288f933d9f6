//! What a server has said of a file under its strong tag holds for every later answer under it that
//! says less.

use std::time::Duration;

use tcss_export::{
    core::download::Part,
    download::{ErrorKind, Fault, Policy},
};

use crate::{
    checks::{assert_retries, assert_whole},
    server::{Answer, File, Play, crc64, digits},
    trial::{Due, Trial, cut, download, trial, url},
    with::with,
};

/// Other bytes under the tag of the digits, without a checksum.
fn wrong() -> File {
    File::new("12345678x").without_crc()
}

/// All of these bytes under the tag of the digits, with an end that shows and no length.
fn chunked(bytes: &'static str) -> Answer {
    let headers = [("transfer-encoding", "chunked"), ("etag", "\"v1\"")];
    Answer::new(200, &headers, bytes)
}

#[track_caller]
fn assert_mismatch(trial: &mut Trial) {
    let computed = crc64(b"12345678x");
    let expected = ErrorKind::Mismatch { expected: crc64(b"123456789"), computed };
    assert_eq!(trial.outcome().unwrap_err().kind, expected);
}

#[test]
fn a_checksum_that_was_named_once_is_held_against_bytes_that_come_again() {
    let mut trial = cut();
    trial.serve(&wrong(), Play::Well);
    assert_retries(&trial, &Fault::Mismatch);
    trial.serve(&wrong(), Play::Well);
    assert_mismatch(&mut trial);
}

#[test]
fn a_checksum_that_was_noted_is_held_against_a_whole_answer() {
    let left = cut();
    let mut kept = Part::new(left.download.metadata().unwrap());
    kept.read(b"123");
    let mut download = download(&Policy::default());
    download.resume(kept);
    let mut trial = Trial { sink: b"123".to_vec(), ..Trial::of(download) };
    trial.serve(&wrong(), Play::Whole);
    assert_mismatch(&mut trial);
}

#[test]
fn a_checksum_that_was_named_once_is_held_against_what_is_passed_over() {
    let mut trial = Trial::of(download(&Policy::default()).without_restart());
    trial.serve(&digits(), Play::Cut(3));
    trial.serve(&wrong(), Play::Whole);
    assert_mismatch(&mut trial);
}

#[test]
fn right_bytes_are_verified_by_a_checksum_that_was_named_once() {
    let mut trial = cut();
    trial.serve(&digits().without_crc(), Play::Whole);
    assert_whole(&mut trial, &digits());
}

#[test]
fn a_checksum_that_is_required_may_have_been_named_before() {
    let mut trial = Trial::new(&with(Policy::default(), |p| p.require_crc64 = true));
    trial.serve(&digits(), Play::Cut(3));
    trial.serve(&digits().without_crc(), Play::Whole);
    assert_whole(&mut trial, &digits());
}

#[test]
fn a_length_that_was_named_before_the_first_byte_is_known() {
    let mut trial = trial();
    trial.serve(&digits().without_crc(), Play::Cut(0));
    trial.answer(&chunked("1234"));
    assert_retries(&trial, &Fault::Incomplete);
    trial.serve(&digits().without_crc(), Play::Well);
    assert_whole(&mut trial, &digits().without_crc());
}

#[test]
fn another_tag_and_none_know_nothing() {
    for other in
        [wrong().with_etag("\"v2\""), wrong().with_etag("W/\"v1\""), wrong().without_etag()]
    {
        let mut trial = cut();
        trial.serve(&other, Play::Whole);
        assert_whole(&mut trial, &other);
    }
}

#[test]
fn a_checksum_of_now_counts_more_than_one_of_before() {
    let mut trial = trial();
    trial.serve(&digits(), Play::Cut(0));
    let wrong = File { names_crc: true, ..wrong() };
    trial.serve(&wrong, Play::Well);
    assert_whole(&mut trial, &wrong);
}

/// Two files may have the same tag.
#[test]
fn what_is_known_of_one_file_says_nothing_of_another() {
    let other = File::new("abc").without_crc();
    let mut trial = Trial::of(download(&Policy::default()).with_new_urls());
    trial.play(&digits(), &[Play::Cut(3), Play::Denied]);
    assert_eq!(trial.rest(), Due::NewUrl);
    trial.download.new_url(trial.mono(), url("https://h.example/b.csv?q-signature=EXAMPLE0002"));
    trial.serve(&other, Play::Well);
    assert_whole(&mut trial, &other);
}

#[test]
fn no_range_goes_beyond_a_known_length() {
    let mut trial = trial();
    trial.serve(&digits().without_crc(), Play::Cut(0));
    let headers = [("content-range", "bytes 0-11/*"), ("etag", "\"v1\"")];
    trial.answer(&Answer::new(206, &headers, "123456789abc"));
    assert_retries(&trial, &Fault::WrongRange);
    trial.serve(&digits().without_crc(), Play::Well);
    assert_whole(&mut trial, &digits().without_crc());
}

#[test]
fn no_more_bytes_are_taken_than_the_known_length() {
    let mut trial = trial();
    trial.serve(&digits(), Play::Cut(0));
    trial.answer(&chunked("123456789abc"));
    assert_retries(&trial, &Fault::WrongRange);
}

#[test]
fn a_part_whose_length_is_another_under_the_same_tag_is_spoilt_whatever_ended_the_download() {
    for policy in [
        with(Policy::default(), |p| p.max_failures = 1),
        with(Policy::default(), |p| p.total_limit = Some(Duration::from_millis(250))),
    ] {
        let mut trial = Trial::new(&policy);
        trial.serve(&digits().without_crc(), Play::Cut(3));
        while trial.rest() == Due::Request {
            trial.serve(&File::new("123456").without_crc(), Play::Whole);
        }
        assert!(trial.outcome().unwrap_err().spoils_part(), "{policy:?}");
    }
}
