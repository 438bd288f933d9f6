//! New URLs: when the download requests one, which it accepts, and how it continues.

use std::time::Duration;

use tcss_export::{
    core::{ClockOffset, Now, Wall, download::Opening},
    download::{ErrorKind, EventKind, Policy},
    error::{Field, Reason},
};

use crate::{
    requests::SIGNED,
    run::{Due, Run, TIME, URL, download, download_from, run_from, url},
    server::{Answer, File, Reply, digits, xml},
    with::with,
};

/// Another URL of the same file.
const RENEWED: &str = "https://h.example/a.csv?q-signature=EXAMPLE0002";

const OF_ANOTHER_FILE: &str = "https://h.example/b.csv?q-signature=EXAMPLE0002";

/// Starts a run that may request new URLs.
fn run() -> Run {
    Run::of(download(&Policy::default()).with_new_urls())
}

/// Returns a URL that expires this many seconds after the start of the run.
fn until(seconds: i64) -> String {
    format!("https://h.example/a.csv?q-sign-time={TIME}%3B{}", TIME + seconds)
}

fn renew(run: &mut Run, text: &str) -> EventKind {
    assert_eq!(run.wait_until_due(), Due::NewUrl);
    run.download.new_url(run.mono(), url(text)).kind
}

#[test]
fn any_refusal_of_the_url_requests_a_new_one() {
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
        let mut run = run();
        run.answer(&answer);
        assert_eq!(renew(&mut run, RENEWED), EventKind::NewUrl);
        run.serve(&digits(), Reply::Correct);
        let downloaded = run.outcome().unwrap();
        assert_eq!((downloaded.report.new_urls, downloaded.report.requests), (1, 2));
        assert_eq!(run.exchanges[1].request.uri().to_string(), RENEWED);
    }
}

#[test]
fn an_archived_file_does_not_request_a_new_url() {
    let mut run = run();
    run.answer(&xml(403, "InvalidObjectState", "m"));
    assert!(matches!(run.kind(), ErrorKind::Refused(_)));
}

#[test]
fn without_new_urls_a_refusal_ends_the_download() {
    let mut run = Run::new(&Policy::default());
    run.serve(&digits(), Reply::Denied);
    let ErrorKind::Refused(refusal) = run.kind() else { panic!() };
    assert_eq!(
        refusal.to_string(),
        "the file server answered AccessDenied: Access Denied. (HTTP status 403, request id x-1)"
    );
}

#[test]
fn the_bytes_are_kept_across_a_new_url() {
    let mut run = run();
    run.serve_all(&digits(), &[Reply::Cut(3), Reply::Expired]);
    assert_eq!(renew(&mut run, RENEWED), EventKind::NewUrl);
    run.serve(&digits(), Reply::Correct);
    assert_eq!(run.exchanges[2].request.headers()["range"], "bytes=3-");
    assert_eq!(run.exchanges[2].request.uri().to_string(), RENEWED);
    assert_eq!(run.exchanges[2].opening, Some(Opening::Append));
    assert_eq!(run.sink, b"123456789");
    assert!(run.outcome().is_ok());
}

#[test]
fn a_new_url_of_another_file_starts_over() {
    for other in [
        OF_ANOTHER_FILE,
        "https://other.example/a.csv?q-signature=EXAMPLE0002",
        "https://h.example:8443/a.csv",
    ] {
        let mut run = run();
        run.serve_all(&digits(), &[Reply::Cut(3), Reply::Expired]);
        assert_eq!(renew(&mut run, other), EventKind::NewUrl);
        assert_eq!((run.download.bytes(), run.download.metadata()), (0, None));
        run.serve(&File::new("abc"), Reply::Correct);
        assert_eq!(run.exchanges[2].request.headers().get("range"), None);
        assert_eq!(run.exchanges[2].opening, Some(Opening::StartOver));
        assert_eq!(run.sink, b"abc");
        assert_eq!(run.outcome().unwrap().report.restarts, 1);
    }
}

#[test]
fn the_same_url_is_not_tried_again() {
    let mut run = run();
    run.serve(&digits(), Reply::Expired);
    assert_eq!(renew(&mut run, URL), EventKind::Ended);
    assert!(matches!(run.kind(), ErrorKind::Expired { refusal: Some(_) }));
    assert_eq!(run.exchanges.len(), 1);
}

#[test]
fn without_a_new_url_the_error_is_the_refusal_of_the_last_one() {
    let mut run = run();
    run.serve(&digits(), Reply::Denied);
    assert_eq!(run.download.no_new_url(run.mono()).kind, EventKind::Ended);
    assert!(matches!(run.kind(), ErrorKind::Refused(_)));
}

#[test]
fn an_unusable_new_url_is_a_typed_error() {
    let mut run = run();
    run.serve(&digits(), Reply::Expired);
    renew(&mut run, "http://h.example/a.csv?q-signature=EXAMPLE0002");
    let error = run.outcome().unwrap_err();
    let ErrorKind::Url(refused) = &error.kind else { panic!("{error:?}") };
    assert_eq!((refused.field(), refused.reason()), (Field::DownloadUrl, Reason::PlainHttp));
    assert_eq!(error.report.requests, 1);
}

#[test]
fn only_one_new_url_in_a_row_is_requested() {
    let mut run = run();
    run.serve(&digits(), Reply::Expired);
    renew(&mut run, RENEWED);
    // A failure in between does not count as progress.
    run.serve_all(&digits(), &[Reply::Status(500), Reply::Expired]);
    assert!(matches!(run.kind(), ErrorKind::Expired { refusal: Some(_) }));
}

#[test]
fn progress_resets_the_count_of_new_urls() {
    let mut run = run();
    for serial in 1..=20 {
        run.serve_all(&digits(), &[Reply::Expired]);
        renew(&mut run, &format!("https://h.example/a.csv?q-signature=EXAMPLE1{serial:03}"));
        let reply = if serial < 9 { Reply::Cut(1) } else { Reply::Correct };
        run.serve(&digits(), reply);
        if serial == 9 {
            break;
        }
    }
    assert_eq!(run.outcome().unwrap().report.new_urls, 9);
    assert_eq!(run.sink, b"123456789");
}

#[test]
fn the_policy_sets_how_many_new_urls_are_requested() {
    let mut run =
        Run::of(download(&with(Policy::default(), |p| p.max_new_urls = 3)).with_new_urls());
    for serial in 0..3 {
        run.serve(&digits(), Reply::Expired);
        renew(&mut run, &format!("https://h.example/a.csv?q-signature=EXAMPLE1{serial:03}"));
    }
    run.serve(&digits(), Reply::Expired);
    assert!(matches!(run.kind(), ErrorKind::Expired { refusal: Some(_) }));
    assert_eq!(run.outcome().unwrap_err().report.new_urls, 3);
}

#[test]
fn a_url_that_has_expired_is_replaced_before_the_first_request() {
    let mut run = Run::of(download_from(&until(-1)).with_new_urls());
    assert_eq!(run.wait_until_due(), Due::Request);
    let started = run.download.start(run.now(), ClockOffset::default());
    assert_eq!(started.unwrap_err().kind, EventKind::NeedsUrl { refusal: None });
    assert_eq!(renew(&mut run, &until(3_600)), EventKind::NewUrl);
    run.serve(&digits(), Reply::Correct);
    assert_eq!(run.outcome().unwrap().report.requests, 1);
}

/// The local clock may be wrong, and the service has just issued it.
#[test]
fn a_new_url_is_tried_even_if_it_seems_expired() {
    let mut run = run();
    run.serve(&digits(), Reply::Expired);
    renew(&mut run, &until(-3_600));
    run.serve(&digits(), Reply::Correct);
    assert_eq!(run.outcome().unwrap().bytes, 9);
}

#[test]
fn a_new_url_that_seems_expired_is_tried_once() {
    let mut run = run();
    run.serve(&digits(), Reply::Expired);
    renew(&mut run, &until(-3_600));
    run.serve(&digits(), Reply::Cut(0));
    assert_eq!(run.wait_until_due(), Due::Request);
    let started = run.download.start(run.now(), ClockOffset::default());
    assert_eq!(started.unwrap_err().kind, EventKind::Ended);
    assert_eq!(run.kind(), ErrorKind::Expired { refusal: None });
}

#[test]
fn a_url_that_expires_during_a_download_is_replaced_before_the_next_request() {
    let mut run = Run::of(download_from(&until(10)).with_new_urls());
    run.serve(&digits(), Reply::Stall(3));
    assert!(run.now > Duration::from_secs(10));
    assert_eq!(run.wait_until_due(), Due::Request);
    assert!(run.download.start(run.now(), ClockOffset::default()).is_err());
    renew(&mut run, &until(3_600));
    run.serve(&digits(), Reply::Correct);
    assert_eq!(run.exchanges[1].request.headers()["range"], "bytes=3-");
    assert_eq!(run.sink, b"123456789");
}

#[test]
fn an_unrequested_new_url_is_ignored() {
    let mut run = run();
    let event = run.download.new_url(run.mono(), url(RENEWED));
    assert_eq!(event.kind, EventKind::Ignored);
    assert_eq!(run.download.no_new_url(run.mono()).kind, EventKind::Ignored);
    assert_eq!(run.start().uri().to_string(), URL);
}

#[test]
fn an_expired_url_is_replaced_once_and_the_second_one_is_a_typed_error() {
    let mut run = run();
    let kind = &run.serve(&digits(), Reply::Expired).kind;
    assert!(matches!(kind, EventKind::NeedsUrl { refusal: Some(_) }), "{kind:?}");
    assert_eq!(run.wait_until_due(), Due::NewUrl);
    let event = run.download.new_url(run.mono(), url("https://h.example/a.csv?q=EXAMPLE2"));
    assert_eq!(event.kind, EventKind::NewUrl);
    run.serve(&digits(), Reply::Expired);
    assert!(matches!(run.outcome().unwrap_err().kind, ErrorKind::Expired { refusal: Some(_) }));
    assert_eq!(run.exchanges.len(), 2);
}

#[test]
fn without_new_urls_an_expired_url_is_not_sent() {
    for (seconds, offset, is_sent) in
        [(0, 3_600_000, true), (0, 3_600_001, false), (3_601, 0, false), (3_700, -100_000, true)]
    {
        let mut run = run_from(SIGNED);
        let now = Now { wall: Wall::from_unix_seconds(TIME + seconds), mono: run.mono() };
        let started = run.download.start(now, ClockOffset::from_millis(offset));
        assert_eq!(started.is_ok(), is_sent, "{seconds} s, offset {offset} ms");
        if !is_sent {
            assert_eq!(started.unwrap_err().kind, EventKind::Ended);
            let error = run.outcome().unwrap_err();
            assert_eq!(error.kind, ErrorKind::Expired { refusal: None });
            assert_eq!(error.to_string(), "the URL has expired (requests: 0, 0.0 s)");
        }
    }
}
