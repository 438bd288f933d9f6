//! Limits of time: slow and stalled downloads, endless chunk framing, and connections.

use std::{net::TcpListener, time::Duration};

use tcss_export::{
    download::{ErrorKind, Fault, Policy},
    driver::{CONNECT_LIMIT, TransportErrorKind},
    error::DownloadError,
};
use tcss_export_testkit::wire::WireAnswer;

use crate::{
    clients::{HttpClient, LIBRARIES, Setup},
    folder::Folder,
    setup::{ETAG, FILE, Run, file, kind, no_retries, source},
    with::with,
};

/// Long enough that a busy machine does not seem to stall.
const STALL_LIMIT: Duration = Duration::from_secs(1);

fn stalling() -> Policy {
    with(no_retries(), |p| p.stall_limit = STALL_LIMIT)
}

pub(crate) fn a_slow_download_is_not_a_stall(setup: &Setup) {
    let bytes = [b'x'; 6_000];
    let slow = file(&[], &bytes).slowly(100, Duration::from_millis(20));
    let run = setup.run_with(stalling(), [slow]);
    assert!(run.downloaded().report.elapsed > STALL_LIMIT);
    run.folder.assert_holds(&bytes);
}

pub(crate) fn limits_may_be_the_longest_durations(setup: &Setup) {
    let policy = with(no_retries(), |p| {
        p.stall_limit = Duration::MAX;
        p.total_limit = Some(Duration::MAX);
    });
    setup.run_with(policy, [file(&[], FILE)]).folder.assert_holds(FILE);
}

pub(crate) fn downloads_with_a_time_limit_share_a_connection(setup: &Setup) {
    let server = setup.server([file(&[], FILE)]);
    let client = setup.client_for(&server);
    let policy = with(no_retries(), |p| p.total_limit = Some(Duration::from_secs(600)));
    for _ in 0..3 {
        let folder = Folder::new();
        let source = source(&format!("{}/report.csv", server.url())).with_policy(policy.clone());
        client.download(source, folder.target()).unwrap();
        folder.assert_holds(FILE);
    }
    assert_eq!(server.connections(), 1);
}

pub(crate) fn no_byte_within_the_stall_limit_is_a_stall(setup: &Setup) {
    let length = ("Content-Length", "1000");
    let head = WireAnswer::response(200, &[length, ("ETag", ETAG)], [b'x'; 500]);
    // The head and half of the bytes arrive at once, the rest never.
    let run = setup.run_with(stalling(), [head]);
    assert_eq!(*run.kind(), ErrorKind::Fault(Fault::Stalled));
    let failure = run.result.as_ref().unwrap_err();
    let DownloadError::Download { transport: Some(transport), .. } = failure else {
        panic!("{failure:?}")
    };
    assert_eq!(transport.kind(), TransportErrorKind::Timeout);
    assert_eq!(run.folder.part(), [b'x'; 500]);
    assert_in_time(&run);
}

pub(crate) fn no_answer_within_the_stall_limit_is_a_timeout(setup: &Setup) {
    let policy = with(no_retries(), |p| p.stall_limit = Duration::from_millis(300));
    let run = setup.run_with(policy, [WireAnswer::Hang]);
    assert_eq!(*run.kind(), ErrorKind::Fault(Fault::Transport(TransportErrorKind::Timeout)));
    run.folder.assert_empty();
    assert_in_time(&run);
}

/// Checks that the limit of the policy ended the download, not the default.
fn assert_in_time(run: &Run) {
    let failure = run.result.as_ref().unwrap_err();
    assert!(failure.download_error().unwrap().report.elapsed < Policy::STALL_LIMIT);
}

/// The system accepts the connection, but no one answers the TLS handshake, which is part of it.
#[test]
fn connecting_counts_towards_the_limits_of_the_download() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = format!("https://127.0.0.1:{}", silent.local_addr().unwrap().port());
    let timed_out = ErrorKind::Fault(Fault::Transport(TransportErrorKind::Timeout));
    for (policy, expected) in [
        (stalling(), timed_out),
        (with(no_retries(), |p| p.total_limit = Some(STALL_LIMIT)), ErrorKind::TimedOut),
    ] {
        for library in LIBRARIES {
            let client =
                Setup { http: HttpClient::Custom, ..Setup::new(*library) }.client(&host, &[]);
            let source = source(&format!("{host}/a.csv")).with_policy(policy.clone());
            let result = client.download(source, Folder::new().target());
            assert_eq!(*kind(&result), expected);
            let elapsed = result.unwrap_err().download_error().unwrap().report.elapsed;
            assert!(elapsed < CONNECT_LIMIT, "{elapsed:?}");
        }
    }
}

const TOTAL_LIMIT: Duration = Duration::from_millis(600);
/// The length of each piece; the first one holds the head and the first chunk.
const PIECE: usize = 100;
const PAUSE: Duration = Duration::from_millis(250);
/// Enough to keep the server busy for half a minute.
const PIECES: usize = 120;

/// Answers with a chunk of five bytes, then a chunk header or a trailer that never ends.
fn endless_answer(beginning: &str) -> WireAnswer {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n";
    let rest = "x".repeat(PIECE * PIECES);
    WireAnswer::raw([head, beginning, &rest].concat()).slowly(PIECE, PAUSE)
}

fn endless_framings() -> [WireAnswer; 2] {
    let (extension, trailer) = ("5;", "0\r\nX-Trailer: ");
    [endless_answer(extension), endless_answer(trailer)]
}

#[track_caller]
fn assert_ended_early(run: &Run, kind: &ErrorKind) {
    assert_eq!(run.kind(), kind);
    let report = &run.result.as_ref().unwrap_err().download_error().unwrap().report;
    assert!(report.elapsed < Duration::from_secs(20), "{:?}", report.elapsed);
    assert_eq!(report.requests, 1);
}

pub(crate) fn endless_chunk_framing_does_not_delay_the_total_limit(setup: &Setup) {
    let policy = with(Policy::default(), |p| p.total_limit = Some(TOTAL_LIMIT));
    for framing in endless_framings() {
        assert_ended_early(&setup.run_with(policy.clone(), [framing]), &ErrorKind::TimedOut);
    }
}

/// With an agent of the user, ureq applies the limit to each piece.
#[test]
fn endless_chunk_framing_is_a_stall() {
    for library in LIBRARIES {
        let policy = with(no_retries(), |p| p.stall_limit = STALL_LIMIT);
        for framing in endless_framings() {
            let run = Setup::new(*library).run_with(policy.clone(), [framing]);
            assert_ended_early(&run, &ErrorKind::Fault(Fault::Stalled));
        }
    }
}
