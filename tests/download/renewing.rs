//! New URLs: when one is asked for, what is taken, and how it goes on with it.

use std::time::Duration;

use tcss_export::{
    core::{
        ClockOffset, Mono,
        download::{Download, Opening},
    },
    download::{ErrorKind, EventKind, Policy},
    error::{Field, Reason},
};

use crate::{
    server::{Answer, File, Play, digits, xml},
    trial::{Due, TIME, Trial, URL, download, url},
    with::with,
};

/// Another URL of the same file.
const RENEWED: &str = "https://h.example/a.csv?q-signature=EXAMPLE0002";
const OF_ANOTHER_FILE: &str = "https://h.example/b.csv?q-signature=EXAMPLE0002";

fn trial() -> Trial {
    Trial::of(download(&Policy::default()).with_new_urls())
}

/// Returns a URL whose window ends so many seconds after the trial's beginning.
fn until(seconds: i64) -> String {
    format!("https://h.example/a.csv?q-sign-time={TIME}%3B{}", TIME + seconds)
}

fn renew(trial: &mut Trial, text: &str) -> EventKind {
    assert_eq!(trial.rest(), Due::NewUrl);
    trial.download.new_url(trial.mono(), url(text)).kind
}

#[test]
fn any_refusal_of_the_url_asks_for_a_new_one() {
    for answer in [
        xml(403, "AccessDenied", "Request has expired"),
        xml(403, "AccessDenied", "Access Denied."),
        xml(403, "ExpiredToken", "m"),
        xml(403, "RequestTimeTooSkewed", "m"),
        xml(403, "SignatureDoesNotMatch", "m"),
        xml(403, "InvalidAccessKeyId", "m"),
        Answer::new(403, &[], "<html> a page </html>"),
        Answer::new(401, &[], ""),
    ] {
        let mut trial = trial();
        trial.answer(&answer);
        assert_eq!(renew(&mut trial, RENEWED), EventKind::NewUrl);
        trial.serve(&digits(), Play::Well);
        let downloaded = trial.outcome().unwrap();
        assert_eq!((downloaded.report.new_urls, downloaded.report.requests), (1, 2));
        assert_eq!(trial.past[1].request.uri().to_string(), RENEWED);
    }
}

#[test]
fn an_archived_file_is_no_matter_of_the_url() {
    let mut trial = trial();
    trial.answer(&xml(403, "InvalidObjectState", "m"));
    assert!(matches!(trial.kind(), ErrorKind::Refused(_)));
}

#[test]
fn without_a_way_to_a_new_url_the_refusal_is_the_end() {
    let mut trial = Trial::new(&Policy::default());
    trial.serve(&digits(), Play::Denied);
    let ErrorKind::Refused(refusal) = trial.kind() else { panic!() };
    assert_eq!(
        refusal.to_string(),
        "the file server answered AccessDenied: Access Denied. (HTTP status 403, request id x-1)"
    );
}

#[test]
fn what_is_there_is_kept_over_a_new_url() {
    let mut trial = trial();
    trial.play(&digits(), &[Play::Cut(3), Play::Expired]);
    assert_eq!(renew(&mut trial, RENEWED), EventKind::NewUrl);
    trial.serve(&digits(), Play::Well);
    assert_eq!(trial.past[2].request.headers()["range"], "bytes=3-");
    assert_eq!(trial.past[2].request.uri().to_string(), RENEWED);
    assert_eq!(trial.past[2].opening, Some(Opening::Append));
    assert_eq!(trial.sink, b"123456789");
    assert!(trial.outcome().is_ok());
}

#[test]
fn a_new_url_of_another_file_starts_over() {
    for other in [
        OF_ANOTHER_FILE,
        "https://other.example/a.csv?q-signature=EXAMPLE0002",
        "https://h.example:8443/a.csv",
    ] {
        let mut trial = trial();
        trial.play(&digits(), &[Play::Cut(3), Play::Expired]);
        assert_eq!(renew(&mut trial, other), EventKind::NewUrl);
        assert_eq!((trial.download.bytes(), trial.download.metadata()), (0, None));
        trial.serve(&File::new("abc"), Play::Well);
        assert_eq!(trial.past[2].request.headers().get("range"), None);
        assert_eq!(trial.past[2].opening, Some(Opening::StartOver));
        assert_eq!(trial.sink, b"abc");
        assert_eq!(trial.outcome().unwrap().report.restarts, 1);
    }
}

#[test]
fn the_same_url_is_not_tried_again() {
    let mut trial = trial();
    trial.serve(&digits(), Play::Expired);
    assert_eq!(renew(&mut trial, URL), EventKind::Ended);
    assert!(matches!(trial.kind(), ErrorKind::Expired { refusal: Some(_) }));
    assert_eq!(trial.past.len(), 1);
}

#[test]
fn no_new_url_is_an_end_by_what_the_last_one_met() {
    let mut trial = trial();
    trial.serve(&digits(), Play::Denied);
    assert_eq!(trial.download.no_new_url(trial.mono()).kind, EventKind::Ended);
    assert!(matches!(trial.kind(), ErrorKind::Refused(_)));
}

#[test]
fn a_new_url_that_cannot_be_used_is_named() {
    let mut trial = trial();
    trial.serve(&digits(), Play::Expired);
    renew(&mut trial, "http://h.example/a.csv?q-signature=EXAMPLE0002");
    let error = trial.outcome().unwrap_err();
    let ErrorKind::Url(refused) = &error.kind else { panic!("{error:?}") };
    assert_eq!((refused.field(), refused.reason()), (Field::DownloadUrl, Reason::PlainHttp));
    assert_eq!(error.report.requests, 1);
}

#[test]
fn one_new_url_in_a_row_is_asked_for() {
    let mut trial = trial();
    trial.serve(&digits(), Play::Expired);
    renew(&mut trial, RENEWED);
    // A failure in between is no progress.
    trial.play(&digits(), &[Play::Status(500), Play::Expired]);
    assert!(matches!(trial.kind(), ErrorKind::Expired { refusal: Some(_) }));
}

#[test]
fn progress_ends_a_row_of_new_urls() {
    let mut trial = trial();
    for serial in 1..=20 {
        trial.play(&digits(), &[Play::Expired]);
        renew(&mut trial, &format!("https://h.example/a.csv?q-signature=EXAMPLE1{serial:03}"));
        let play = if serial < 9 { Play::Cut(1) } else { Play::Well };
        trial.serve(&digits(), play);
        if serial == 9 {
            break;
        }
    }
    assert_eq!(trial.outcome().unwrap().report.new_urls, 9);
    assert_eq!(trial.sink, b"123456789");
}

#[test]
fn as_many_new_urls_as_the_policy_says() {
    let mut trial =
        Trial::of(download(&with(Policy::default(), |p| p.max_new_urls = 3)).with_new_urls());
    for serial in 0..3 {
        trial.serve(&digits(), Play::Expired);
        renew(&mut trial, &format!("https://h.example/a.csv?q-signature=EXAMPLE1{serial:03}"));
    }
    trial.serve(&digits(), Play::Expired);
    assert!(matches!(trial.kind(), ErrorKind::Expired { refusal: Some(_) }));
    assert_eq!(trial.outcome().unwrap_err().report.new_urls, 3);
}

#[test]
fn d2_a_url_whose_own_time_is_over_asks_first() {
    let first = Download::new(url(&until(-1)), &Policy::default(), 7, Mono::default()).unwrap();
    let mut trial = Trial::of(first.with_new_urls());
    assert_eq!(trial.rest(), Due::Request);
    let started = trial.download.start(trial.now(), ClockOffset::default());
    assert_eq!(started.unwrap_err().kind, EventKind::NeedsUrl { refusal: None });
    assert_eq!(renew(&mut trial, &until(3_600)), EventKind::NewUrl);
    trial.serve(&digits(), Play::Well);
    assert_eq!(trial.outcome().unwrap().report.requests, 1);
}

/// The local clock may be wrong, and the service has just handed it out.
#[test]
fn a_new_url_is_tried_though_its_own_time_is_over() {
    let mut trial = trial();
    trial.serve(&digits(), Play::Expired);
    renew(&mut trial, &until(-3_600));
    trial.serve(&digits(), Play::Well);
    assert_eq!(trial.outcome().unwrap().bytes, 9);
}

#[test]
fn a_new_url_whose_own_time_is_over_is_tried_once() {
    let mut trial = trial();
    trial.serve(&digits(), Play::Expired);
    renew(&mut trial, &until(-3_600));
    trial.serve(&digits(), Play::Cut(0));
    assert_eq!(trial.rest(), Due::Request);
    let started = trial.download.start(trial.now(), ClockOffset::default());
    assert_eq!(started.unwrap_err().kind, EventKind::Ended);
    assert_eq!(trial.kind(), ErrorKind::Expired { refusal: None });
}

#[test]
fn a_url_that_ends_during_a_download_is_renewed_before_the_next_request() {
    let first = Download::new(url(&until(10)), &Policy::default(), 7, Mono::default()).unwrap();
    let mut trial = Trial::of(first.with_new_urls());
    trial.serve(&digits(), Play::Stall(3));
    assert!(trial.now > Duration::from_secs(10));
    assert_eq!(trial.rest(), Due::Request);
    assert!(trial.download.start(trial.now(), ClockOffset::default()).is_err());
    renew(&mut trial, &until(3_600));
    trial.serve(&digits(), Play::Well);
    assert_eq!(trial.past[1].request.headers()["range"], "bytes=3-");
    assert_eq!(trial.sink, b"123456789");
}

#[test]
fn a_url_that_nobody_asked_for_is_left_aside() {
    let mut trial = trial();
    let event = trial.download.new_url(trial.mono(), url(RENEWED));
    assert_eq!(event.kind, EventKind::Ignored);
    assert_eq!(trial.download.no_new_url(trial.mono()).kind, EventKind::Ignored);
    assert_eq!(trial.start().uri().to_string(), URL);
}
