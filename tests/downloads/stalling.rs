//! When a download is slow, when it has stalled, and what is told then (field case D10).

use std::time::Duration;

use tcss_export::{
    SendFault,
    download::{ErrorKind, Fault, Policy},
    driver::DownloadFailure,
};
use tcss_export_testkit::wire::WireAnswer;

use crate::{
    answers::{ETAG, file},
    clients::Setup,
    setup::{Trial, strict},
};

/// So long that no busy machine is taken for a stall.
const STALL_LIMIT: Duration = Duration::from_secs(1);

fn stalling() -> Policy {
    strict().with_stall_limit(STALL_LIMIT)
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
    let DownloadFailure::Download { transport: Some(transport), .. } = failure else {
        panic!("{failure:?}")
    };
    assert_eq!(transport.fault(), SendFault::Timeout);
    assert_eq!(trial.folder.part(), [b'x'; 500]);
    assert_in_time(&trial);
}

pub(crate) fn d10_no_answer_for_the_stall_limit_is_a_time_limit(setup: &Setup) {
    let policy = strict().with_stall_limit(Duration::from_millis(300));
    let trial = setup.trial_by(policy, [WireAnswer::Hang]);
    assert_eq!(*trial.kind(), ErrorKind::Fault(Fault::Send(SendFault::Timeout)));
    trial.folder.assert_empty();
    assert_in_time(&trial);
}

/// Checks that it was the limit of the policy that took effect, and not the one by default.
fn assert_in_time(trial: &Trial) {
    let failure = trial.end.as_ref().unwrap_err();
    assert!(failure.download_error().unwrap().report.elapsed < Policy::STALL_LIMIT);
}
