//! `wait_all` and downloads of the blocking client: their exchanges run on threads. By the clock of
//! the machine, but only a failing test waits.

#[path = "../../../tests/common/file_server.rs"]
mod file_server;

use std::{
    cell::RefCell,
    collections::BTreeSet,
    io::{self, Cursor, Read},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Condvar, Mutex,
        mpsc::{Receiver, Sender, channel},
    },
    thread::{self, ThreadId},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use tcss_export_core::{
    Credentials, DownloadUrl, Endpoint, JobId, RateBudget, Session,
    download::{self, Downloaded, Policy},
    wait::ErrorKind,
};
use tcss_export_driver::{
    BLOCKING_THREADS, Blocking, Body, Budget, DownloadError, Source, Transport, TransportError,
    blocking::{Cancel, Client},
    blocking_fn, clock,
};

use self::file_server::{File, range};

const SUCCESS: &str =
    r#"{"Response":{"ExportStatus":"SUCCESS","DownloadURL":"https://h.example/"}}"#;

/// When a call that should have ended counts as hanging.
const BOUND: Duration = Duration::from_secs(60);

fn client<T: Blocking>(transport: T) -> Client<T> {
    let session = Session::new(Endpoint::international());
    let credentials = Credentials::new("AKIDEXAMPLE", "EXAMPLEKEY").expect("valid credentials");
    Client::with_transport(session, credentials, transport)
        .with_budget(Budget::new(RateBudget::new(Duration::from_micros(1))))
}

fn jobs(count: usize) -> impl Iterator<Item = JobId> {
    (0..count).map(|nth| JobId::new(format!("job-{nth}")).expect("a valid id"))
}

/// Calls that are under way at once, and the threads that they are on.
#[derive(Default)]
struct Calls {
    state: Mutex<CallsState>,
    changed: Condvar,
}

#[derive(Default)]
struct CallsState {
    active: usize,
    most: usize,
    threads: BTreeSet<String>,
}

impl Calls {
    /// Waits until so many calls have been under way at once.
    fn meet(&self, count: usize) {
        let mut state = self.state.lock().expect("no panic");
        state.active += 1;
        state.most = state.most.max(state.active);
        state.threads.insert(format!("{:?}", thread::current().id()));
        self.changed.notify_all();
        let met = |state: &mut CallsState| state.most < count;
        let (mut state, timeout) =
            self.changed.wait_timeout_while(state, BOUND, met).expect("no panic");
        state.active -= 1;
        assert!(!timeout.timed_out(), "only {} calls at once", state.most);
    }
}

#[test]
fn exchanges_run_at_once_on_a_bounded_number_of_threads() {
    let calls = Arc::new(Calls::default());
    let meeting = Arc::clone(&calls);
    let transport = blocking_fn(move |_| {
        meeting.meet(BLOCKING_THREADS);
        Ok(Response::new(Cursor::new(SUCCESS)))
    });
    let ended: Vec<_> = client(transport).wait_all(jobs(5 * BLOCKING_THREADS)).collect();
    assert_eq!(ended.iter().filter(|(_, outcome)| outcome.is_ok()).count(), 5 * BLOCKING_THREADS);
    let state = calls.state.lock().expect("no panic");
    assert_eq!((state.most, state.threads.len()), (BLOCKING_THREADS, BLOCKING_THREADS));
    assert!(!state.threads.contains(&format!("{:?}", thread::current().id())));
}

/// A transport that is called on the thread of its caller. It records the threads.
struct WithoutThreads(Arc<Mutex<Vec<ThreadId>>>);

impl Transport for WithoutThreads {
    async fn send(&self, _: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        self.0.lock().expect("no panic").push(thread::current().id());
        Ok(Response::new(Body::from(Bytes::from(SUCCESS))))
    }

    async fn sleep(&self, duration: Duration) {
        clock::sleep(duration);
    }
}

impl Blocking for WithoutThreads {
    fn threads(&self) -> usize {
        0
    }
}

#[test]
fn without_threads_each_exchange_runs_on_the_thread_of_the_caller() {
    let threads = Arc::default();
    let ended = client(WithoutThreads(Arc::clone(&threads))).wait_all(jobs(3));
    assert_eq!(ended.filter(|(_, outcome)| outcome.is_ok()).count(), 3);
    assert_eq!(*threads.lock().expect("no panic"), [thread::current().id(); 3]);
}

/// A body that may have to wait for a permission before its second half.
struct Halves {
    halves: [&'static [u8]; 2],
    next: usize,
    permission: Option<Arc<Mutex<Receiver<()>>>>,
}

impl Read for Halves {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(half) = self.halves.get(self.next) else { return Ok(0) };
        if let (1, Some(permission)) = (self.next, &self.permission) {
            let permission = permission.lock().expect("no panic");
            permission.recv_timeout(BOUND).expect("a permission");
        }
        self.next += 1;
        buffer[..half.len()].copy_from_slice(half);
        Ok(half.len())
    }
}

#[test]
fn a_slow_body_delays_no_other_exchange() {
    let (permit, permission) = channel();
    let permission = Arc::new(Mutex::new(permission));
    let transport = blocking_fn(move |request: Request<Bytes>| {
        let is_slow = request.body().windows(5).any(|window| window == b"job-0");
        let (first, second) = SUCCESS.as_bytes().split_at(20);
        let permission = is_slow.then(|| Arc::clone(&permission));
        Ok(Response::new(Halves { halves: [first, second], next: 0, permission }))
    });
    let mut ended = client(transport).wait_all(jobs(3));
    let others: BTreeSet<_> =
        ended.by_ref().take(2).map(|(job, outcome)| (job.to_string(), outcome.is_ok())).collect();
    assert_eq!(others, [("job-1".to_owned(), true), ("job-2".to_owned(), true)].into());
    permit.send(()).expect("the body waits");
    let (job, outcome) = ended.next().expect("the slow job");
    assert!(job.as_str() == "job-0" && outcome.is_ok(), "{outcome:?}");
}

#[test]
fn a_cancellation_does_not_wait_for_exchanges() {
    let (hold, held) = channel::<()>();
    let held = Arc::new(Mutex::new(held));
    let (begin, begun) = channel();
    let transport = blocking_fn(move |_| {
        begin.send(()).expect("the test is running");
        // Ends once the test has dropped the sender.
        let _ = held.lock().expect("no panic").recv_timeout(BOUND);
        Ok(Response::new(Cursor::new(SUCCESS)))
    });
    let cancel = Cancel::default();
    let client = client(transport).with_cancel(cancel.clone());
    let (sender, result) = channel();
    thread::spawn(move || sender.send(client.wait_all(jobs(3)).count()));
    begun.recv_timeout(BOUND).expect("an exchange");
    cancel.cancel();
    assert_eq!(result.recv_timeout(BOUND), Ok(0));
    drop(hold);
}

thread_local! {
    /// Dropped when its thread ends.
    static UNTIL_THE_END: RefCell<Option<Sender<()>>> = const { RefCell::new(None) };
}

#[test]
fn the_threads_end_with_the_iterator() {
    let (sender, ends) = channel();
    let sender = Mutex::new(Some(sender));
    let transport = blocking_fn(move |_| {
        let sender = sender.lock().expect("no panic").clone();
        UNTIL_THE_END.set(sender);
        Ok(Response::new(Cursor::new(SUCCESS)))
    });
    let client = client(transport);
    assert_eq!(client.wait_all(jobs(40)).count(), 40);
    drop(client);
    let end = ends.recv_timeout(BOUND).expect_err("nothing is sent");
    assert_eq!(end, std::sync::mpsc::RecvTimeoutError::Disconnected);
}

#[test]
fn a_panic_of_the_transport_reaches_the_caller() {
    let transport =
        blocking_fn(|_| -> Result<Response<Cursor<&[u8]>>, TransportError> { panic!("expected") });
    let client = client(transport);
    let mut ended = client.wait_all(jobs(2));
    let panic = catch_unwind(AssertUnwindSafe(|| ended.next().map(|_| ()))).expect_err("a panic");
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"expected"));
}

#[test]
fn a_timeout_of_the_client_ends_an_exchange_that_its_transport_does_not_end() {
    let (hold, held) = channel::<()>();
    let held = Mutex::new(held);
    let transport = blocking_fn(move |_| {
        let _ = held.lock().expect("no panic").recv_timeout(BOUND);
        Ok(Response::new(Cursor::new(SUCCESS)))
    });
    let mut policy = tcss_export_core::wait::Policy::default();
    policy.max_wait = Duration::from_millis(20);
    policy.exchange_limit = Duration::from_millis(20);
    let ended: Vec<_> = client(transport).with_policy(policy).wait_all(jobs(1)).collect();
    assert_eq!(ended[0].1.as_ref().expect_err("no answer").kind, ErrorKind::TimedOut);
    drop(hold);
}

/// Downloads into memory.
fn download<T: Blocking + Send + Sync + 'static>(
    client: &Client<T>,
    connections: u32,
) -> (Vec<u8>, Result<Downloaded, DownloadError>) {
    let mut policy = Policy::default();
    policy.connections = connections;
    let url = DownloadUrl::new("https://h.example/a.csv?q-signature=EXAMPLE").expect("a URL");
    let mut written = vec![];
    let download = client.download_into(Source::new(url).with_policy(policy), &mut written);
    let result = download.expect("a usable URL").outcome();
    (written, result)
}

/// Answers as a file server does.
fn served(file: &File, request: &Request<Bytes>) -> Response<Cursor<Bytes>> {
    let answer = match range(request.headers(), file.len()) {
        Some(range) => file.partial(range.start, range.end),
        None => file.whole(),
    };
    answer.map(Cursor::new)
}

fn file() -> File {
    File::new((0..6_u32 << 18).flat_map(u32::to_le_bytes).collect::<Vec<_>>())
}

#[test]
fn a_download_calls_on_as_many_threads_as_it_has_connections() {
    let (file, calls) = (file(), Arc::new(Calls::default()));
    let (served_file, meeting) = (file.clone(), Arc::clone(&calls));
    let client = client(blocking_fn(move |request: Request<Bytes>| {
        if request.headers().contains_key("range") {
            meeting.meet(3);
        }
        Ok(served(&served_file, &request))
    }));
    let (written, result) = download(&client, 4);
    assert!(written == file.bytes && result.expect("a file").verified);
    let state = calls.state.lock().expect("no panic");
    assert!(state.most <= 4 && state.threads.len() <= 4, "{} {:?}", state.most, state.threads);
    assert!(!state.threads.contains(&format!("{:?}", thread::current().id())));
}

#[test]
fn a_download_with_one_connection_calls_on_the_thread_of_the_caller() {
    let (file, calls) = (file(), Arc::new(Calls::default()));
    let (served_file, meeting) = (file.clone(), Arc::clone(&calls));
    let client = client(blocking_fn(move |request: Request<Bytes>| {
        meeting.meet(1);
        Ok(served(&served_file, &request))
    }));
    let (written, result) = download(&client, 1);
    assert!(written == file.bytes && result.expect("a file").report.requests == 1);
    let threads = calls.state.lock().expect("no panic").threads.clone();
    assert_eq!(threads, BTreeSet::from([format!("{:?}", thread::current().id())]));
}

/// A transport that may not be called on another thread.
struct OnOneThread<T>(T);

impl<T: Transport> Transport for OnOneThread<T> {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        self.0.send(request).await
    }

    async fn sleep(&self, duration: Duration) {
        self.0.sleep(duration).await;
    }
}

impl<T: Transport> Blocking for OnOneThread<T> {
    fn threads(&self) -> usize {
        0
    }
}

#[test]
fn without_threads_a_download_has_one_connection() {
    let (file, caller) = (file(), thread::current().id());
    let served_file = file.clone();
    let client = client(OnOneThread(blocking_fn(move |request: Request<Bytes>| {
        assert_eq!(thread::current().id(), caller);
        Ok(served(&served_file, &request))
    })));
    let (written, result) = download(&client, 4);
    assert!(written == file.bytes);
    assert_eq!(result.expect("a file").report.requests, 1);
}

#[test]
fn cancelling_a_download_does_not_wait_for_its_chunks() {
    let file = file();
    let (answering, cancelling) = (Arc::new(Calls::default()), Cancel::default());
    let cancel = cancelling.clone();
    let (release, hold) = channel::<()>();
    let hold = Mutex::new(hold);
    let blocked = Arc::clone(&answering);
    let client = client(blocking_fn(move |request: Request<Bytes>| {
        if request.headers().contains_key("range") {
            blocked.meet(3);
            cancel.cancel();
            // Only the end of the test releases it.
            let _ = hold.lock().expect("no panic").recv();
        }
        Ok(served(&file, &request))
    }))
    .with_cancel(cancelling);
    let (written, result) = download(&client, 4);
    let kind = &result.as_ref().expect_err("no file").download_error().expect("its error").kind;
    assert_eq!(*kind, download::ErrorKind::Cancelled);
    assert!(written.len() <= 1 << 20);
    drop(release);
}
