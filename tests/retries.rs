//! Single actions that are repeated, in virtual time.

use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use tcss_export::{
    CredentialSource, Credentials, Endpoint, Session,
    actions::{AssetType, CreateExportComplianceStatusListJob, DescribeExportJobManageList},
    core::{Mono, Now, Wall},
    driver::{
        Blocking, Body, Budget, Transport, TransportError, TransportErrorKind, blocking::Client,
    },
    error::SendError,
    wait::{EventKind, Policy, Remedy},
};

/// A service with a list of results, and a clock that only pauses move.
#[derive(Clone, Default)]
struct Scripted(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    results: VecDeque<Result<Response<Bytes>, TransportError>>,
    elapsed: Duration,
    /// When each request was sent, and whether it had a token.
    sent: Vec<(Duration, bool)>,
}

const START: i64 = 1_700_000_000;

impl Scripted {
    fn new<R: Into<Bytes>>(results: impl IntoIterator<Item = Result<R, TransportError>>) -> Self {
        let results = results.into_iter();
        let results = results.map(|result| result.map(|body| Response::new(body.into())));
        let scripted = Self::default();
        scripted.0.lock().unwrap().results = results.collect();
        scripted
    }

    fn sent(&self) -> Vec<(Duration, bool)> {
        self.0.lock().unwrap().sent.clone()
    }

    fn client(&self) -> Client<Self> {
        let session = Session::new(Endpoint::international());
        let credentials = Credentials::new("AKIDEXAMPLE", "EXAMPLEKEY").unwrap();
        let source = CredentialSource::from_fn(move |fresh| {
            let token = if fresh { "EXAMPLETOKEN" } else { "" };
            Ok(credentials.clone().with_token(token)?)
        });
        let client = Client::with_transport(session, source, self.clone());
        client.with_seed(7).with_budget(Budget::default())
    }
}

impl Transport for Scripted {
    fn now(&self) -> Now {
        let elapsed = self.0.lock().unwrap().elapsed;
        let millis = i64::try_from(elapsed.as_millis()).unwrap();
        let wall = Wall::from_unix_millis(START * 1_000 + millis);
        Now { wall, mono: Mono::from_origin(elapsed) }
    }

    async fn sleep(&self, duration: Duration) {
        self.0.lock().unwrap().elapsed += duration;
    }

    async fn send(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        let mut state = self.0.lock().unwrap();
        let at = (state.elapsed, request.headers().contains_key("x-tc-token"));
        state.sent.push(at);
        let result = state.results.pop_front().expect("no further request");
        Ok(result?.map(Body::from))
    }
}

impl Blocking for Scripted {}

const CREATED: &str = r#"{"Response":{"JobId":"J","RequestId":"r"}}"#;
const LIST: &str = r#"{"Response":{"TotalCount":0,"List":[],"RequestId":"r"}}"#;

fn refused(code: &str) -> Result<String, TransportError> {
    Ok(format!(r#"{{"Response":{{"Error":{{"Code":"{code}","Message":"m"}},"RequestId":"r"}}}}"#))
}

fn broken(kind: io::ErrorKind) -> Result<String, TransportError> {
    Err(io::Error::from(kind).into())
}

fn good(body: &str) -> Result<String, TransportError> {
    Ok(body.to_owned())
}

/// Creates a job, and returns the result with the remedies on the way.
fn create(client: &Client<Scripted>) -> (Result<String, SendError>, Vec<Remedy>) {
    let action = CreateExportComplianceStatusListJob::all(AssetType::HOST);
    let mut remedies = Vec::new();
    let answer = client.send_with_retries(&action, |event, _| {
        let EventKind::Retrying { remedy, .. } = event.kind else { panic!("{event:?}") };
        remedies.push(remedy);
        assert_eq!(event.poll as usize, remedies.len());
    });
    (answer.map(|answer| answer.response.job_id.to_string()), remedies)
}

#[test]
fn a_create_is_repeated_while_it_certainly_had_no_effect() {
    let not_resolved = TransportError::new(TransportErrorKind::Connection, "no such name");
    for (first, remedy) in [
        (refused("RequestLimitExceeded"), Remedy::BackOff),
        (refused("LimitExceeded.RateLimitExceeded"), Remedy::BackOff),
        (broken(io::ErrorKind::ConnectionRefused), Remedy::Retry),
        (Err(not_resolved.before_sending()), Remedy::Retry),
        (refused("AuthFailure.TokenFailure"), Remedy::FreshCredentials),
    ] {
        let name = format!("{first:?}");
        let service = Scripted::new([first, good(CREATED)]);
        let (result, remedies) = create(&service.client());
        assert_eq!((result.unwrap(), remedies), ("J".to_owned(), vec![remedy]), "{name}");
        let tokens: Vec<_> = service.sent().iter().map(|(_, has_token)| *has_token).collect();
        assert_eq!(tokens, [false, remedy == Remedy::FreshCredentials], "{name}");
    }
}

#[test]
fn a_create_that_may_have_arrived_is_never_repeated() {
    for first in [
        broken(io::ErrorKind::ConnectionReset),
        Err(TransportError::new(TransportErrorKind::Timeout, "silent")),
        Err(TransportError::new(TransportErrorKind::Truncated, "cut")),
        refused("InternalError"),
        refused("InvalidParameter.RequestTimeout"),
        refused("ResourceUnavailable"),
        refused("ServiceUnavailable"),
        good("<html>"),
        good(""),
    ] {
        let name = format!("{first:?}");
        // A second request would panic.
        let (result, remedies) = create(&Scripted::new([first]).client());
        assert!(result.is_err() && remedies.is_empty(), "{name}");
    }
}

#[test]
fn a_permanent_refusal_is_not_repeated() {
    for code in ["AuthFailure.SignatureFailure", "InvalidParameter", "UnauthorizedOperation"] {
        let (result, remedies) = create(&Scripted::new([refused(code)]).client());
        assert!(result.is_err() && remedies.is_empty(), "{code}");
    }
}

#[test]
fn an_action_that_changes_nothing_is_repeated_after_any_transient_fault() {
    let service = Scripted::new([
        broken(io::ErrorKind::ConnectionReset),
        refused("InternalError"),
        good("<html>"),
        good(LIST),
    ]);
    let mut events = 0;
    let list = DescribeExportJobManageList::new();
    let answer = service.client().send_with_retries(&list, |_, _| events += 1);
    assert_eq!((answer.unwrap().response.total_count, events), (Some(0), 3));
}

#[test]
fn delays_grow_and_end_within_the_longest_wait() {
    let throttled = || refused("RequestLimitExceeded");
    let service = Scripted::new((0..100).map(|_| throttled()));
    let mut policy = Policy::default();
    policy.max_wait = Duration::from_secs(60);
    let (result, remedies) = create(&service.client().with_policy(policy));
    assert_eq!(
        result.unwrap_err().to_string(),
        "the service answered RequestLimitExceeded: m (HTTP status 200, request id r)"
    );
    let starts: Vec<_> = service.sent().iter().map(|(at, _)| *at).collect();
    assert_eq!(starts.len(), remedies.len() + 1);
    assert!(starts.last().is_some_and(|last| *last <= Duration::from_secs(60)), "{starts:?}");
    // The next delay would be at most 15 s.
    assert!(starts.last().is_some_and(|last| *last >= Duration::from_secs(45)), "{starts:?}");
    let delays: Vec<_> = starts.windows(2).map(|pair| pair[1] - pair[0]).collect();
    for (nth, delay) in delays.iter().enumerate() {
        let longest = Duration::from_secs(1 << nth.min(4)).min(Duration::from_secs(15));
        assert!((Duration::from_millis(500)..=longest).contains(delay), "{nth}: {delay:?}");
    }
}

#[test]
fn eight_failures_in_a_row_are_repeated_and_a_ninth_is_not() {
    let service = Scripted::new((0..9).map(|_| broken(io::ErrorKind::ConnectionRefused)));
    let (result, remedies) = create(&service.client());
    assert!(result.is_err());
    assert_eq!(remedies.len(), 8);
}

#[test]
fn without_time_there_is_one_attempt_and_a_correction() {
    let mut policy = Policy::default();
    policy.max_wait = Duration::ZERO;
    for only in [refused("RequestLimitExceeded"), broken(io::ErrorKind::ConnectionRefused)] {
        let service = Scripted::new([only]);
        assert!(create(&service.client().with_policy(policy.clone())).0.is_err());
    }
    let service = Scripted::new([refused("AuthFailure.TokenFailure"), good(CREATED)]);
    assert!(create(&service.client().with_policy(policy)).0.is_ok());
}

#[test]
fn a_wrong_clock_is_corrected_once() {
    let expired = r#"{"Response":{"Error":{"Code":"AuthFailure.SignatureExpire","Message":"m"}}}"#;
    // 2023-11-14T23:13:20Z, an hour after the start.
    let expired = || {
        let mut answer = Response::new(Bytes::from(expired));
        let date = "Tue, 14 Nov 2023 23:13:20 GMT".parse().unwrap();
        answer.headers_mut().insert("date", date);
        Ok(answer)
    };
    let service = Scripted::default();
    service.0.lock().unwrap().results = [expired(), Ok(Response::new(CREATED.into()))].into();
    let client = service.client();
    let (result, remedies) = create(&client);
    assert_eq!((result.unwrap(), remedies), ("J".to_owned(), vec![Remedy::ClockCorrected]));
    assert_eq!(client.clock_offset().to_string(), "+3600.000 s");

    let service = Scripted::default();
    service.0.lock().unwrap().results = [expired(), expired()].into();
    let (result, remedies) = create(&service.client());
    assert!(result.is_err());
    assert_eq!(remedies, [Remedy::ClockCorrected]);
}

#[test]
fn send_makes_one_exchange() {
    let service = Scripted::new([refused("RequestLimitExceeded")]);
    let action = CreateExportComplianceStatusListJob::all(AssetType::HOST);
    assert!(service.client().send(&action).is_err());
    assert_eq!(service.sent().len(), 1);
}
