//! When a download is slow, when it has stalled, and what is told then (field case D10).

use std::{net::TcpListener, time::Duration};

use tcss_export::{
    download::{ErrorKind, Fault, Policy},
    driver::{CONNECT_LIMIT, TransportErrorKind},
    error::DownloadError,
};
use tcss_export_testkit::wire::WireAnswer;

use crate::{
    answers::{ETAG, file},
    clients::{Http, LIBRARIES, Setup},
    folder::Folder,
    setup::{Trial, kind, source, strict},
    with::with,
};

/// So long that no busy machine is taken for a stall.
const STALL_LIMIT: Duration = Duration::from_secs(1);

fn stalling() -> Policy {
    with(strict(), |p| p.stall_limit = STALL_LIMIT)
}

pub(crate) fn d10_slow_is_not_stalled(setup: &Setup) {
    let bytes = [b'x'; 6_000];
    let slow = file(&[], &bytes).slowly(100, Duration::from_millis(20));
    let trial = setup.trial_by(stalling(), [slow]);
    assert!(trial.downloaded().report.elapsed > STALL_LIMIT);
    trial.folder.assert_holds(&bytes);
}

pub(crate) fn d10_no_byte_for_the_stall_limit_is_a_stall(setup: &Setup) {
    let length = ("Content-Length", "1000");
    let head = WireAnswer::response(200, &[length, ("ETag", ETAG)], [b'x'; 500]);
    // The head and its bytes come at once, what is still to come does not.
    let trial = setup.trial_by(stalling(), [head]);
    assert_eq!(*trial.kind(), ErrorKind::Fault(Fault::Stalled));
    let failure = trial.end.as_ref().unwrap_err();
    let DownloadError::Download { transport: Some(transport), .. } = failure else {
        panic!("{failure:?}")
    };
    assert_eq!(transport.kind(), TransportErrorKind::Timeout);
    assert_eq!(trial.folder.part(), [b'x'; 500]);
    assert_in_time(&trial);
}

pub(crate) fn d10_no_answer_for_the_stall_limit_is_a_time_limit(setup: &Setup) {
    let policy = with(strict(), |p| p.stall_limit = Duration::from_millis(300));
    let trial = setup.trial_by(policy, [WireAnswer::Hang]);
    assert_eq!(*trial.kind(), ErrorKind::Fault(Fault::Transport(TransportErrorKind::Timeout)));
    trial.folder.assert_empty();
    assert_in_time(&trial);
}

/// Checks that it was the limit of the policy that took effect, and not the one by default.
fn assert_in_time(trial: &Trial) {
    let failure = trial.end.as_ref().unwrap_err();
    assert!(failure.download_error().unwrap().report.elapsed < Policy::STALL_LIMIT);
}

/// TLS is part of the connection; the system takes it, and nobody answers.
#[test]
fn a_connection_that_is_not_made_keeps_to_the_limits_of_the_download() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = format!("https://127.0.0.1:{}", silent.local_addr().unwrap().port());
    let timed_out = ErrorKind::Fault(Fault::Transport(TransportErrorKind::Timeout));
    for (policy, expected) in [
        (stalling(), timed_out),
        (with(strict(), |p| p.total_limit = Some(STALL_LIMIT)), ErrorKind::TimedOut),
    ] {
        for library in LIBRARIES {
            let client = Setup { http: Http::Given, ..Setup::own(*library) }.client(&host, &[]);
            let source = source(&format!("{host}/a.csv")).with_policy(policy.clone());
            let end = client.download(source, Folder::new().target());
            assert_eq!(*kind(&end), expected);
            let elapsed = end.unwrap_err().download_error().unwrap().report.elapsed;
            assert!(elapsed < CONNECT_LIMIT, "{elapsed:?}");
        }
    }
}
