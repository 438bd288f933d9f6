//! The scripted transport with the blocking and the async client, in virtual time.
#![cfg(feature = "scripted")]

use std::{
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use hyper::{Request, Response};
use tcss_export_core::{
    Credentials, Endpoint, JobId, Session, TransportErrorKind, Wall,
    wait::{self, EventKind, Fault, Finished, Policy},
};
use tcss_export_driver::{Client, Transport, WaitError, blocking};
use tcss_export_testkit::{
    EXAMPLE_SECRET_ID, EXAMPLE_SECRET_KEY, Script, Scripted, Step, scripted::Exchange,
};

fn session() -> Session {
    Session::new(Endpoint::international())
}

fn job() -> JobId {
    JobId::new("4711").unwrap()
}

fn scripted(text: &str) -> Scripted {
    Scripted::new(text.parse::<Script>().unwrap().steps())
}

fn credentials() -> Credentials {
    Credentials::new(EXAMPLE_SECRET_ID, EXAMPLE_SECRET_KEY).unwrap()
}

fn blocking_client(scripted: &Scripted) -> blocking::Client<Scripted> {
    blocking::Client::with_transport(session(), credentials(), scripted.clone())
}

fn wait(scripted: &Scripted) -> Result<Finished, WaitError> {
    blocking_client(scripted).wait(job())
}

/// Runs a future that is ready at its first poll.
fn run<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("virtual time never waits"),
    }
}

fn starts(scripted: &Scripted) -> Vec<Duration> {
    scripted.sent().into_iter().map(|sent| sent.at).collect()
}

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn the_clock_moves_when_the_code_sleeps() {
    let scripted = scripted("RUNNING,SUCCESS");
    assert_eq!(wait(&scripted).unwrap().download_url.as_str(), Step::EXAMPLE_URL);
    assert_eq!(starts(&scripted), [ms(0), ms(2_000)]);
}

#[test]
fn both_clients_follow_the_script() {
    let text = "RUNNING,HTTP:502,CUT,RESET,EMPTY,CUTJSON,ERROR:RequestLimitExceeded,SUCCESS";
    let client = Client::with_transport(session(), credentials(), scripted(text));
    for finished in [wait(&scripted(text)), run(client.wait(job()))] {
        assert_eq!(finished.unwrap().report.polls, 8);
    }
}

#[test]
fn an_exchange_takes_its_time() {
    let exchanges = [
        Exchange::from(Step::Running(None)).taking(ms(700)),
        Exchange::from(Step::Success(None)).taking(ms(50)),
    ];
    let scripted = Scripted::new(exchanges);
    wait(&scripted).unwrap();
    assert_eq!(starts(&scripted), [ms(0), ms(2_700)]);
    assert_eq!(scripted.elapsed(), ms(2_750));
}

#[test]
fn the_clock_stops_at_its_maximum() {
    let exchanges = [ms(1), Duration::MAX]
        .map(|takes| Exchange::fault(TransportErrorKind::Connection).taking(takes));
    let scripted = Scripted::new(exchanges);
    wait(&scripted).unwrap_err();
    run(scripted.sleep(Duration::MAX));
    assert_eq!(scripted.elapsed(), Duration::MAX);
    assert_eq!(scripted.now().wall, Wall::from_unix_millis(i64::MAX));
    // Without a signature it is refused, at any time.
    assert_eq!(run(scripted.send(Request::default())).unwrap().status(), 200);
}

#[test]
fn a_hang_takes_as_long_as_an_exchange_may() {
    let scripted = scripted("HANG,SUCCESS");
    let report = wait(&scripted).unwrap().report;
    assert_eq!((report.polls, report.retries), (2, 1));
    assert!(starts(&scripted)[1] >= Policy::EXCHANGE_LIMIT);
}

#[test]
fn a_raw_answer_is_passed_on_unchanged() {
    let body = r#"{"Response":{"ExportStatus":"SUCCESS","DownloadURL":"https://h.example/"}}"#;
    let scripted = Scripted::new([Exchange::response(Response::new(body))]);
    assert_eq!(wait(&scripted).unwrap().download_url.as_str(), "https://h.example/");
}

#[test]
fn a_raw_fault_has_its_reason() {
    let scripted = Scripted::new([Exchange::fault(TransportErrorKind::TooLarge)]);
    let failure = wait(&scripted).unwrap_err();
    assert_eq!(
        failure.kind,
        wait::ErrorKind::Fault(Fault::Transport(TransportErrorKind::TooLarge))
    );
    let source = std::error::Error::source(failure.transport().unwrap()).unwrap();
    assert_eq!(source.to_string(), "requested by the script");
}

#[test]
fn the_last_exchange_repeats_to_the_deadline() {
    let scripted = scripted("RUNNING:10");
    let failure = wait(&scripted).unwrap_err();
    assert_eq!(failure.kind, wait::ErrorKind::TimedOut);
    assert_eq!(scripted.elapsed(), Policy::MAX_WAIT);
}

#[test]
fn an_empty_script_is_a_permanent_fault() {
    let failure = wait(&Scripted::new([] as [Step; 0])).unwrap_err();
    assert_eq!(
        failure.kind,
        wait::ErrorKind::Fault(Fault::Transport(TransportErrorKind::Permanent))
    );
}

#[test]
fn a_wrong_clock_is_refused_and_corrected() {
    let scripted = scripted("SKEW:600,RUNNING,SUCCESS");
    let report = wait(&scripted).unwrap().report;
    assert_eq!((report.polls, report.retries), (3, 1));
    assert_eq!(report.clock_offset.as_millis(), 600_000);
}

#[test]
fn an_extreme_skew_makes_signatures_expire() {
    for skew in [i64::MIN, i64::MAX] {
        let failure = wait(&scripted(&format!("SKEW:{skew},SUCCESS"))).unwrap_err();
        let code = failure.code().map(ToString::to_string);
        assert_eq!(code.as_deref(), Some("AuthFailure.SignatureExpire"));
    }
}

#[test]
fn each_job_has_its_own_exchanges_and_its_own_position() {
    let scripted = scripted("RUNNING,SUCCESS").with_job("4712", [Step::Failure(None)]);
    let jobs = ["4711", "4712", "4713"].map(|id| JobId::new(id).unwrap());
    let all = blocking_client(&scripted).wait_all(jobs);
    let ends: Vec<_> = all.map(|(job, outcome)| (job.to_string(), outcome.is_ok())).collect();
    let expected = [("4712", false), ("4711", true), ("4713", true)];
    assert_eq!(ends, expected.map(|(job, is_ok)| (job.to_owned(), is_ok)));
    assert_eq!(scripted.sent().len(), 5);
}

#[test]
fn code_that_follows_events_sees_each() {
    let scripted = scripted("RUNNING:10,ERROR:InternalError,RUNNING:20,SUCCESS");
    let events = blocking_client(&scripted).follow(job());
    let progress: Vec<_> = events
        .filter_map(|event| match event.kind {
            EventKind::Waiting { progress, .. } => progress,
            _ => None,
        })
        .collect();
    assert_eq!(progress, [10.0, 20.0]);
}

#[test]
fn debug_output_has_no_secret() {
    let scripted = scripted("SUCCESS");
    wait(&scripted).unwrap();
    let text = format!("{scripted:?} {:?}", scripted.sent());
    assert!(!text.contains("Signature="), "{text}");
}
