//! Single steps of both clients in virtual time: the clock moves only when the client sleeps or a
//! call is slow. Each result goes through JSON, as in the journal of an engine.
#![cfg(feature = "serde")]

#[path = "../../../tests/common/folder.rs"]
mod folder;

use std::{
    collections::VecDeque,
    fmt, fs,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use bytes::Bytes;
use crc::{CRC_64_XZ, Crc};
use http::{Request, Response};
use serde::{Serialize, de::DeserializeOwned};
use tcss_export_core::{
    Credentials, Endpoint, ErrorCode, JobId, Mono, Now, RateBudget, Session, TransportErrorKind,
    Wall,
    actions::{
        AssetType, CreateExportComplianceStatusListJob, DescribeExportJobManageList, ExportStatus,
    },
    download,
    wait::{ErrorKind, Policy},
};
use tcss_export_driver::{
    Blocking, Body, Client, CredentialSource, Target, Transport, TransportError, blocking,
    steps::{FetchOutcome, PollOutcome, Start, StepError, WaitState},
};

use folder::Folder;

const CREATED: &str = r#"{"Response":{"JobId":"4711","RequestId":"r-1"}}"#;
const RUNNING: &str = r#"{"Response":{"ExportStatus":"RUNNING","ExportProgress":40}}"#;
const FAILURE: &str = r#"{"Response":{"ExportStatus":"FAILURE","FailureMsg":"too large"}}"#;
const SUCCESS: &str = r#"{"Response":{"ExportStatus":"SUCCESS","RequestId":"r-2",
    "DownloadURL":"https://h.example/a.csv?q-signature=EXAMPLE0001"}}"#;
const THROTTLED: &str = r#"{"Response":{"RequestId":"r-3",
    "Error":{"Code":"RequestLimitExceeded","Message":"m"}}}"#;
const INTERNAL: &str = r#"{"Response":{"Error":{"Code":"InternalError","Message":"m"}}}"#;
const BAD_TOKEN: &str =
    r#"{"Response":{"Error":{"Code":"AuthFailure.TokenFailure","Message":"m"}}}"#;

const FILE: &[u8] = b"id,status\r\n1,PASSED\r\n";

type Reply = Result<&'static str, TransportErrorKind>;

/// Clones share one state.
#[derive(Clone, Default)]
struct TestTransport(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    now: Duration,
    /// The time that a fetch of credentials takes.
    fetch: Duration,
    answers: VecDeque<Reply>,
    /// When credentials were fetched, in milliseconds, and whether fresh ones were needed.
    fetched: Vec<(u64, bool)>,
    /// When requests to the service were sent, in milliseconds.
    sent: Vec<u64>,
    /// The bytes of the file that arrive before the connection breaks, for each download.
    breaks: VecDeque<usize>,
    /// The status and the body of each answer of the file server, unless it sends the file.
    refusal: Option<(u16, &'static str)>,
    /// Where another worker puts the file when the download begins.
    appears_at: Option<PathBuf>,
}

impl TestTransport {
    fn new(answers: &[Reply]) -> Self {
        let transport = Self::default();
        transport.state().answers = answers.iter().copied().collect();
        transport
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    fn advance(&self, time: Duration) {
        self.state().now += time;
    }

    fn credentials(&self, fresh: bool) -> Result<Credentials, TransportError> {
        let mut state = self.state();
        let at = state.now.as_millis() as u64;
        state.fetched.push((at, fresh));
        let fetch = state.fetch;
        state.now += fetch;
        Ok(Credentials::new("AKIDEXAMPLE", "EXAMPLEKEY").unwrap())
    }

    fn file(&self) -> Body {
        let broken = TransportError::new(TransportErrorKind::Permanent, "made up");
        match self.state().breaks.pop_front() {
            None => Bytes::from_static(FILE).into(),
            Some(length) => Body::from_stream(futures_util::stream::iter([
                Ok(Bytes::from_static(&FILE[..length])),
                Err(broken),
            ])),
        }
    }

    fn client(&self) -> Client<Self> {
        let transport = self.clone();
        let source = CredentialSource::from_fn(move |fresh| transport.credentials(fresh));
        Client::with_transport(session(), source, self.clone()).with_policy(policy())
    }

    fn blocking_client(&self) -> blocking::Client<Self> {
        let transport = self.clone();
        let source = CredentialSource::from_fn(move |fresh| transport.credentials(fresh));
        blocking::Client::with_transport(session(), source, self.clone()).with_policy(policy())
    }
}

impl Transport for TestTransport {
    fn now(&self) -> Now {
        let now = self.state().now;
        Now { wall: wall(now.as_millis() as i64), mono: Mono::from_origin(now) }
    }

    async fn sleep(&self, duration: Duration) {
        self.advance(duration);
    }

    async fn send(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        if request.uri().host() == Some("h.example") {
            if let Some((status, body)) = self.state().refusal {
                let response = Response::builder().status(status);
                return Ok(response.body(Bytes::from(body).into()).unwrap());
            }
            if let Some(path) = self.state().appears_at.take() {
                fs::write(path, FILE).unwrap();
            }
            let response = Response::builder()
                .status(if request.headers().contains_key("range") { 206 } else { 200 })
                .header("etag", "\"v1\"")
                .header("x-cos-hash-crc64ecma", Crc::<u64>::new(&CRC_64_XZ).checksum(FILE));
            if let Some(range) = request.headers().get("range") {
                let range = range.to_str().unwrap().strip_prefix("bytes=").unwrap();
                let first: usize = range.strip_suffix('-').unwrap().parse().unwrap();
                let total = FILE.len();
                let range = format!("bytes {first}-{}/{total}", total - 1);
                let rest = Bytes::from_static(&FILE[first..]);
                return Ok(response.header("content-range", range).body(rest.into()).unwrap());
            }
            return Ok(response.header("content-length", FILE.len()).body(self.file()).unwrap());
        }
        let mut state = self.state();
        let at = state.now.as_millis() as u64;
        state.sent.push(at);
        match state.answers.pop_front().expect("another answer") {
            Ok(body) => Ok(Response::new(Bytes::from(body).into())),
            Err(fault) => Err(TransportError::new(fault, "made up")),
        }
    }
}

impl Blocking for TestTransport {}

fn session() -> Session {
    Session::new(Endpoint::international())
}

/// Failures end a wait at the second one in a row.
fn policy() -> Policy {
    let mut policy = Policy::default();
    policy.max_failures = 1;
    policy
}

fn wall(millis: i64) -> Wall {
    Wall::from_unix_millis(1_699_979_400_000 + millis)
}

fn job() -> JobId {
    JobId::new("4711").unwrap()
}

fn order() -> CreateExportComplianceStatusListJob {
    CreateExportComplianceStatusListJob::all(AssetType::HOST)
}

/// Stores a result and reads it again.
fn stored<T: Serialize + DeserializeOwned + PartialEq + fmt::Debug>(result: T) -> T {
    let json = serde_json::to_string(&result).unwrap();
    for secret in ["q-signature", "EXAMPLE0001", "EXAMPLEKEY", "AKIDEXAMPLE", "TC3-HMAC"] {
        assert!(!json.contains(secret), "{json}");
    }
    let read = serde_json::from_str(&json).unwrap();
    assert_eq!(result, read);
    read
}

#[derive(Clone, Copy, Debug)]
enum ClientKind {
    Blocking,
    Async,
}

const BOTH: [ClientKind; 2] = [ClientKind::Blocking, ClientKind::Async];

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

impl ClientKind {
    fn create(self, transport: &TestTransport, start: Option<Start>) -> Result<JobId, StepError> {
        stored(match self {
            Self::Blocking => transport.blocking_client().create_once(&order(), start),
            Self::Async => run(transport.client().create_once(&order(), start)),
        })
    }

    fn poll(
        self,
        transport: &TestTransport,
        wait: impl Into<WaitState>,
        start: Option<Start>,
    ) -> Result<PollOutcome, StepError> {
        let wait = stored(wait.into());
        assert_eq!(wait.job(), &job());
        stored(match self {
            Self::Blocking => transport.blocking_client().poll_once(wait, start),
            Self::Async => run(transport.client().poll_once(wait, start)),
        })
    }

    fn fetch(
        self,
        transport: &TestTransport,
        target: impl Into<Target>,
        start: Option<Start>,
    ) -> Result<FetchOutcome, StepError> {
        let policy = download::Policy::default();
        stored(match self {
            Self::Blocking => transport.blocking_client().fetch_once(job(), target, policy, start),
            Self::Async => run(transport.client().fetch_once(job(), target, policy, start)),
        })
    }
}

#[test]
fn a_start_is_at_most_20_ms_late_by_default_so_that_21_starts_take_a_second() {
    let start = Start::new(wall(0));
    assert_eq!(start.until, wall(20));
    // The clock has milliseconds.
    let lateness = Start::TOLERANCE + Duration::from_millis(1);
    let margin = Duration::from_millis(29);
    assert_eq!(20 * RateBudget::SPACING - lateness, Duration::from_secs(1) + margin);
}

#[test]
fn a_request_is_sent_at_its_start_and_its_credentials_are_at_most_a_second_old() {
    for kind in BOTH {
        let transport = TestTransport::new(&[Ok(CREATED)]);
        assert_eq!(kind.create(&transport, Some(Start::new(wall(30_000)))), Ok(job()));
        assert_eq!(transport.state().fetched, [(29_000, false)]);
        assert_eq!(transport.state().sent, [30_000]);
    }
}

#[test]
fn a_request_may_be_sent_until_the_end_of_its_start() {
    for kind in BOTH {
        let transport = TestTransport::new(&[Ok(CREATED)]);
        transport.advance(Duration::from_millis(20));
        assert_eq!(kind.create(&transport, Some(Start::new(wall(0)))), Ok(job()));
        assert_eq!(transport.state().sent, [20]);
    }
}

#[test]
fn a_step_after_the_end_of_its_start_does_nothing() {
    let folder = Folder::new();
    for kind in BOTH {
        let transport = TestTransport::new(&[]);
        transport.advance(Duration::from_millis(21));
        let start = Some(Start::new(wall(0)));
        assert_eq!(kind.create(&transport, start), Err(StepError::Late));
        assert_eq!(kind.poll(&transport, job(), start), Err(StepError::Late));
        let target = folder.path().join("a.csv");
        assert_eq!(kind.fetch(&transport, target, start), Err(StepError::Late));
        assert_eq!(transport.state().fetched, []);
    }
    assert!(StepError::Late.is_transient() && !StepError::Late.may_have_arrived());
}

#[test]
fn slow_credentials_make_a_step_late() {
    for kind in BOTH {
        let transport = TestTransport::new(&[]);
        transport.state().fetch = Duration::from_millis(21);
        assert_eq!(kind.create(&transport, Some(Start::new(wall(0)))), Err(StepError::Late));
    }
}

#[test]
fn without_a_start_a_step_takes_its_turn_in_the_budget_of_its_action() {
    let transport = TestTransport::new(&[Ok(CREATED), Ok(RUNNING), Ok(RUNNING)]);
    let client = transport.blocking_client();
    client.create_once(&order(), None).unwrap();
    client.poll_once(job(), None).unwrap();
    client.poll_once(job(), None).unwrap();
    // A spacing of 52.5 ms between the two polls.
    assert_eq!(transport.state().sent, [0, 0, 52]);
}

#[test]
fn a_failed_create_says_whether_there_may_be_a_job() {
    for (reply, code, transient, arrived) in [
        (Ok(THROTTLED), Some("RequestLimitExceeded"), true, false),
        (Ok(INTERNAL), Some("InternalError"), true, true),
        (Err(TransportErrorKind::Connection), None, true, true),
        (Err(TransportErrorKind::Permanent), None, false, false),
    ] {
        for kind in BOTH {
            let transport = TestTransport::new(&[reply]);
            let error = kind.create(&transport, None).unwrap_err();
            assert_eq!((error.is_transient(), error.may_have_arrived()), (transient, arrived));
            let StepError::Failed { code: found, .. } = &error else { panic!("{error}") };
            assert_eq!(found.as_ref().map(ErrorCode::as_str), code);
        }
    }
}

#[test]
fn a_refused_token_is_transient_and_makes_the_next_step_use_fresh_credentials() {
    for kind in BOTH {
        let transport = TestTransport::new(&[Ok(BAD_TOKEN)]);
        let error = kind.create(&transport, Some(Start::new(wall(0)))).unwrap_err();
        assert!(error.is_transient());
        assert_eq!(transport.state().fetched, [(0, false), (0, true)]);
    }
}

#[test]
fn any_action_can_be_sent_at_a_start() {
    let list = DescribeExportJobManageList::new();
    let listed = r#"{"Response":{"TotalCount":1,"List":[{"JobID":"4711"}]}}"#;
    let (start, late) = (Some(Start::new(wall(0))), Some(Start::new(wall(-21))));
    let transport = TestTransport::new(&[Ok(listed), Ok(listed)]);
    let answers = [
        transport.blocking_client().send_once(&list, start),
        run(transport.client().send_once(&list, start)),
    ];
    for answer in answers {
        assert_eq!(answer.unwrap().response.jobs[0].job_id, Some(job()));
    }
    assert_eq!(run(transport.client().send_once(&list, late)), Err(StepError::Late));
}

#[test]
fn the_text_of_an_error_has_its_causes() {
    let transport = TestTransport::new(&[Err(TransportErrorKind::Connection)]);
    let error = ClientKind::Blocking.create(&transport, None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "tcss.intl.tencentcloudapi.com:443: the connection failed: made up"
    );
    assert!(StepError::Late.to_string().contains("nothing was sent"));
}

#[test]
fn polls_lead_to_the_end_of_the_job_each_by_one_request_when_it_is_due() {
    for kind in BOTH {
        let transport =
            TestTransport::new(&[Ok(RUNNING), Ok(BAD_TOKEN), Ok(THROTTLED), Ok(SUCCESS)]);
        let (mut wait, mut due) = (WaitState::New(job()), vec![0]);
        let report = loop {
            match kind.poll(&transport, wait, None).unwrap() {
                PollOutcome::Again(saved) => {
                    due.push(saved.due_at().saturating_since(wall(0)).as_millis() as u64);
                    transport.advance(saved.due_at().saturating_since(transport.now().wall));
                    wait = saved.into();
                }
                PollOutcome::Ready(report) => break report,
                failed => panic!("{failed:?}"),
            }
        };
        // The second one is due 2 s after the first; fresh credentials are tried at once.
        assert_eq!(due[..3], [0, 2_000, 2_000]);
        assert_eq!(transport.state().sent, due);
        assert_eq!((report.polls, report.retries), (4, 2));
        assert_eq!(report.last.unwrap().status, ExportStatus::Success);
        let fresh: Vec<_> = transport.state().fetched.iter().map(|(_, fresh)| *fresh).collect();
        assert_eq!(fresh, [false, false, true, false]);
    }
}

#[test]
fn a_wait_that_ends_without_a_file_says_why() {
    for kind in BOTH {
        let transport = TestTransport::new(&[Ok(FAILURE)]);
        let PollOutcome::Failed { error, transport: None } =
            kind.poll(&transport, job(), None).unwrap()
        else {
            panic!("expected a failure")
        };
        assert_eq!(error.kind, ErrorKind::JobFailed { message: Some("too large".into()) });
    }
}

#[test]
fn a_failure_of_the_transport_is_part_of_the_outcome() {
    for kind in BOTH {
        let transport = TestTransport::new(&[Err(TransportErrorKind::Permanent)]);
        let outcome = kind.poll(&transport, job(), None).unwrap();
        let PollOutcome::Failed { transport: Some(text), .. } = outcome else {
            panic!("{outcome:?}")
        };
        assert_eq!(text, "tcss.intl.tencentcloudapi.com:443: the request cannot be sent: made up");
    }
}

#[test]
fn a_wait_times_out_without_a_request() {
    for kind in BOTH {
        let transport = TestTransport::new(&[Ok(RUNNING)]);
        let PollOutcome::Again(saved) = kind.poll(&transport, job(), None).unwrap() else {
            panic!("expected a running job")
        };
        assert_eq!(saved.deadline_at(), wall(1_800_000));
        transport.advance(Duration::from_secs(1_800));
        let outcome = kind.poll(&transport, saved, Some(Start::new(wall(1_800_000)))).unwrap();
        let PollOutcome::Failed { error, .. } = outcome else { panic!("{outcome:?}") };
        assert_eq!(error.kind, ErrorKind::TimedOut);
        assert_eq!(transport.state().sent, [0]);
    }
}

#[test]
fn the_deadline_of_a_new_wait_counts_from_its_first_poll_however_late_that_starts() {
    for kind in BOTH {
        let transport = TestTransport::new(&[Ok(RUNNING)]);
        let outcome = kind.poll(&transport, job(), Some(Start::new(wall(1_900_000)))).unwrap();
        let PollOutcome::Again(saved) = outcome else { panic!("{outcome:?}") };
        assert_eq!(transport.state().sent, [1_900_000]);
        assert_eq!(saved.deadline_at(), wall(1_900_000 + 1_800_000));
    }
}

#[test]
fn a_wait_of_another_endpoint_is_refused() {
    let transport = TestTransport::new(&[Ok(RUNNING)]);
    let PollOutcome::Again(saved) = run(transport.client().poll_once(job(), None)).unwrap() else {
        panic!("expected a running job")
    };
    let other = Client::with_transport(
        Session::new(Endpoint::mainland()),
        Credentials::new("AKIDEXAMPLE", "EXAMPLEKEY").unwrap(),
        transport,
    );
    let error = run(other.poll_once(saved, None)).unwrap_err();
    assert!(error.to_string().starts_with("expected a wait at"), "{error}");
    assert!(!error.is_transient());
}

#[test]
fn a_file_is_fetched_once() {
    for kind in BOTH {
        let folder = Folder::new();
        let transport = TestTransport::new(&[Ok(SUCCESS)]);
        let first = kind.fetch(&transport, folder.at("a.csv"), Some(Start::new(wall(500))));
        let Ok(FetchOutcome::Downloaded(file)) = first else { panic!("{first:?}") };
        assert_eq!((file.bytes, file.verified), (FILE.len() as u64, true));
        assert_eq!(fs::read(folder.at("a.csv")).unwrap(), FILE);
        let was_there = FetchOutcome::WasThere { bytes: FILE.len() as u64 };
        assert_eq!(kind.fetch(&transport, folder.at("a.csv"), None), Ok(was_there));
        assert_eq!(transport.state().sent, [500]);
    }
}

#[test]
fn a_file_that_may_be_replaced_is_fetched_again() {
    let folder = Folder::new();
    fs::write(folder.at("a.csv"), "old").unwrap();
    let transport = TestTransport::new(&[Ok(SUCCESS)]);
    let target = Target::new(folder.at("a.csv")).replacing();
    ClientKind::Blocking.fetch(&transport, target, None).unwrap();
    assert_eq!(fs::read(folder.at("a.csv")).unwrap(), FILE);
}

#[test]
fn a_poll_that_comes_early_waits_until_it_is_due() {
    for kind in BOTH {
        let transport = TestTransport::new(&[Ok(RUNNING), Ok(RUNNING)]);
        let PollOutcome::Again(saved) = kind.poll(&transport, job(), None).unwrap() else {
            panic!("expected a running job")
        };
        kind.poll(&transport, saved.clone(), None).unwrap();
        assert_eq!(transport.state().sent, [0, 2_000]);
        // Its start passes meanwhile.
        let transport = TestTransport::new(&[]);
        let early = kind.poll(&transport, saved, Some(Start::new(wall(0))));
        assert_eq!(early, Err(StepError::Late));
    }
}

#[test]
fn an_interrupted_fetch_is_continued_by_the_next_step() {
    for kind in BOTH {
        let folder = Folder::new();
        let transport = TestTransport::new(&[Ok(SUCCESS), Ok(SUCCESS)]);
        transport.state().breaks = VecDeque::from([10]);
        let error = kind.fetch(&transport, folder.at("a.csv"), None).unwrap_err();
        assert!(!error.is_transient(), "{error}");
        assert_eq!(folder.names(), [".a.csv.part", ".a.csv.part.json"]);
        assert_eq!(fs::read(folder.at(".a.csv.part")).unwrap(), FILE[..10]);
        let second = kind.fetch(&transport, folder.at("a.csv"), None).unwrap();
        let FetchOutcome::Downloaded(file) = second else { panic!("{second:?}") };
        assert_eq!(file.report.resumes, 1);
    }
}

#[test]
fn a_refused_download_is_transient_if_a_new_url_or_time_may_help() {
    const EXPIRED: &str = "<?xml version='1.0' encoding='utf-8' ?><Error>\
        <Code>AccessDenied</Code><Message>Request has expired</Message></Error>";
    let folder = Folder::new();
    for (refusal, transient) in [((403, EXPIRED), true), ((500, ""), true), ((410, ""), false)] {
        for kind in BOTH {
            let transport = TestTransport::new(&[Ok(SUCCESS)]);
            transport.state().refusal = Some(refusal);
            let error = kind.fetch(&transport, folder.at("a.csv"), None).unwrap_err();
            assert_eq!(error.is_transient(), transient, "{error}");
            assert!(!error.may_have_arrived());
        }
    }
}

#[test]
fn a_file_that_another_worker_completes_meanwhile_is_found_by_the_next_step() {
    for kind in BOTH {
        let folder = Folder::new();
        let transport = TestTransport::new(&[Ok(SUCCESS)]);
        transport.state().appears_at = Some(folder.at("a.csv"));
        assert!(kind.fetch(&transport, folder.at("a.csv"), None).unwrap_err().is_transient());
        let was_there = FetchOutcome::WasThere { bytes: FILE.len() as u64 };
        assert_eq!(kind.fetch(&transport, folder.at("a.csv"), None), Ok(was_there));
    }
}

#[test]
fn a_job_without_a_file_is_fetched_later_unless_it_has_failed() {
    let folder = Folder::new();
    for (answer, transient) in [(RUNNING, true), (FAILURE, false)] {
        let transport = TestTransport::new(&[Ok(answer)]);
        let error = ClientKind::Async.fetch(&transport, folder.at("a.csv"), None).unwrap_err();
        assert_eq!(error.is_transient(), transient, "{error}");
    }
}
