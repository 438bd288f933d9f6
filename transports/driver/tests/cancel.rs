//! Cancelling waits and downloads of a blocking client, by the clock of the machine.

use std::{
    fs,
    io::{self, Cursor, Read},
    iter,
    sync::{
        Arc,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::Duration,
};

use bytes::Bytes;
use http::{
    Request, Response,
    header::{CONTENT_LENGTH, CONTENT_RANGE, ETAG, RANGE},
};
use tcss_export_core::{
    Credentials, DownloadUrl, Endpoint, JobId, RateBudget, Session, TransportErrorKind,
    actions::DescribeExportJobResult,
    download::{self, Backoff},
    wait::{self, EventKind, Policy},
};
use tcss_export_driver::{
    Blocking, Body, Budget, CredentialSource, DownloadError, Source, Target, Transport,
    TransportError,
    blocking::{Cancel, Client},
    blocking_fn, clock,
};

const RUNNING: &str = r#"{"Response":{"ExportStatus":"RUNNING","ExportProgress":42}}"#;

/// A pause that no test waits for.
const PAUSE: Duration = Duration::from_secs(600);
/// When a call that should have ended counts as hanging.
const BOUND: Duration = Duration::from_secs(60);

fn client<T: Blocking>(transport: T, cancel: &Cancel) -> Client<T> {
    let session = Session::new(Endpoint::international());
    let mut policy = Policy::default();
    (policy.poll_interval, policy.max_wait) = (PAUSE, 2 * PAUSE);
    let client = Client::with_transport(session, credentials(), transport);
    client.with_policy(policy).with_cancel(cancel.clone())
}

fn credentials() -> Credentials {
    Credentials::new("AKIDEXAMPLE", "EXAMPLEKEY").expect("valid credentials")
}

fn job() -> JobId {
    JobId::new("4711").expect("a valid id")
}

fn url() -> DownloadUrl {
    DownloadUrl::new("https://h.example/a.csv").expect("a valid URL")
}

/// Answers polls with RUNNING and fails downloads. It reports each pause when it begins.
struct Pausing(Sender<()>);

impl Pausing {
    fn new() -> (Self, Receiver<()>) {
        let (pauses, begun) = channel();
        (Self(pauses), begun)
    }
}

impl Transport for Pausing {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        match request.uri().path() {
            "/" => Ok(Response::new(Body::from(Bytes::from(RUNNING)))),
            _ => Err(TransportError::new(TransportErrorKind::Timeout, "made up")),
        }
    }

    async fn sleep(&self, duration: Duration) {
        self.0.send(()).expect("the test is running");
        clock::sleep(duration);
    }
}

impl Blocking for Pausing {}

/// A body whose reads are functions.
struct Reads<I>(I);

impl<I: Iterator<Item = F>, F: FnOnce() -> &'static [u8]> Read for Reads<I> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(read) = self.0.next() else { return Ok(0) };
        let bytes = read();
        buffer[..bytes.len()].copy_from_slice(bytes);
        Ok(bytes.len())
    }
}

/// Runs it on a thread, cancels once `begun` reports, and returns the result.
fn cancelled<O: Send + 'static>(
    call: impl FnOnce() -> O + Send + 'static,
    begun: &Receiver<()>,
    cancel: &Cancel,
) -> O {
    let (sender, result) = channel();
    thread::spawn(move || sender.send(call()));
    begun.recv_timeout(BOUND).expect("it has begun");
    cancel.cancel();
    result.recv_timeout(BOUND).expect("it has ended")
}

#[test]
fn a_wait_ends_during_the_pause_between_two_polls() {
    let ((transport, begun), cancel) = (Pausing::new(), Cancel::default());
    let client = client(transport, &cancel);
    let error = cancelled(move || client.wait(job()).unwrap_err(), &begun, &cancel);
    assert_eq!((&error.kind, error.report.polls), (&wait::ErrorKind::Cancelled, 1));
    assert_eq!(error.last_status().map(|status| status.as_str()), Some("RUNNING"));
}

#[test]
fn a_wait_ends_while_it_queues_for_the_budget() {
    let ((transport, begun), cancel) = (Pausing::new(), Cancel::default());
    let client = client(transport, &cancel).with_budget(Budget::new(RateBudget::new(PAUSE)));
    client.send(&DescribeExportJobResult::new(job())).expect("the first start is free");
    let error = cancelled(move || client.wait(job()).unwrap_err(), &begun, &cancel);
    assert_eq!((&error.kind, error.report.polls), (&wait::ErrorKind::Cancelled, 0));
}

#[test]
fn a_wait_ends_during_an_async_fetch_of_credentials() {
    let (sender, begun) = channel();
    let source = CredentialSource::from_async_fn(move |_| {
        sender.send(()).expect("the test is running");
        std::future::pending()
    });
    let (session, cancel) = (Session::new(Endpoint::international()), Cancel::default());
    let (transport, _pauses) = Pausing::new();
    let client = Client::with_transport(session, source, transport).with_cancel(cancel.clone());
    let error = cancelled(move || client.wait(job()).unwrap_err(), &begun, &cancel);
    assert_eq!((&error.kind, error.report.polls), (&wait::ErrorKind::Cancelled, 0));
}

#[test]
fn a_download_ends_during_the_pause_before_a_retry() {
    let ((transport, begun), cancel) = (Pausing::new(), Cancel::default());
    let client = client(transport, &cancel);
    let mut policy = download::Policy::default();
    policy.retry = Backoff::new(PAUSE, PAUSE, PAUSE);
    let source = Source::new(url()).with_policy(policy);
    let download = move || client.download_into(source, io::sink()).expect("a URL").outcome();
    let error = cancelled(download, &begun, &cancel).unwrap_err();
    assert_eq!(error.download_error().expect("no file").kind, download::ErrorKind::Cancelled);
}

#[test]
fn a_download_ends_during_the_wait_for_a_new_url() {
    let ((transport, begun), cancel) = (Pausing::new(), Cancel::default());
    let client = client(transport, &cancel);
    // This URL expired in 2023, so the job is polled first.
    let url = "https://h.example/a.csv?q-sign-time=1699979400;1699979401";
    let source = Source::new(DownloadUrl::new(url).expect("a valid URL")).of_job(job());
    let download = move || client.download_into(source, io::sink()).expect("a URL").outcome();
    let error = cancelled(download, &begun, &cancel).unwrap_err();
    assert_eq!(error.download_error().expect("no file").kind, download::ErrorKind::Cancelled);
}

#[test]
fn waits_for_many_jobs_end_without_outcomes() {
    let ((transport, begun), cancel) = (Pausing::new(), Cancel::default());
    let client = client(transport, &cancel);
    let waits = move || client.wait_all([job(), job()]).count();
    assert_eq!(cancelled(waits, &begun, &cancel), 0);
}

#[test]
fn one_handle_ends_the_waits_of_all_threads() {
    let ((transport, begun), cancel) = (Pausing::new(), Cancel::default());
    let client = Arc::new(client(transport, &cancel));
    let waits = [(); 8].map(|()| {
        let client = Arc::clone(&client);
        thread::spawn(move || client.wait(job()).unwrap_err())
    });
    let kind = cancelled(move || client.wait(job()).unwrap_err().kind.clone(), &begun, &cancel);
    assert_eq!(kind, wait::ErrorKind::Cancelled);
    for wait in waits {
        assert_eq!(wait.join().expect("no panic").kind, wait::ErrorKind::Cancelled);
    }
}

#[test]
fn a_cancelled_client_sends_no_poll_but_still_sends_single_requests() {
    let (sender, sent) = channel();
    let transport = blocking_fn(move |_| {
        sender.send(()).expect("the test is running");
        Ok(Response::new(Cursor::new(RUNNING)))
    });
    let cancel = Cancel::default();
    let client = client(transport, &cancel);
    assert!(!cancel.is_cancelled());
    cancel.cancel();
    assert!(cancel.is_cancelled());
    let mut wait = client.follow(job());
    let events: Vec<_> = wait.by_ref().map(|event| event.kind).collect();
    assert_eq!(events, [EventKind::Ended]);
    assert_eq!(wait.outcome().unwrap_err().kind, wait::ErrorKind::Cancelled);
    let error = client.download_into(url(), io::sink()).expect("a URL").outcome().unwrap_err();
    assert_eq!(error.download_error().expect("no file").kind, download::ErrorKind::Cancelled);
    assert_eq!(sent.try_iter().count(), 0);
    client.send(&DescribeExportJobResult::new(job())).expect("an answer");
    assert_eq!(sent.try_iter().count(), 1);
}

#[test]
fn a_wait_ends_when_the_current_read_of_the_answer_returns() {
    let cancel = Cancel::default();
    let handle = cancel.clone();
    let transport = blocking_fn(move |_| {
        let handle = handle.clone();
        let reads: [Box<dyn FnOnce() -> &'static [u8] + Send>; 2] = [
            Box::new(move || {
                handle.cancel();
                b"{"
            }),
            Box::new(|| panic!("read on")),
        ];
        Ok(Response::new(Reads(reads.into_iter())))
    });
    let error = client(transport, &cancel).wait(job()).unwrap_err();
    assert_eq!((&error.kind, error.report.polls), (&wait::ErrorKind::Cancelled, 1));
    assert_eq!(error.report.last_fault, None);
}

#[test]
fn a_cancelled_download_keeps_its_part_and_a_later_one_resumes() {
    let folder = std::env::temp_dir().join(format!("tcss-export-cancel-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    let (target, cancel) = (Target::new(folder.join("a.csv")), Cancel::default());
    let handle = cancel.clone();
    let first = blocking_fn(move |_| {
        let handle = handle.clone();
        let read = move || -> &'static [u8] {
            handle.cancel();
            b"12345"
        };
        let answer = Response::builder().header(ETAG, "\"1\"").header(CONTENT_LENGTH, "9");
        Ok(answer.body(Reads(iter::once(read))).expect("a response"))
    });
    let client = client(first, &cancel);
    let mut download = client.download(url(), target.clone()).expect("a URL");
    let last = download.by_ref().last().expect("an event");
    assert_eq!((last.kind, last.bytes), (download::EventKind::Ended, 5));
    let error = download.outcome().unwrap_err();
    let DownloadError::Download { error, transport: None } = error else { panic!("{error:?}") };
    assert_eq!((&error.kind, error.report.bytes), (&download::ErrorKind::Cancelled, 5));
    assert!(target.has_part() && !target.path().exists());

    let rest = blocking_fn(|request: Request<Bytes>| {
        assert_eq!(request.headers()[RANGE], "bytes=5-");
        let answer = Response::builder().status(206).header(ETAG, "\"1\"");
        let answer = answer.header(CONTENT_RANGE, "bytes 5-8/9").header(CONTENT_LENGTH, "4");
        Ok(answer.body(Cursor::new("6789")).expect("a response"))
    });
    let client = client.with_cancel(Cancel::default()).over(rest);
    client.download(url(), target.clone()).expect("a URL").outcome().expect("a file");
    assert_eq!(fs::read(target.path()).expect("a file"), b"123456789");
    fs::remove_dir_all(folder).expect("an existing folder");
}
