//! What a server has said of a file under its strong tag holds for every later answer under it that
//! says less.

use tcss_export::download::{ErrorKind, Fault, Kept, Policy};

use crate::{
    checks::{assert_retries, assert_whole},
    server::{Answer, File, Play, crc64, digits},
    trial::{Trial, cut, download, trial},
};

/// Other bytes under the tag of the digits, without a checksum.
fn wrong() -> File {
    File::new("12345678x").without_crc()
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
    let mut kept = Kept::new(left.download.note().unwrap());
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
    let mut trial = Trial::new(&Policy::default().requiring_crc64());
    trial.serve(&digits(), Play::Cut(3));
    trial.serve(&digits().without_crc(), Play::Whole);
    assert_whole(&mut trial, &digits());
}

#[test]
fn a_length_that_was_named_before_the_first_byte_is_known() {
    let mut trial = trial();
    trial.serve(&digits().without_crc(), Play::Cut(0));
    let headers = [("transfer-encoding", "chunked"), ("etag", "\"v1\"")];
    trial.answer(&Answer::new(200, &headers, "1234"));
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
